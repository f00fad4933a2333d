//! The fields that make an actor's key, and the way to them through a request.

use prost_reflect::{FieldDescriptor, Kind};

/// How many fields a key may have.
pub(super) const KEY_FIELDS_MAX: usize = 16;

/// How deep a key field may lie in messages, the request included.
pub(super) const KEY_LEVELS_MAX: usize = 8;

/// A field that is the key of an actor, or a part of it: a field of the request,
/// or of a message in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyField {
    name: Box<str>,
    path: Box<[FieldDescriptor]>,
}

impl KeyField {
    /// # Panics
    ///
    /// When the path is empty.
    pub(super) fn new(path: Vec<FieldDescriptor>) -> Self {
        assert!(!path.is_empty(), "a field has a name");
        let names: Vec<_> = path.iter().map(FieldDescriptor::name).collect();
        KeyField { name: names.join(".").into(), path: path.into() }
    }

    /// Whether two keys have the same fields in another order, by their paths or by
    /// the names of the fields themselves.
    pub(super) fn are_reordered(one: &[Self], other: &[Self]) -> bool {
        let by = |name: fn(&Self) -> &str| {
            let (mut one, mut other): (Vec<_>, Vec<_>) =
                (one.iter().map(name).collect(), other.iter().map(name).collect());
            let differ = one != other;
            one.sort_unstable();
            other.sort_unstable();
            differ && one == other
        };
        by(Self::name) || by(|key| key.field().name())
    }

    /// The path of the field as it stands in errors: `id`, or `ref.id` where the
    /// field lies in a message.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The field itself, a singular string or integer.
    pub fn field(&self) -> &FieldDescriptor {
        self.path.last().expect("a path is not empty")
    }

    /// The fields from the request to the field itself, which is the last one. All
    /// before it are singular messages.
    pub fn path(&self) -> &[FieldDescriptor] {
        &self.path
    }
}

/// The key fields of a message as a scan of its bytes meets them.
///
/// Descriptors are good to ask and slow to walk: this has what a scan needs.
#[derive(Debug, Default)]
pub(super) struct KeyTree {
    pub(super) branches: Vec<Branch>,
}

/// A key field, or a message that holds key fields.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) number: u32,
    pub(super) name: Box<str>,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Part {
        /// Which part of the key it is.
        index: usize,
        kind: Kind,
        /// Whether 0 differs from absence.
        has_presence: bool,
    },
    Message(KeyTree),
}

impl KeyTree {
    pub(super) fn of(key: &[KeyField]) -> Self {
        let mut tree = KeyTree::default();
        for (index, field) in key.iter().enumerate() {
            tree.add(index, &field.path);
        }
        tree
    }

    fn add(&mut self, index: usize, path: &[FieldDescriptor]) {
        let Some((field, deeper)) = path.split_first() else {
            return;
        };
        let number = field.number();
        let at = match self.branches.iter().position(|branch| branch.number == number) {
            Some(at) => at,
            None => {
                let what = match deeper {
                    [] => What::Part {
                        index,
                        kind: field.kind(),
                        has_presence: field.supports_presence(),
                    },
                    _ => What::Message(KeyTree::default()),
                };
                self.branches.push(Branch { number, name: field.name().into(), what });
                self.branches.len() - 1
            }
        };
        if let What::Message(tree) = &mut self.branches[at].what {
            tree.add(index, deeper);
        }
    }
}
