//! Messages, field by field. Fields are the same whose numbers are the same.

use prost_reflect::{FieldDescriptor, MessageDescriptor};

use super::fields::at;
use super::{Comparison, Flow, Side};

impl Comparison<'_> {
    pub(super) fn message(&mut self, old: &MessageDescriptor, new: &MessageDescriptor, flow: Flow) {
        if !self.is_first(old.full_name(), new.full_name(), flow) {
            return;
        }
        if flow == Flow::Request {
            self.message_rules(old, new);
        }
        for field in old.fields() {
            match new.get_field(field.number()) {
                Some(now) => self.field(&field, &now, flow),
                None => self.removed(&field, new, flow),
            }
        }
        for field in new.fields() {
            if flow == Flow::Request && old.get_field(field.number()).is_none() {
                self.new_rules(&field);
            }
            let is_reserved = |number| old.reserved_ranges().any(|range| range.contains(&number));
            if is_reserved(field.number()) {
                let message = format!(
                    "`{}` has the number {}, which was reserved: {}",
                    field.full_name(),
                    field.number(),
                    match flow {
                        Flow::Request => "callers may send something else in it",
                        Flow::Response => "callers may take it for something else",
                        Flow::Queued => "what is queued may have something else in it",
                        Flow::State => "what is stored may have something else in it",
                    }
                );
                self.breaks(
                    flow.whom(),
                    at(Side::New, &field, &field.parent_message().parent_file()),
                    message,
                    "give the field a number that was never used",
                );
            }
        }
        self.oneofs(old, new, flow);
    }

    fn removed(&mut self, field: &FieldDescriptor, new: &MessageDescriptor, flow: Flow) {
        let file = field.parent_message().parent_file();
        let element = at(Side::Old, field, &file);
        let (name, number) = (field.full_name(), field.number());
        if let Some(now) = new.get_field_by_name(field.name()) {
            // It has taken the place of another field, and is reported there.
            if field.parent_message().get_field(now.number()).is_some() {
                return;
            }
            let message = format!(
                "`{name}` had the number {number} and has {}: {}",
                now.number(),
                match flow {
                    Flow::Request => "what callers send in it, if not in JSON, is not read",
                    Flow::Response => "callers, if not of JSON, find nothing in it",
                    Flow::Queued | Flow::State => missed(flow),
                }
            );
            let file = now.parent_message().parent_file();
            let help = "give the field the number that it had";
            return self.breaks(flow.whom(), at(Side::New, &now, &file), message, help);
        }
        match flow {
            Flow::Request | Flow::Response => {
                let message = format!("`{name}` is gone: {}", missed(flow));
                let help = "keep the field, marked `deprecated`, until no caller uses it";
                self.breaks(flow.whom(), element, message, help);
            }
            Flow::Queued | Flow::State => {
                let message = format!("`{name}` is gone: {}", missed(flow));
                let help = "keep the field, marked `deprecated`, as long as a handler needs it";
                self.notice(flow.whom(), element, message, help);
            }
        }
        let is_reserved = new.reserved_ranges().any(|range| range.contains(&number))
            && new.reserved_names().any(|reserved| reserved == field.name());
        if !is_reserved {
            let message = format!("`{name}` is gone, and its number and name are not reserved");
            let help = format!(
                "write `reserved {number}; reserved \"{}\";` into `{}`, so that nobody uses them \
                 for something else",
                field.name(),
                new.full_name()
            );
            self.notice(flow.whom(), element, message, &help);
        }
    }
}

/// What it means that a number has no field any more.
fn missed(flow: Flow) -> &'static str {
    match flow {
        Flow::Request => {
            "callers that send it in JSON are refused, and what others send is not read"
        }
        Flow::Response => "callers that read it find nothing",
        Flow::Queued => "what is queued in it is not read",
        Flow::State => "what is stored in it is not read, and lost when the state is written",
    }
}
