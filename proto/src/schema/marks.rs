//! Where the key fields of a request are: the search through its messages.

use std::collections::{HashMap, HashSet};

use prost_reflect::{
    Cardinality, DescriptorPool, FieldDescriptor, Kind as Type, MessageDescriptor,
};

use super::key_field::{KEY_FIELDS_MAX, KEY_LEVELS_MAX, KeyField};

/// How many messages the search for one key looks into. There can be more ways
/// through messages than anybody could mean.
const SEARCH_MAX: usize = 10_000;

/// The fields of a pool that are marked as keys, and those that lead to them.
#[derive(Default)]
pub(super) struct Marks {
    /// By the name of their message, in the order of their numbers. A message
    /// from which no singular message field leads to a mark is not here.
    fields: HashMap<String, Vec<Marked>>,
    /// All that are marked.
    pub(super) keys: Vec<FieldDescriptor>,
}

struct Marked {
    field: FieldDescriptor,
    /// The message that is to be searched; none where the field itself is marked.
    message: Option<MessageDescriptor>,
}

/// What a search has found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) key: Vec<KeyField>,
    /// The names of the messages that were looked into.
    pub(super) reached: HashSet<String>,
    /// It has ended early: there are too many fields, or too many ways to them.
    pub(super) too_many: bool,
    searched: usize,
}

impl Marks {
    /// `mark` is what a field's option `key` says, where it says anything.
    pub(super) fn of(
        pool: &DescriptorPool,
        mut mark: impl FnMut(&FieldDescriptor) -> Option<bool>,
    ) -> Self {
        let mut fields: HashMap<String, Vec<Marked>> = HashMap::new();
        // From a message to those that hold it.
        let mut holders: HashMap<String, Vec<String>> = HashMap::new();
        let (mut leading, mut keys) = (Vec::new(), Vec::new());
        for message in pool.all_messages() {
            for field in message.fields() {
                let name = || message.full_name().to_owned();
                let marked = match (mark(&field), nested(&field)) {
                    (Some(true), _) => {
                        leading.push(name());
                        keys.push(field.clone());
                        Marked { field, message: None }
                    }
                    (None, Some(inner)) => {
                        holders.entry(inner.full_name().to_owned()).or_default().push(name());
                        Marked { field, message: Some(inner) }
                    }
                    _ => continue,
                };
                fields.entry(name()).or_default().push(marked);
            }
        }
        let mut lead_to_marks = HashSet::new();
        while let Some(message) = leading.pop() {
            // Taken, as messages may be recursive: each is asked once.
            leading.extend(holders.remove(&message).unwrap_or_default());
            lead_to_marks.insert(message);
        }
        fields.retain(|message, _| lead_to_marks.contains(message));
        for marked in fields.values_mut() {
            marked.retain(|marked| match &marked.message {
                Some(message) => lead_to_marks.contains(message.full_name()),
                None => true,
            });
            marked.sort_by_key(|marked| marked.field.number());
        }
        Marks { fields, keys }
    }

    /// The key fields of a request: depth first, in the order of their numbers.
    pub(super) fn search(&self, request: &MessageDescriptor) -> Found {
        let mut found = Found::default();
        self.look_into(request, &mut Vec::new(), &mut vec![request.clone()], &mut found);
        found
    }

    fn look_into(
        &self,
        message: &MessageDescriptor,
        path: &mut Vec<FieldDescriptor>,
        levels: &mut Vec<MessageDescriptor>,
        found: &mut Found,
    ) {
        found.reached.insert(message.full_name().to_owned());
        found.searched += 1;
        for Marked { field, message } in self.fields.get(message.full_name()).into_iter().flatten()
        {
            if found.key.len() > KEY_FIELDS_MAX || found.searched > SEARCH_MAX {
                found.too_many = true;
                return;
            }
            path.push(field.clone());
            match message {
                None => found.key.push(KeyField::new(path.clone())),
                // A message in itself has no end.
                Some(inner) if levels.contains(inner) || levels.len() >= KEY_LEVELS_MAX => {}
                Some(inner) => {
                    levels.push(inner.clone());
                    self.look_into(inner, path, levels, found);
                    levels.pop();
                }
            }
            path.pop();
        }
        found.too_many |= found.key.len() > KEY_FIELDS_MAX;
    }
}

/// The message of a field in which a key can lie: one that is there at most once,
/// and may always be there.
fn nested(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        Type::Message(message)
            if field.cardinality() != Cardinality::Repeated
                && !field.is_group()
                && !is_in_oneof(field) =>
        {
            Some(message)
        }
        _ => None,
    }
}

/// Whether it is a member of a oneof that somebody wrote.
pub(super) fn is_in_oneof(field: &FieldDescriptor) -> bool {
    field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic())
}
