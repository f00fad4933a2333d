//! What a table of dynoxide's is like, and the statements for it.

use std::collections::BTreeSet;

use dynoxide::TableMetadata;
use dynoxide::storage_backend::sql_builders::escape_table_name;
use serde::Deserialize;

/// The most bytes of a partition key, and of a sort key.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const HASH_BYTES_MAX: usize = 2_048;
const RANGE_BYTES_MAX: usize = 1_024;

/// A table with the keys and indexes that the store's have.
pub(super) struct Schema {
    pub(super) hash: Attribute,
    pub(super) range: Option<Attribute>,
    pub(super) indexes: Vec<Index>,
    pub(super) read: String,
    /// A page of a partition between two sort keys: at most so many.
    pub(super) up: String,
    /// One that begins after the least.
    pub(super) up_after: String,
    /// The same from the greatest on.
    pub(super) down: String,
    pub(super) down_after: String,
    pub(super) insert: String,
    pub(super) update: String,
    pub(super) delete: String,
}

/// An attribute of a key.
pub(super) struct Attribute {
    pub(super) name: String,
    /// Otherwise it is a string.
    pub(super) is_number: bool,
    /// DynamoDB takes so many bytes of one.
    pub(super) bytes_max: usize,
}

/// A global secondary index.
pub(super) struct Index {
    pub(super) hash: Attribute,
    pub(super) range: Option<Attribute>,
    /// What it has besides keys; `None` is all.
    attributes: Option<BTreeSet<String>>,
    pub(super) insert: String,
    pub(super) delete: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Key {
    attribute_name: String,
    key_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IndexDefinition {
    index_name: String,
    key_schema: Vec<Key>,
    projection: Projection,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Projection {
    projection_type: Option<String>,
    non_key_attributes: Option<BTreeSet<String>>,
}

impl Schema {
    /// `None` when it has what the store's tables have not.
    pub(super) fn of(known: &TableMetadata) -> Option<Self> {
        let is_empty = |json: &Option<String>| json.as_deref().is_none_or(|json| json == "[]");
        let others = [&known.lsi_definitions, &known.vector_index_definitions];
        if known.stream_enabled || !others.into_iter().all(is_empty) {
            return None;
        }
        let definitions: Vec<Definition> =
            serde_json::from_str(&known.attribute_definitions).ok()?;
        let keys: Vec<Key> = serde_json::from_str(&known.key_schema).ok()?;
        let (hash, range) = attributes(&keys, &definitions)?;
        let name = &known.table_name;
        let indexes: Vec<IndexDefinition> = match &known.gsi_definitions {
            None => Vec::new(),
            Some(json) => serde_json::from_str(json).ok()?,
        };
        let indexes = indexes.into_iter().map(|index| Index::of(name, index, &definitions));
        let table = escape_table_name(name);
        let page = |least: &str, most: &str, order: &str| {
            format!(
                "SELECT item_json FROM \"{table}\" WHERE pk = ?1 AND sk {least} ?2 AND sk {most} ?3 \
                 ORDER BY sk {order} LIMIT ?4"
            )
        };
        Some(Self {
            hash,
            range,
            indexes: indexes.collect::<Option<_>>()?,
            read: format!("SELECT item_json FROM \"{table}\" WHERE pk = ?1 AND sk = ?2"),
            up: page(">=", "<=", "ASC"),
            up_after: page(">", "<=", "ASC"),
            down: page(">=", "<=", "DESC"),
            down_after: page(">=", "<", "DESC"),
            insert: format!(
                "INSERT INTO \"{table}\" (pk, sk, item_json, item_size, hash_prefix) \
                 VALUES (?1, ?2, ?3, ?4, ?5)"
            ),
            update: format!(
                "UPDATE \"{table}\" SET item_json = ?3, item_size = ?4 WHERE pk = ?1 AND sk = ?2"
            ),
            delete: format!("DELETE FROM \"{table}\" WHERE pk = ?1 AND sk = ?2"),
        })
    }

    pub(super) fn is_key(&self, name: &str) -> bool {
        self.hash.name == name || self.range.as_ref().is_some_and(|range| range.name == name)
    }
}

impl Index {
    fn of(table: &str, index: IndexDefinition, definitions: &[Definition]) -> Option<Self> {
        let (hash, range) = attributes(&index.key_schema, definitions)?;
        let Projection { projection_type, non_key_attributes } = index.projection;
        let attributes = match projection_type.as_deref() {
            None | Some("ALL") => None,
            Some("KEYS_ONLY") => Some(BTreeSet::new()),
            Some("INCLUDE") => Some(non_key_attributes.unwrap_or_default()),
            Some(_) => return None,
        };
        let table = escape_table_name(&format!("{table}::gsi::{}", index.index_name));
        Some(Self {
            hash,
            range,
            attributes,
            insert: format!(
                "INSERT INTO \"{table}\" (gsi_pk, gsi_sk, table_pk, table_sk, item_json) \
                 VALUES (?1, ?2, ?3, ?4, ?5)"
            ),
            delete: format!(
                "DELETE FROM \"{table}\" \
                 WHERE gsi_pk = ?1 AND gsi_sk = ?2 AND table_pk = ?3 AND table_sk = ?4"
            ),
        })
    }

    /// Whether it has this attribute of an item, for another reason than that it is a key of the
    /// table.
    pub(super) fn has(&self, name: &str) -> bool {
        let is_key =
            self.hash.name == name || self.range.as_ref().is_some_and(|range| range.name == name);
        is_key || self.attributes.as_ref().is_none_or(|attributes| attributes.contains(name))
    }
}

/// The partition key and the sort key, each of one attribute.
fn attributes(keys: &[Key], definitions: &[Definition]) -> Option<(Attribute, Option<Attribute>)> {
    let one = |kind: &str, bytes_max: usize| -> Option<Option<Attribute>> {
        let mut of_kind = keys.iter().filter(|key| key.key_type == kind);
        let Some(Key { attribute_name: name, .. }) = of_kind.next() else { return Some(None) };
        let definition = definitions.iter().find(|definition| definition.attribute_name == *name);
        let is_number = match &*definition?.attribute_type {
            "N" => true,
            "S" => false,
            _ => return None,
        };
        // An index may have several.
        let is_only = of_kind.next().is_none();
        is_only.then(|| Some(Attribute { name: name.clone(), is_number, bytes_max }))
    };
    Some((one("HASH", HASH_BYTES_MAX)??, one("RANGE", RANGE_BYTES_MAX)?))
}
