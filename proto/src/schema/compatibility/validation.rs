//! Rules of protovalidate: a request that was taken may be refused by other ones.
//!
//! Which of two sets of rules takes more is not decided here: it is only told that
//! they differ.

use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, MessageDescriptor};

use super::{Comparison, Flow, Side};

const HELP: &str = "see that the new rules take what callers send";

impl Comparison<'_> {
    pub(super) fn field_rules(&mut self, old: &FieldDescriptor, new: &FieldDescriptor) {
        if rules_of(old) != rules_of(new) {
            let file = new.parent_message().parent_file();
            let message = format!("the rules of `{}` are others", new.full_name());
            self.notice(Flow::Request.whom(), (Side::New, &file, new.path()), message, HELP);
        }
    }

    /// A field that is new may be one that must be there.
    pub(super) fn new_rules(&mut self, new: &FieldDescriptor) {
        if !rules_of(new).is_empty() {
            let file = new.parent_message().parent_file();
            let message = format!("`{}` is new and has rules", new.full_name());
            let help = "see that the rules take requests without the field";
            self.notice(Flow::Request.whom(), (Side::New, &file, new.path()), message, help);
        }
    }

    pub(super) fn message_rules(&mut self, old: &MessageDescriptor, new: &MessageDescriptor) {
        let rules = |message: &MessageDescriptor| {
            rules(message.parent_pool(), "buf.validate.message", &message.options())
        };
        if rules(old) != rules(new) {
            let file = new.parent_file();
            let message = format!("the rules of `{}` are others", new.full_name());
            self.notice(Flow::Request.whom(), (Side::New, &file, new.path()), message, HELP);
        }
    }
}

fn rules_of(field: &FieldDescriptor) -> Vec<u8> {
    rules(field.parent_pool(), "buf.validate.field", &field.options())
}

/// The rules as they are encoded; empty where there are none.
fn rules(pool: &DescriptorPool, extension: &str, options: &DynamicMessage) -> Vec<u8> {
    let Some(extension) = pool.get_extension_by_name(extension) else {
        return Vec::new();
    };
    match options.has_extension(&extension) {
        true => match options.get_extension(&extension).as_message() {
            Some(rules) => rules.encode_to_vec(),
            None => Vec::new(),
        },
        false => Vec::new(),
    }
}
