//! One field, old and new.

use prost_reflect::{Cardinality, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};

use super::types::{self, Fit};
use super::{Comparison, Element, Flow, Side};

/// The package of messages whose form in JSON is their own.
const WELL_KNOWN: &str = "google.protobuf.";

impl Comparison<'_> {
    pub(super) fn field(&mut self, old: &FieldDescriptor, new: &FieldDescriptor, flow: Flow) {
        if self.swapped(old, new, flow) {
            return;
        }
        self.renamed(old, new, flow);
        if flow == Flow::Request {
            self.field_rules(old, new);
        }
        let file = new.parent_message().parent_file();
        let element = at(Side::New, new, &file);
        let (written, read) = flow.written_and_read(old, new);
        let fit = match (shape(written), shape(read), kind_fit(written, read, flow)) {
            (one, other, fit) if one == other => fit,
            // A list takes single values, if not in JSON.
            (Shape::Single, Shape::List, Fit::Same) if flow.is_json() => Fit::NotInJson,
            (Shape::Single, Shape::List, fit) => fit,
            // The last value is read, and messages are merged; numbers may be packed.
            (Shape::List, Shape::Single, Fit::Same) if !is_number(&read.kind()) => Fit::Some,
            _ => Fit::None,
        };
        let what = match (fit, flow) {
            (Fit::Same, _) => return self.inside(&old.kind(), &new.kind(), flow),
            (Fit::None, Flow::Request) => "what callers send in it is misread, or cannot be read",
            (Fit::None, Flow::Response) => "callers misread it, or cannot read it",
            (Fit::None, Flow::Queued) => "what is queued in it is misread, or cannot be read",
            (Fit::None, Flow::State) => "what is stored in it is misread, or cannot be read",
            (Fit::Some, Flow::Request) => "some of what callers send in it is not read as it is",
            (Fit::Some, Flow::Response) => "callers do not read all of its values as they are",
            (Fit::Some, Flow::Queued) => "some of what is queued in it is not read as it was",
            (Fit::Some, Flow::State) => "some of what is stored in it is not read as it was",
            (Fit::NotInJson, Flow::Response) => "in JSON it is not what callers read",
            (Fit::NotInJson, _) => "callers that send JSON write it in another way",
        };
        let message =
            format!("`{}` was {} and is {}: {what}", new.full_name(), named(old), named(new));
        let help = match flow {
            Flow::State => {
                "keep the field as it was, and add a field with a number of its own; or raise \
                 `Actor::STATE_VERSION` and convert what is stored in `Actor::migrate`"
            }
            _ => "keep the field as it was, and add a field with a number of its own",
        };
        self.breaks(flow.whom(), element, message, help);
    }

    /// Whether a name has gone to another number, or come from one.
    fn swapped(&mut self, old: &FieldDescriptor, new: &FieldDescriptor, flow: Flow) -> bool {
        let (before, after) = (old.parent_message(), new.parent_message());
        let came_from = before.get_field_by_name(new.name());
        let went_to = after.get_field_by_name(old.name());
        let (number, name) = (new.number(), new.name());
        let more = match (came_from, went_to) {
            _ if old.name() == name => return false,
            (Some(from), _) => format!("which had the number {}", from.number()),
            (None, Some(to)) => format!("and `{}` has the number {}", old.name(), to.number()),
            (None, None) => return false,
        };
        let message = format!(
            "the number {number} of `{}` was `{}` and is `{name}`, {more}: {}",
            after.full_name(),
            old.name(),
            mistaken(flow)
        );
        let help = "give each field the number that it had";
        self.breaks(flow.whom(), at(Side::New, new, &after.parent_file()), message, help);
        true
    }

    fn renamed(&mut self, old: &FieldDescriptor, new: &FieldDescriptor, flow: Flow) {
        let file = new.parent_message().parent_file();
        let element = at(Side::New, new, &file);
        if flow.is_json() && old.json_name() != new.json_name() {
            let message = format!(
                "`{}` was `{}`: {}",
                new.full_name(),
                old.name(),
                match flow {
                    Flow::Response => "callers that read JSON look for it by its old name",
                    _ => "callers that send JSON with its old name are refused",
                }
            );
            let help = format!("keep its name in JSON: `[json_name = \"{}\"]`", old.json_name());
            self.breaks(flow.whom(), element, message, &help);
        }
        if old.name() != new.name() {
            let message = format!(
                "the number {} of `{}` was `{}` and is `{}`",
                new.number(),
                new.parent_message().full_name(),
                old.name(),
                new.name()
            );
            let help = "if it is not the same field under a new name, give it a number that was \
                        never used";
            self.notice(flow.whom(), element, message, help);
        }
    }

    /// Compares what values are made of.
    fn inside(&mut self, old: &Kind, new: &Kind, flow: Flow) {
        match (old, new) {
            (Kind::Message(old), Kind::Message(new))
                if old.is_map_entry() && new.is_map_entry() =>
            {
                let value = |entry: &MessageDescriptor| entry.map_entry_value_field().kind();
                self.inside(&value(old), &value(new), flow);
            }
            (Kind::Message(old), Kind::Message(new)) => self.message(old, new, flow),
            (Kind::Enum(old), Kind::Enum(new)) => self.values(old, new, flow),
            _ => {}
        }
    }
}

#[derive(PartialEq)]
enum Shape {
    Single,
    List,
    Map,
    Group,
}

fn shape(field: &FieldDescriptor) -> Shape {
    match field.cardinality() {
        _ if field.is_map() => Shape::Map,
        _ if field.is_group() => Shape::Group,
        Cardinality::Repeated => Shape::List,
        _ => Shape::Single,
    }
}

fn is_number(kind: &Kind) -> bool {
    !matches!(kind, Kind::String | Kind::Bytes | Kind::Message(_))
}

/// What becomes of the values of a field. Messages of the same fields are read as
/// one another, but for Google's own: what a Timestamp means is not in its fields.
fn kind_fit(written: &FieldDescriptor, read: &FieldDescriptor, flow: Flow) -> Fit {
    match (written.kind(), read.kind()) {
        (Kind::Message(one), Kind::Message(other))
            if one.is_map_entry() && other.is_map_entry() =>
        {
            let (key, other_key) = (one.map_entry_key_field(), other.map_entry_key_field());
            let (value, other_value) = (one.map_entry_value_field(), other.map_entry_value_field());
            // In JSON a key is text, whatever its type.
            match types::fit(&key.kind(), &other_key.kind(), Flow::Queued) {
                Fit::Same => kind_fit(&value, &other_value, flow),
                fit => fit,
            }
        }
        (Kind::Message(one), Kind::Message(other))
            if one.full_name() != other.full_name()
                && [&one, &other].iter().any(|name| name.full_name().starts_with(WELL_KNOWN)) =>
        {
            Fit::None
        }
        (written, read) => types::fit(&written, &read, flow),
    }
}

fn named(field: &FieldDescriptor) -> String {
    let kind = types::name(&field.kind());
    match shape(field) {
        Shape::Single => kind,
        Shape::List => format!("repeated {kind}"),
        Shape::Group => format!("group {kind}"),
        Shape::Map => match field.kind() {
            Kind::Message(entry) => format!(
                "map<{}, {}>",
                types::name(&entry.map_entry_key_field().kind()),
                types::name(&entry.map_entry_value_field().kind())
            ),
            _ => kind,
        },
    }
}

/// What it means that a number is that of another field.
fn mistaken(flow: Flow) -> &'static str {
    match flow {
        Flow::Request => "what callers send is taken for something else",
        Flow::Response => "callers take it for something else",
        Flow::Queued => "what is queued is taken for something else",
        Flow::State => "what is stored is taken for something else",
    }
}

pub(super) fn at<'d>(
    side: Side,
    field: &'d FieldDescriptor,
    file: &'d FileDescriptor,
) -> Element<'d> {
    (side, file, field.path())
}
