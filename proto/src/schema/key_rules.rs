//! The rules of key fields.

use std::collections::HashSet;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind as Type, MethodDescriptor};
use prost_reflect::{MessageDescriptor, ServiceDescriptor};

use super::key_field::{KEY_FIELDS_MAX, KEY_LEVELS_MAX, KeyField};
use super::marks::{Marks, is_in_oneof};
use super::rules::{DraftMethod, Rules};

impl Rules<'_> {
    /// Reads the option of all fields.
    pub(super) fn marks(&mut self, pool: &DescriptorPool) -> Marks {
        Marks::of(pool, |field| {
            let option = self.options.field(&field.options());
            let message = field.parent_message();
            self.known(option, &message.parent_file(), field.path())?.key
        })
    }

    /// The key fields of a request.
    pub(super) fn key(
        &mut self,
        method: &MethodDescriptor,
        request: &MessageDescriptor,
    ) -> Vec<KeyField> {
        let found = self.marks.search(request);
        self.reached.extend(found.reached);
        if found.too_many {
            let message = format!(
                "the key of `{}` has more than {KEY_FIELDS_MAX} fields, or lies in too many messages",
                method.name()
            );
            let help = "mark fewer fields, or set `key: false` on the fields of messages in which \
                        the key of this actor is not";
            self.report(&method.parent_file(), method.path(), message, help);
        }
        found.key
    }

    /// Two methods with other parts in their keys would speak to other actors.
    ///
    /// What is compared is their number, and, of fields with the same names, the
    /// order: a key that is a message in one request may be two fields of another.
    pub(super) fn same_key_everywhere(
        &mut self,
        service: &ServiceDescriptor,
        methods: &[DraftMethod],
    ) {
        // An answer has none.
        let mut with_key = methods.iter().filter(|method| !method.key.is_empty());
        let Some(first) = with_key.next() else {
            return;
        };
        for method in with_key {
            if method.key.len() != first.key.len()
                || KeyField::are_reordered(&method.key, &first.key)
            {
                let message = format!(
                    "the key of `{}` is ({}), but that of `{}` is ({})",
                    method.descriptor.name(),
                    names(&method.key),
                    first.descriptor.name(),
                    names(&first.key)
                );
                let help = "all methods of an actor find it by the same key: give their requests \
                            the same key fields, in the same order of field numbers, and set \
                            `key: false` on a field whose message is the key of another actor";
                self.report(&service.parent_file(), method.descriptor.path(), message, help);
            }
        }
    }

    /// What is marked must be a key field of some request, and can be one.
    pub(super) fn keys_in_requests_only(&mut self) {
        let reached: HashSet<_> = self.reached.drain().collect();
        for field in std::mem::take(&mut self.marks.keys) {
            let message = field.parent_message();
            let problem = match reached.contains(message.full_name()) {
                true => no_key(&field),
                false => Some((
                    format!("no request of an actor leads to `{}`", message.full_name()),
                    UNREACHED,
                )),
            };
            if let Some((what, help)) = problem {
                let text = format!("`{}` cannot have a callboard option: {what}", field.name());
                self.report(&message.parent_file(), field.path(), text, help);
            }
        }
    }
}

const UNREACHED: &str = "a key field belongs into the request, or into a message that the request \
    has as a singular field, outside of a oneof, at most 8 levels deep: remove the option, or use \
    the message so";
const _: () = assert!(KEY_LEVELS_MAX == 8, "the help says so");

fn names(key: &[KeyField]) -> String {
    let names: Vec<_> = key.iter().map(KeyField::name).collect();
    names.join(", ")
}

/// Why a field cannot be a key, and what to do.
fn no_key(field: &FieldDescriptor) -> Option<(String, &'static str)> {
    let help = "use a singular string or integer as the key";
    let kind = match field.kind() {
        _ if field.is_map() => "a map",
        _ if field.is_list() => "repeated",
        _ if is_in_oneof(field) => {
            let help = "move the field out of the oneof: a key must always be there";
            return Some(("it is a member of a oneof".to_owned(), help));
        }
        Type::Double | Type::Float => "a floating-point number",
        Type::Bool => "a bool",
        Type::Bytes => "bytes",
        Type::Message(_) => {
            let help = "mark fields of the message instead: they are found in it";
            return Some(("it is a message".to_owned(), help));
        }
        Type::Enum(_) => "an enum",
        Type::String | Type::Int32 | Type::Int64 | Type::Uint32 | Type::Uint64 => return None,
        Type::Sint32 | Type::Sint64 | Type::Fixed32 | Type::Fixed64 => return None,
        Type::Sfixed32 | Type::Sfixed64 => return None,
    };
    Some((format!("it is {kind}"), help))
}
