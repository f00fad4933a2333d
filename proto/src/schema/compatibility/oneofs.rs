//! Fields that were not members of one oneof and are, and the reverse: whoever
//! writes may set several, whoever reads keeps the last.

use prost_reflect::{FieldDescriptor, MessageDescriptor, OneofDescriptor};

use super::{Comparison, Flow, Side};

impl Comparison<'_> {
    pub(super) fn oneofs(&mut self, old: &MessageDescriptor, new: &MessageDescriptor, flow: Flow) {
        let (written, read) = flow.written_and_read(old, new);
        for oneof in read.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            let common = oneof.fields().filter_map(|field| written.get_field(field.number()));
            let common: Vec<_> = common.collect();
            let first = common.first().and_then(written_oneof);
            let together =
                first.is_some() && common.iter().all(|field| written_oneof(field) == first);
            if common.len() < 2 || together {
                continue;
            }
            let names: Vec<_> = common.iter().map(|field| format!("`{}`", field.name())).collect();
            let (names, oneof_name) = (names.join(", "), oneof.full_name());
            let file = new.parent_file();
            let message = match flow {
                Flow::Response => format!(
                    "{names} of `{}` were in the oneof `{}` and may now be set together: callers \
                     read the last one",
                    new.full_name(),
                    oneof.name()
                ),
                _ => format!(
                    "{names} are in the oneof `{oneof_name}` and could be set together: of {}, the \
                     last one is read",
                    match flow {
                        Flow::Queued => "those that are queued",
                        Flow::State => "those that are stored",
                        _ => "those that callers send",
                    }
                ),
            };
            let path = match flow {
                Flow::Response => new.path(),
                _ => oneof.path(),
            };
            let help = "leave the fields where they were; a single field may become a member of \
                        a oneof together with new ones";
            self.breaks(flow.whom(), (Side::New, &file, path), message, help);
        }
    }
}

/// The oneof that somebody wrote around a field.
fn written_oneof(field: &FieldDescriptor) -> Option<OneofDescriptor> {
    field.containing_oneof().filter(|oneof| !oneof.is_synthetic())
}
