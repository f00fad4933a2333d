//! Conditions, key conditions and updates of the kinds that the store writes: a part of DynamoDB's
//! language for expressions. For whatever is beyond it (other functions, paths into documents,
//! numbers with a fraction, and all mistakes) there is no answer here; dynoxide knows all of it.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html>

use std::cmp::Ordering;

use callboard_mailbox_dynamodb::database::{Item, Value};

/// The names and the values in an expression.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) names: &'a [(String, String)],
    pub(super) values: &'a Item,
}

/// What an item must be, or the keys of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Exists(String),
    Compare(Operand, Comparison, Operand),
    Between(Operand, Operand, Operand),
}

/// An attribute, or one of the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operand {
    Attribute(String),
    Value(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What an update makes of an item.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Update {
    sets: Vec<(String, Sum)>,
    adds: Vec<(String, Operand)>,
    removes: Vec<String>,
}

/// A term, perhaps with another one added or taken away.
#[derive(Debug, PartialEq, Eq)]
struct Sum {
    first: Term,
    second: Option<(Sign, Term)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
}

#[derive(Debug, PartialEq, Eq)]
enum Term {
    Operand(Operand),
    /// The attribute, if there is one.
    IfNotExists(String, Operand),
}

impl<'a> Scope<'a> {
    /// The attribute that is meant by a name.
    pub(super) fn attribute(self, name: &'a str) -> Option<&'a str> {
        match name.starts_with('#') {
            false => Some(name),
            true => self.names.iter().find(|(alias, _)| alias == name).map(|(_, name)| &**name),
        }
    }

    fn operand(self, operand: &'a Operand, item: &'a Item) -> Option<Option<&'a Value>> {
        match operand {
            Operand::Attribute(name) => Some(item.get(self.attribute(name)?)),
            Operand::Value(name) => self.values.get(name).map(Some),
        }
    }
}

impl Condition {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut tokens = Tokens::of(text)?;
        let condition = tokens.either()?;
        tokens.is_at_end().then_some(condition)
    }

    /// Whether it holds for an item, which is empty when there is none.
    pub(super) fn holds(&self, item: &Item, scope: Scope<'_>) -> Option<bool> {
        // Both sides always: a mistake in either is one.
        Some(match self {
            Self::And(left, right) => {
                let (left, right) = (left.holds(item, scope)?, right.holds(item, scope)?);
                left && right
            }
            Self::Or(left, right) => {
                let (left, right) = (left.holds(item, scope)?, right.holds(item, scope)?);
                left || right
            }
            Self::Not(condition) => !condition.holds(item, scope)?,
            Self::Exists(name) => item.contains_key(scope.attribute(name)?),
            Self::Compare(left, comparison, right) => {
                compare(scope, item, left, *comparison, right)?
            }
            Self::Between(operand, least, most) => {
                if !compare(scope, item, least, Comparison::LessOrEqual, most)? {
                    return None;
                }
                let is_not_less = compare(scope, item, operand, Comparison::GreaterOrEqual, least)?;
                is_not_less && compare(scope, item, operand, Comparison::LessOrEqual, most)?
            }
        })
    }
}

fn compare(
    scope: Scope<'_>,
    item: &Item,
    left: &Operand,
    comparison: Comparison,
    right: &Operand,
) -> Option<bool> {
    let (left, right) = (scope.operand(left, item)?, scope.operand(right, item)?);
    // Without one of the attributes nothing holds of them.
    let (Some(left), Some(right)) = (left, right) else { return Some(false) };
    let order = match (left, right) {
        (Value::S(left), Value::S(right)) => left.cmp(right),
        (Value::B(left), Value::B(right)) => left.cmp(right),
        (Value::N(left), Value::N(right)) => number(left)?.cmp(&number(right)?),
        _ => return None,
    };
    Some(match comparison {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
    })
}

/// A whole number, as DynamoDB keeps it.
pub(super) fn number(digits: &str) -> Option<i128> {
    let number: i128 = digits.parse().ok()?;
    // DynamoDB keeps 38 digits; and others are written differently.
    (digits.len() <= 38 && number.to_string() == digits).then_some(number)
}

impl Update {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut tokens = Tokens::of(text)?;
        let mut update = Self::default();
        while let Some(clause) = tokens.next() {
            loop {
                let name = tokens.attribute()?;
                if update.names(&name) {
                    return None;
                }
                match clause {
                    "SET" => {
                        tokens.expect("=")?;
                        update.sets.push((name, tokens.sum()?));
                    }
                    "ADD" => update.adds.push((name, tokens.value()?)),
                    "REMOVE" => update.removes.push(name),
                    _ => return None,
                }
                if !tokens.take(",") {
                    break;
                }
            }
        }
        Some(update)
    }

    /// Whether it changes an attribute of this name already.
    fn names(&self, name: &str) -> bool {
        let sets = self.sets.iter().any(|(set, _)| set == name);
        let adds = self.adds.iter().any(|(add, _)| add == name);
        sets || adds || self.removes.iter().any(|remove| remove == name)
    }

    /// The item after it.
    pub(super) fn apply(&self, item: &Item, scope: Scope<'_>) -> Option<Item> {
        let mut after = item.clone();
        // All of them read the item as it was.
        for (name, sum) in &self.sets {
            after.insert(scope.attribute(name)?.to_owned(), sum.of(item, scope)?);
        }
        for (name, operand) in &self.adds {
            let name = scope.attribute(name)?;
            let Some(Value::N(more)) = scope.operand(operand, item)? else { return None };
            let sum = match item.get(name) {
                None => number(more)?,
                Some(Value::N(there)) => number(there)?.checked_add(number(more)?)?,
                Some(_) => return None,
            };
            after.insert(name.to_owned(), of_number(sum)?);
        }
        for name in &self.removes {
            after.remove(scope.attribute(name)?);
        }
        Some(after)
    }

    /// The attributes that it changes.
    pub(super) fn attributes<'a>(&'a self, scope: Scope<'a>) -> impl Iterator<Item = &'a str> {
        let sets = self.sets.iter().map(|(name, _)| name);
        let adds = self.adds.iter().map(|(name, _)| name);
        sets.chain(adds).chain(&self.removes).filter_map(move |name| scope.attribute(name))
    }
}

impl Sum {
    fn of(&self, item: &Item, scope: Scope<'_>) -> Option<Value> {
        let first = self.first.of(item, scope)?;
        let Some((sign, second)) = &self.second else { return Some(first.clone()) };
        let (Value::N(first), Value::N(second)) = (first, second.of(item, scope)?) else {
            return None;
        };
        let (first, second) = (number(first)?, number(second)?);
        of_number(match sign {
            Sign::Plus => first.checked_add(second)?,
            Sign::Minus => first.checked_sub(second)?,
        })
    }
}

impl Term {
    fn of<'a>(&'a self, item: &'a Item, scope: Scope<'a>) -> Option<&'a Value> {
        match self {
            Self::Operand(operand) => scope.operand(operand, item)?,
            Self::IfNotExists(name, otherwise) => match item.get(scope.attribute(name)?) {
                Some(there) => Some(there),
                None => scope.operand(otherwise, item)?,
            },
        }
    }
}

fn of_number(number: i128) -> Option<Value> {
    let digits = number.to_string();
    (digits.len() <= 38).then_some(Value::N(digits))
}

/// The words and signs of an expression.
struct Tokens<'a> {
    tokens: Vec<&'a str>,
    next: usize,
}

impl<'a> Tokens<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let is_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '#' | ':');
            let len = match first {
                '<' | '>' if rest[1..].starts_with('=') => 2,
                '=' | '<' | '>' | '(' | ')' | ',' | '+' | '-' => 1,
                first if is_of_word(first) => rest.find(|c| !is_of_word(c)).unwrap_or(rest.len()),
                _ => return None,
            };
            tokens.push(&rest[..len]);
            rest = rest[len..].trim_start();
        }
        Some(Self { tokens, next: 0 })
    }

    fn is_at_end(&self) -> bool {
        self.next == self.tokens.len()
    }

    fn next(&mut self) -> Option<&'a str> {
        let token = self.tokens.get(self.next)?;
        self.next += 1;
        Some(token)
    }

    fn take(&mut self, token: &str) -> bool {
        let is_next = self.tokens.get(self.next) == Some(&token);
        self.next += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, token: &str) -> Option<()> {
        self.take(token).then_some(())
    }

    fn either(&mut self) -> Option<Condition> {
        let mut condition = self.both()?;
        while self.take("OR") {
            condition = Condition::Or(Box::new(condition), Box::new(self.both()?));
        }
        Some(condition)
    }

    fn both(&mut self) -> Option<Condition> {
        let mut condition = self.one()?;
        while self.take("AND") {
            condition = Condition::And(Box::new(condition), Box::new(self.one()?));
        }
        Some(condition)
    }

    fn one(&mut self) -> Option<Condition> {
        if self.take("NOT") {
            return Some(Condition::Not(Box::new(self.one()?)));
        }
        if self.take("(") {
            let condition = self.either()?;
            self.expect(")")?;
            return Some(condition);
        }
        if self.take("attribute_exists") {
            return Some(Condition::Exists(self.argument()?));
        }
        if self.take("attribute_not_exists") {
            return Some(Condition::Not(Box::new(Condition::Exists(self.argument()?))));
        }
        let left = self.operand()?;
        if self.take("BETWEEN") {
            let least = self.operand()?;
            self.expect("AND")?;
            return Some(Condition::Between(left, least, self.operand()?));
        }
        let comparison = match self.next()? {
            "=" => Comparison::Equal,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return None,
        };
        Some(Condition::Compare(left, comparison, self.operand()?))
    }

    fn argument(&mut self) -> Option<String> {
        self.expect("(")?;
        let name = self.attribute()?;
        self.expect(")")?;
        Some(name)
    }

    fn attribute(&mut self) -> Option<String> {
        match self.operand()? {
            Operand::Attribute(name) => Some(name),
            Operand::Value(_) => None,
        }
    }

    fn value(&mut self) -> Option<Operand> {
        self.operand().filter(|operand| matches!(operand, Operand::Value(_)))
    }

    fn operand(&mut self) -> Option<Operand> {
        let word = self.next()?;
        let rest = word.strip_prefix(['#', ':']).unwrap_or(word);
        let is_word = !rest.is_empty() && !rest.contains(['#', ':']) && is_letter_first(rest);
        is_word.then(|| match word.starts_with(':') {
            true => Operand::Value(word.to_owned()),
            false => Operand::Attribute(word.to_owned()),
        })
    }

    fn sum(&mut self) -> Option<Sum> {
        let first = self.term()?;
        let sign = match () {
            () if self.take("+") => Sign::Plus,
            () if self.take("-") => Sign::Minus,
            () => return Some(Sum { first, second: None }),
        };
        Some(Sum { first, second: Some((sign, self.term()?)) })
    }

    fn term(&mut self) -> Option<Term> {
        if !self.take("if_not_exists") {
            return self.operand().map(Term::Operand);
        }
        self.expect("(")?;
        let name = self.attribute()?;
        self.expect(",")?;
        let otherwise = self.operand()?;
        self.expect(")")?;
        Some(Term::IfNotExists(name, otherwise))
    }
}

fn is_letter_first(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}
