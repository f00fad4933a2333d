//! Enums, value by value. Values are the same whose numbers are the same; in JSON
//! they have their names.

use prost_reflect::{EnumDescriptor, EnumValueDescriptor};

use super::{Comparison, Flow, Side};

impl Comparison<'_> {
    pub(super) fn values(&mut self, old: &EnumDescriptor, new: &EnumDescriptor, flow: Flow) {
        if !self.is_first(old.full_name(), new.full_name(), flow) {
            return;
        }
        for value in old.values() {
            let (name, number) = (value.name(), value.number());
            // A number may have several names.
            let now = new.values().find(|now| now.number() == number && now.name() == name);
            if now.is_some() {
                continue;
            }
            let (old_file, new_file) = (old.parent_file(), new.parent_file());
            if let Some(moved) = new.get_value_by_name(name) {
                let message = format!(
                    "`{name}` of `{}` had the number {number} and has {}: {}",
                    new.full_name(),
                    moved.number(),
                    match flow {
                        Flow::Request => "what callers send is taken for something else",
                        Flow::Response => "callers take it for something else",
                        Flow::Queued => "what is queued is taken for something else",
                        Flow::State => "what is stored is taken for something else",
                    }
                );
                let help = "give each value the number that it had";
                self.breaks(flow.whom(), (Side::New, &new_file, moved.path()), message, help);
                continue;
            }
            match new.get_value(number) {
                Some(now) => self.renamed_value(&value, &now, flow),
                None => {
                    let what = match flow {
                        // It is not written any more.
                        Flow::Response => continue,
                        Flow::Request => {
                            "callers that send it in JSON are refused, and no handler \
                                          knows what others send"
                        }
                        Flow::Queued => "no handler knows what is queued with it",
                        Flow::State => "no handler knows what is stored with it",
                    };
                    let message = format!("`{name}` of `{}` is gone: {what}", new.full_name());
                    let help = "keep the value, marked `deprecated`";
                    self.breaks(flow.whom(), (Side::Old, &old_file, value.path()), message, help);
                }
            }
        }
    }

    fn renamed_value(&mut self, old: &EnumValueDescriptor, new: &EnumValueDescriptor, flow: Flow) {
        let r#enum = new.parent_enum();
        let file = r#enum.parent_file();
        let element = (Side::New, &file, new.path());
        let (was, is, of) = (old.name(), new.name(), r#enum.full_name());
        if flow.is_json() {
            let what = match flow {
                Flow::Response => "callers that read JSON do not know its new name",
                _ => "callers that send JSON with its old name are refused",
            };
            let message = format!("`{is}` of `{of}` was `{was}`: {what}");
            let help = "keep the name; with `option allow_alias = true` a number may have two";
            self.breaks(flow.whom(), element, message, help);
        }
        let message = format!("the number {} of `{of}` was `{was}` and is `{is}`", new.number());
        let help = "if it does not mean the same under a new name, give it a number that was never \
                    used";
        self.notice(flow.whom(), element, message, help);
    }
}
