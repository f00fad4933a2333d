//! The requests of the store, carried out on dynoxide's tables without dynoxide: with statements
//! that SQLite has compiled once, and expressions that are read once.
//!
//! It knows what the store asks for, as [`expression`](super::expression) and
//! [`row`](super::row) do. Whatever else it meets (an index that is queried, an item that
//! others have made, a mistake) it leaves to dynoxide: then it has done nothing. The tables are
//! those of dynoxide 3.2, which is pinned; tests compare the two, request by request.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use callboard_mailbox_dynamodb::database::{
    Action, Answer, Consumed, Item, Query, Reason, Request, Response, Value, Write,
};
use dynoxide::AttributeValue;
use dynoxide::storage::{Storage, compute_hash_prefix};
use dynoxide::types::{
    normalize_number_for_sort, read_capacity_units_with_consistency, table_write_capacity_units,
    write_capacity_units,
};
use rusqlite::{Connection, params};

use super::expression::{Comparison, Condition, Operand, Scope, Update, number};
use super::row;
use super::schema::{Attribute, Index, Schema};

/// The most bytes of an item, and of what a transaction makes; what is larger is refused by
/// dynoxide. <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const ITEM_BYTES_MAX: usize = 400 * 1024;
const TRANSACTION_BYTES_MAX: usize = 4_000_000;

/// How much is looked at for one page of a query: DynamoDB's 1 MB.
const PAGE_BYTES_MAX: usize = 1 << 20;

/// The most writes of a transaction, and the most items that are read and deleted in a batch.
const WRITES_MAX: usize = 100;
const READS_MAX: usize = 100;
const DELETES_MAX: usize = 25;

/// How many expressions are kept. The store has a few dozen.
const EXPRESSIONS_MAX: usize = 1_000;

/// How many units of a table a transaction takes for each that a write takes by itself. Those of
/// indexes it takes once.
const TRANSACTION_FACTOR: f64 = 2.0;

/// Why nothing was done.
pub(super) enum Stop {
    /// It is for dynoxide to say.
    Foreign,
    /// The database has failed.
    Failed(rusqlite::Error),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error)
    }
}

type Done<T> = Result<T, Stop>;

/// What is known of tables and expressions.
#[derive(Default)]
pub(super) struct Direct {
    schemas: HashMap<String, Option<Arc<Schema>>>,
    conditions: HashMap<String, Option<Arc<Condition>>>,
    updates: HashMap<String, Option<Arc<Update>>>,
}

/// An item of a table, if it is there.
struct Row {
    item: Item,
    size: usize,
}

/// What a write makes of an item.
struct Change {
    schema: Arc<Schema>,
    keys: Keys,
    old: Option<Row>,
    new: Option<Row>,
    /// What each index has of the item, and is to have.
    entries: Vec<[Option<Entry>; 2]>,
}

/// The key of an item, as the tables have it.
#[derive(PartialEq, Eq, Hash)]
struct Keys {
    hash: String,
    range: String,
}

/// A write whose condition was looked at.
enum Planned {
    Change(Change),
    /// The condition does not hold. The item that was there, if it was asked for.
    Refused(Keys, Option<Item>),
}

/// What an index has of an item.
#[derive(PartialEq)]
struct Entry {
    keys: Keys,
    item: Item,
}

impl Direct {
    /// Carries a request out. One that writes must be in a transaction of SQLite's, which is to be
    /// taken back when it fails.
    pub(super) fn perform(&mut self, storage: &Storage, request: &Request) -> Done<Response> {
        let (answer, consumed) = match request {
            Request::Get { table, key } => self.get(storage, table, key)?,
            Request::GetAll { table, keys, consistent } => {
                self.get_all(storage, table, keys, *consistent)?
            }
            Request::Query(query) => self.query(storage, query)?,
            Request::Write(write) => self.write(storage, write)?,
            Request::Transact(writes) => self.transact(storage, writes)?,
            Request::DeleteAll { table, keys } => self.delete_all(storage, table, keys)?,
        };
        Ok(Response { result: Ok(answer), consumed })
    }

    fn get(&mut self, storage: &Storage, table: &str, key: &Item) -> Done<(Answer, Consumed)> {
        let schema = self.schema(storage, table)?;
        let row = schema.read(storage.conn(), &schema.keys(key, true)?)?;
        let units = read_units(row.as_ref().map_or(0, |row| row.size), true);
        Ok((Answer::Item(row.map(|row| row.item)), vec![(table.to_owned(), units)]))
    }

    fn get_all(
        &mut self,
        storage: &Storage,
        table: &str,
        keys: &[Item],
        consistent: bool,
    ) -> Done<(Answer, Consumed)> {
        let schema = self.schema(storage, table)?;
        let keys = schema.unique(keys, READS_MAX)?;
        let (mut found, mut bytes, mut units) = (Vec::new(), 0, 0.0);
        for key in &keys {
            let row = schema.read(storage.conn(), key)?;
            let size = row.as_ref().map_or(0, |row| row.size);
            bytes += size;
            units += read_units(size, consistent);
            found.extend(row.map(|row| row.item));
        }
        if bytes > TRANSACTION_BYTES_MAX {
            return Err(Stop::Foreign);
        }
        Ok((Answer::Items { found, left: Vec::new() }, vec![(table.to_owned(), units)]))
    }

    fn query(&mut self, storage: &Storage, query: &Query) -> Done<(Answer, Consumed)> {
        if query.index.is_some() || query.limit == Some(0) {
            return Err(Stop::Foreign);
        }
        let schema = self.schema(storage, &query.table)?;
        let scope = Scope { names: &query.names, values: &query.values };
        let condition = self.condition(&query.condition)?;
        let range = schema.range.as_ref().ok_or(Stop::Foreign)?;
        let [hash, least, most] = bounds(&condition, &schema.hash, range, scope)?;
        let filter = query.filter.as_ref().map(|filter| self.condition(filter)).transpose()?;
        let projection = query.projection.as_ref().map(|text| projected(text, scope));
        let projection = projection.map(|names| names.ok_or(Stop::Foreign)).transpose()?;
        // What was looked at last is a bound, and not looked at again.
        let (least, most, statement) = match (&query.after, query.backwards) {
            (None, false) => (least, most, &schema.up),
            (None, true) => (least, most, &schema.down),
            (Some(after), backwards) => {
                let after = schema.keys(after, true)?;
                if after.hash != hash || after.range < least || after.range > most {
                    return Err(Stop::Foreign);
                }
                match backwards {
                    false => (after.range, most, &schema.up_after),
                    true => (least, after.range, &schema.down_after),
                }
            }
        };
        let mut statement = storage.conn().prepare_cached(statement)?;
        let limit = query.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let mut rows = statement.query(params![hash, least, most, limit])?;
        let (mut items, mut looked_at, mut bytes) = (Vec::new(), 0, 0);
        let (mut last, mut is_full) = (None, false);
        while let Some(row) = rows.next()? {
            let item = read(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?;
            let size = row::size(&item);
            if bytes + size > PAGE_BYTES_MAX && looked_at > 0 {
                is_full = true;
                break;
            }
            (bytes, looked_at) = (bytes + size, looked_at + 1);
            last = Some(schema.key_of(&item)?);
            let holds = filter.as_ref().map(|filter| filter.holds(&item, scope));
            if holds.map(|holds| holds.ok_or(Stop::Foreign)).transpose()? != Some(false) {
                items.push(match &projection {
                    None => item,
                    Some(names) => {
                        item.into_iter().filter(|(name, _)| names.contains(&&**name)).collect()
                    }
                });
            }
        }
        is_full |= query.limit.is_some_and(|limit| looked_at >= limit);
        let units = read_units(bytes, true);
        let answer = Answer::Page { items, last: last.filter(|_| is_full) };
        Ok((answer, vec![(query.table.clone(), units)]))
    }

    fn write(&mut self, storage: &Storage, write: &Write) -> Done<(Answer, Consumed)> {
        match self.plan(storage, write)? {
            Planned::Refused(_, item) => Ok((Answer::Refused(item), Consumed::new())),
            Planned::Change(change) => {
                let units = change.make(storage.conn(), 1.0)?;
                let item = change.new.filter(|_| write.returns_item).map(|row| row.item);
                Ok((Answer::Written(item), vec![(write.table.clone(), units)]))
            }
        }
    }

    fn transact(&mut self, storage: &Storage, writes: &[Write]) -> Done<(Answer, Consumed)> {
        let planned = writes.iter().map(|write| self.plan(storage, write));
        let planned: Vec<_> = planned.collect::<Done<_>>()?;
        let mut keys = HashSet::new();
        let mut is_one_of_each = true;
        let mut bytes = 0;
        for (write, planned) in writes.iter().zip(&planned) {
            let (key, size) = match planned {
                Planned::Change(change) => (&change.keys, change.new.as_ref().map(|row| row.size)),
                Planned::Refused(keys, _) => (keys, None),
            };
            is_one_of_each &= keys.insert((&write.table, key));
            bytes += size.unwrap_or(0);
        }
        let is_small = writes.len() <= WRITES_MAX && bytes <= TRANSACTION_BYTES_MAX;
        if writes.is_empty() || !is_small || !is_one_of_each {
            return Err(Stop::Foreign);
        }
        if planned.iter().any(|planned| matches!(planned, Planned::Refused(..))) {
            return Ok((
                Answer::Cancelled(planned.into_iter().map(Planned::reason).collect()),
                Consumed::new(),
            ));
        }
        let mut consumed = Consumed::new();
        for (write, planned) in writes.iter().zip(planned) {
            let Planned::Change(change) = planned else { continue };
            let units = change.make(storage.conn(), TRANSACTION_FACTOR)?;
            match consumed.iter_mut().find(|(table, _)| *table == write.table) {
                Some((_, sum)) => *sum += units,
                None => consumed.push((write.table.clone(), units)),
            }
        }
        Ok((Answer::Written(None), consumed))
    }

    fn delete_all(
        &mut self,
        storage: &Storage,
        table: &str,
        keys: &[Item],
    ) -> Done<(Answer, Consumed)> {
        let schema = self.schema(storage, table)?;
        let keys = schema.unique(keys, DELETES_MAX)?;
        let change = |keys| {
            let old = schema.read(storage.conn(), &keys)?;
            Change::of(Arc::clone(&schema), keys, old, None)
        };
        let changes: Vec<_> = keys.into_iter().map(change).collect::<Done<_>>()?;
        let mut units = 0.0;
        for change in changes {
            units += change.make(storage.conn(), 1.0)?;
        }
        Ok((Answer::Deleted(true), vec![(table.to_owned(), units)]))
    }

    /// Looks whether a write is to be made, and what it makes.
    fn plan(&mut self, storage: &Storage, write: &Write) -> Done<Planned> {
        let schema = self.schema(storage, &write.table)?;
        let scope = Scope { names: &write.names, values: &write.values };
        let condition = write.condition.as_ref().map(|text| self.condition(text)).transpose()?;
        let keys = match &write.action {
            Action::Put(item) => schema.keys(item, false)?,
            Action::Update { key, .. } | Action::Delete(key) => schema.keys(key, true)?,
        };
        let old = schema.read(storage.conn(), &keys)?;
        let nothing = Item::new();
        let there = old.as_ref().map_or(&nothing, |row| &row.item);
        if let Some(condition) = condition
            && !condition.holds(there, scope).ok_or(Stop::Foreign)?
        {
            let item = old.filter(|_| write.returns_refused).map(|row| row.item);
            return Ok(Planned::Refused(keys, item));
        }
        let new = match &write.action {
            Action::Delete(_) => None,
            Action::Put(item) => Some(item.clone()),
            Action::Update { key, update } => {
                let update = self.update(update)?;
                if update.attributes(scope).any(|name| schema.is_key(name)) {
                    return Err(Stop::Foreign);
                }
                let before = if old.is_some() { there } else { key };
                Some(update.apply(before, scope).ok_or(Stop::Foreign)?)
            }
        };
        let new = new.map(|item| {
            let size = row::size(&item);
            let is_ours = row::is_plain(&item) && size <= ITEM_BYTES_MAX;
            is_ours.then_some(Row { item, size }).ok_or(Stop::Foreign)
        });
        let new = new.transpose()?;
        Change::of(schema, keys, old, new).map(Planned::Change)
    }

    fn schema(&mut self, storage: &Storage, table: &str) -> Done<Arc<Schema>> {
        if !self.schemas.contains_key(table) {
            let known = storage.get_table_metadata(table).map_err(|_| Stop::Foreign)?;
            let Some(known) = known else { return Err(Stop::Foreign) };
            self.schemas.insert(table.to_owned(), Schema::of(&known).map(Arc::new));
        }
        self.schemas[table].clone().ok_or(Stop::Foreign)
    }

    fn condition(&mut self, text: &str) -> Done<Arc<Condition>> {
        kept(&mut self.conditions, text, Condition::parse)
    }

    fn update(&mut self, text: &str) -> Done<Arc<Update>> {
        kept(&mut self.updates, text, Update::parse)
    }
}

fn kept<T>(
    all: &mut HashMap<String, Option<Arc<T>>>,
    text: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Done<Arc<T>> {
    if !all.contains_key(text) {
        if all.len() >= EXPRESSIONS_MAX {
            all.clear();
        }
        all.insert(text.to_owned(), parse(text).map(Arc::new));
    }
    all[text].clone().ok_or(Stop::Foreign)
}

impl Planned {
    /// What is said of it when the transaction is cancelled.
    fn reason(self) -> Reason {
        match self {
            Self::Change(_) => Reason { code: Some("None".to_owned()), message: None, item: None },
            Self::Refused(_, item) => Reason {
                code: Some("ConditionalCheckFailed".to_owned()),
                message: Some("The conditional request failed".to_owned()),
                item,
            },
        }
    }
}

impl Change {
    /// Before anything is written, since an index refuses what cannot be its key.
    fn of(schema: Arc<Schema>, keys: Keys, old: Option<Row>, new: Option<Row>) -> Done<Self> {
        let entries = schema.indexes.iter().map(|index| {
            let entry = |row: &Option<Row>| match row {
                None => Ok(None),
                Some(row) => index.entry(&row.item, &schema),
            };
            Ok([entry(&old)?, entry(&new)?])
        });
        let entries = entries.collect::<Done<_>>()?;
        Ok(Self { schema, keys, old, new, entries })
    }

    /// Makes it; the units that it consumes, those of the table so many times.
    fn make(&self, connection: &Connection, factor: f64) -> Done<f64> {
        let Self { schema, keys, old, new, entries } = self;
        let Keys { hash, range } = keys;
        match (old, new) {
            (_, None) => {
                connection.prepare_cached(&schema.delete)?.execute(params![hash, range])?;
            }
            (Some(_), Some(row)) => {
                let json = row::write(&row.item);
                connection
                    .prepare_cached(&schema.update)?
                    .execute(params![hash, range, json, row.size])?;
            }
            (None, Some(row)) => {
                let json = row::write(&row.item);
                let prefix = hash_prefix(&row.item[&schema.hash.name]);
                connection
                    .prepare_cached(&schema.insert)?
                    .execute(params![hash, range, json, row.size, prefix])?;
            }
        }
        let sizes = [old, new].map(|row| row.as_ref().map(|row| row.size));
        let mut units = factor * table_write_capacity_units(sizes[0], sizes[1]);
        for (index, entries) in schema.indexes.iter().zip(entries) {
            units += index.change(connection, keys, entries)?;
        }
        Ok(units)
    }
}

impl Schema {
    /// The key of an item; `alone` when there is to be nothing else.
    fn keys(&self, item: &Item, alone: bool) -> Done<Keys> {
        if alone && item.len() != 1 + usize::from(self.range.is_some()) {
            return Err(Stop::Foreign);
        }
        let text = |attribute: &Attribute| {
            let value = item.get(&attribute.name).ok_or(Stop::Foreign)?;
            attribute.key_text(value).ok_or(Stop::Foreign)
        };
        let range = self.range.as_ref().map(text).transpose()?.unwrap_or_default();
        Ok(Keys { hash: text(&self.hash)?, range })
    }

    /// Keys, of which none comes twice.
    fn unique(&self, keys: &[Item], max: usize) -> Done<HashSet<Keys>> {
        let unique: HashSet<Keys> =
            keys.iter().map(|key| self.keys(key, true)).collect::<Done<_>>()?;
        let is_right = unique.len() == keys.len() && !keys.is_empty() && keys.len() <= max;
        if is_right { Ok(unique) } else { Err(Stop::Foreign) }
    }

    /// The key in an item.
    fn key_of(&self, item: &Item) -> Done<Item> {
        let names = [Some(&self.hash), self.range.as_ref()].into_iter().flatten();
        let part = |attribute: &Attribute| {
            let value = item.get(&attribute.name).ok_or(Stop::Foreign)?;
            Ok((attribute.name.clone(), value.clone()))
        };
        names.map(part).collect()
    }

    fn read(&self, connection: &Connection, keys: &Keys) -> Done<Option<Row>> {
        let mut statement = connection.prepare_cached(&self.read)?;
        let mut rows = statement.query(params![keys.hash, keys.range])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let item = read(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?;
        Ok(Some(Row { size: row::size(&item), item }))
    }
}

impl Index {
    /// What it has of an item: nothing when that lacks one of its keys.
    fn entry(&self, item: &Item, schema: &Schema) -> Done<Option<Entry>> {
        let Some(hash) = item.get(&self.hash.name) else { return Ok(None) };
        let hash = self.hash.key_text(hash).ok_or(Stop::Foreign)?;
        let range = match &self.range {
            None => String::new(),
            Some(attribute) => match item.get(&attribute.name) {
                None => return Ok(None),
                Some(value) => attribute.key_text(value).ok_or(Stop::Foreign)?,
            },
        };
        let has = |name: &str| self.has(name) || schema.is_key(name);
        let item = item.iter().filter(|(name, _)| has(name));
        let item = item.map(|(name, value)| (name.clone(), value.clone())).collect();
        Ok(Some(Entry { keys: Keys { hash, range }, item }))
    }

    /// Changes what it has of the item with a key; the units that this consumes.
    fn change(
        &self,
        connection: &Connection,
        of: &Keys,
        [old, new]: &[Option<Entry>; 2],
    ) -> Done<f64> {
        if old == new {
            return Ok(0.0);
        }
        if let Some(Entry { keys, .. }) = old {
            connection
                .prepare_cached(&self.delete)?
                .execute(params![keys.hash, keys.range, of.hash, of.range])?;
        }
        if let Some(Entry { keys, item }) = new {
            let json = row::write(item);
            connection
                .prepare_cached(&self.insert)?
                .execute(params![keys.hash, keys.range, of.hash, of.range, json])?;
        }
        let units = |entry: &Entry| write_capacity_units(row::size(&entry.item));
        Ok(match (old, new) {
            (Some(old), Some(new)) if old.keys == new.keys => units(old).max(units(new)),
            _ => old.iter().chain(new).map(units).sum(),
        })
    }
}

impl Attribute {
    /// A value as the tables' keys have it, if it is of the right type and DynamoDB takes it as
    /// one.
    fn key_text(&self, value: &Value) -> Option<String> {
        match value {
            Value::S(text) if !self.is_number => {
                (1..=self.bytes_max).contains(&text.len()).then(|| format!("S:{text}"))
            }
            Value::N(digits) if self.is_number => {
                number(digits).map(|_| format!("N:{}", normalize_number_for_sort(digits)))
            }
            _ => None,
        }
    }
}

/// The partition key and the least and the greatest sort key of a query's condition.
fn bounds(
    condition: &Condition,
    hash: &Attribute,
    range: &Attribute,
    scope: Scope<'_>,
) -> Done<[String; 3]> {
    let is = |operand: &Operand, attribute: &Attribute| match operand {
        Operand::Attribute(name) => scope.attribute(name) == Some(&*attribute.name),
        Operand::Value(_) => false,
    };
    let text = |operand: &Operand, attribute: &Attribute| match operand {
        Operand::Attribute(_) => Err(Stop::Foreign),
        Operand::Value(name) => {
            let value = scope.values.get(name).ok_or(Stop::Foreign)?;
            attribute.key_text(value).ok_or(Stop::Foreign)
        }
    };
    let Condition::And(first, second) = condition else { return Err(Stop::Foreign) };
    match (&**first, &**second) {
        (
            Condition::Compare(partition, Comparison::Equal, value),
            Condition::Between(sort, least, most),
        ) if is(partition, hash) && is(sort, range) => {
            let (least, most) = (text(least, range)?, text(most, range)?);
            if least > most {
                return Err(Stop::Foreign);
            }
            Ok([text(value, hash)?, least, most])
        }
        _ => Err(Stop::Foreign),
    }
}

/// The attributes that a projection names.
fn projected<'a>(text: &'a str, scope: Scope<'a>) -> Option<Vec<&'a str>> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '#';
    let names = text.split(',').map(str::trim);
    names.map(|name| scope.attribute(name).filter(|_| name.chars().all(is_letter))).collect()
}

fn read(text: &str) -> Done<Item> {
    let item = row::read(text).map_err(|_| Stop::Foreign)?;
    // Written back it would lose what others have put into it.
    if row::is_plain(&item) { Ok(item) } else { Err(Stop::Foreign) }
}

fn read_units(bytes: usize, consistent: bool) -> f64 {
    read_capacity_units_with_consistency(bytes, consistent)
}

fn hash_prefix(value: &Value) -> String {
    compute_hash_prefix(&match value {
        Value::N(digits) => AttributeValue::N(digits.clone()),
        Value::S(text) => AttributeValue::S(text.clone()),
        _ => AttributeValue::NULL(true),
    })
}
