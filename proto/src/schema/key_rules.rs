//! The rules of key fields.

use std::collections::HashSet;

use prost_reflect::ServiceDescriptor;
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind as Type, MessageDescriptor};

use super::rules::{Draft, DraftMethod, Rules};

impl Rules<'_> {
    /// The key fields of a message, in the order of their numbers.
    pub(super) fn key(&self, message: &MessageDescriptor) -> Vec<FieldDescriptor> {
        let mut key: Vec<_> = message
            .fields()
            .filter(|field| matches!(self.options.field(&field.options()), Ok(Some(o)) if o.key))
            .collect();
        key.sort_by_key(FieldDescriptor::number);
        key
    }

    /// Two methods with other parts in their keys would speak to other actors.
    pub(super) fn same_key_everywhere(
        &mut self,
        service: &ServiceDescriptor,
        methods: &[DraftMethod],
    ) {
        let names = |key: &[FieldDescriptor]| -> Vec<String> {
            key.iter().map(|field| field.name().to_owned()).collect()
        };
        // An answer has none.
        let mut with_key = methods.iter().filter(|method| !method.key.is_empty());
        let Some(first) = with_key.next() else {
            return;
        };
        let first_names = names(&first.key);
        for method in with_key {
            let names = names(&method.key);
            let sorted = |names: &[String]| {
                let mut names = names.to_vec();
                names.sort();
                names
            };
            let reordered = names != first_names && sorted(&names) == sorted(&first_names);
            if names.len() != first_names.len() || reordered {
                let message = format!(
                    "the key of `{}` is ({}), but that of `{}` is ({})",
                    method.descriptor.name(),
                    names.join(", "),
                    first.descriptor.name(),
                    first_names.join(", ")
                );
                let help = "all methods of an actor find it by the same key: give their requests \
                            the same key fields, in the same order of field numbers";
                self.report(&service.parent_file(), method.descriptor.path(), message, help);
            }
        }
    }

    pub(super) fn keys_in_requests_only(&mut self, pool: &DescriptorPool, actors: &[Draft]) {
        let methods = actors.iter().flat_map(|actor| &actor.methods);
        let requests: HashSet<_> =
            methods.map(|method| method.descriptor.input().full_name().to_owned()).collect();
        for message in pool.all_messages() {
            let is_request = requests.contains(message.full_name());
            for field in message.fields() {
                let options = self.options.field(&field.options());
                let Some(options) = self.known(options, &message.parent_file(), field.path())
                else {
                    continue;
                };
                let problem = if is_request {
                    options.key.then(|| no_key(&field)).flatten()
                } else {
                    let help = "a key field belongs into the request itself: remove the option, \
                                or use the message as the request of an actor's method";
                    let what = format!("`{}` is not the request of an actor", message.full_name());
                    Some((what, help))
                };
                if let Some((what, help)) = problem {
                    let message =
                        format!("`{}` cannot have a callboard option: {what}", field.name());
                    self.report(&field.parent_message().parent_file(), field.path(), message, help);
                }
            }
        }
    }
}

/// Why a field cannot be a key, and what to do.
fn no_key(field: &FieldDescriptor) -> Option<(String, &'static str)> {
    let help = "use a singular string or integer as the key";
    let kind = match field.kind() {
        _ if field.is_map() => "a map",
        _ if field.is_list() => "repeated",
        _ if field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic()) => {
            let help = "move the field out of the oneof: a key must always be there";
            return Some(("it is a member of a oneof".to_owned(), help));
        }
        Type::Double | Type::Float => "a floating-point number",
        Type::Bool => "a bool",
        Type::Bytes => "bytes",
        Type::Message(_) => "a message",
        Type::Enum(_) => "an enum",
        Type::String | Type::Int32 | Type::Int64 | Type::Uint32 | Type::Uint64 => return None,
        Type::Sint32 | Type::Sint64 | Type::Fixed32 | Type::Fixed64 => return None,
        Type::Sfixed32 | Type::Sfixed64 => return None,
    };
    Some((format!("it is {kind}"), help))
}
