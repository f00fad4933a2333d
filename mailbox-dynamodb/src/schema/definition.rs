//! What the tables must be: who makes them goes by it, and who checks them.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};

use super::{DIRECTORY_INDEX, DUE_INDEX};
use crate::item;

/// A table.
pub(super) struct Definition {
    pub(super) key: Key,
    /// The indexes by name, each of keys alone.
    pub(super) indexes: &'static [(&'static str, Key)],
}

/// The attributes of a key with their types, the partition's first.
pub(super) type Key = &'static [(&'static str, Type)];

/// What an attribute of a key is.
#[derive(Clone, Copy)]
pub(super) enum Type {
    Text,
    Number,
}

pub(super) const MAILBOXES: Definition = Definition {
    key: &[(item::ADDRESS, Type::Text), (item::KIND, Type::Text)],
    indexes: &[
        (DUE_INDEX, &[(item::SHARD, Type::Number), (item::DUE, Type::Number)]),
        (DIRECTORY_INDEX, &[(item::DIRECTORY, Type::Text), (item::DIRECTORY_KEY, Type::Text)]),
    ],
};

pub(super) const REPLIES: Definition =
    Definition { key: &[(item::REPLY_ID, Type::Text)], indexes: &[] };

impl Definition {
    /// The attributes of all keys.
    pub(super) fn attributes(&self) -> Vec<AttributeDefinition> {
        let keys = std::iter::once(self.key).chain(self.indexes.iter().map(|(_, key)| *key));
        let attribute = |(name, of): &(&str, Type)| {
            let attribute = AttributeDefinition::builder().attribute_name(*name);
            let attribute = attribute.attribute_type(of.scalar()).build();
            attribute.expect("the attribute has a name and a type")
        };
        keys.flatten().map(attribute).collect()
    }

    /// The indexes, as they are made.
    pub(super) fn global_indexes(&self) -> Option<Vec<GlobalSecondaryIndex>> {
        let index = |(name, key): &(&str, Key)| {
            GlobalSecondaryIndex::builder()
                .index_name(*name)
                .set_key_schema(Some(key_schema(key)))
                .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
                .build()
                .expect("the index has a name and a key")
        };
        // An empty list is refused.
        Some(self.indexes.iter().map(index).collect())
            .filter(|indexes: &Vec<_>| !indexes.is_empty())
    }
}

impl Type {
    pub(super) fn scalar(self) -> ScalarAttributeType {
        match self {
            Self::Text => ScalarAttributeType::S,
            Self::Number => ScalarAttributeType::N,
        }
    }
}

/// A key, as it is made.
pub(super) fn key_schema(key: Key) -> Vec<KeySchemaElement> {
    let types = [KeyType::Hash, KeyType::Range];
    let element = |((name, _), key_type): (&(&str, Type), KeyType)| {
        let element = KeySchemaElement::builder().attribute_name(*name).key_type(key_type);
        element.build().expect("the key has a name and a type")
    };
    key.iter().zip(types).map(element).collect()
}
