//! A typed reference to one actor: its key, and its methods as messages.

use std::collections::BTreeSet;

use callboard_proto::schema::{KeyField, Kind, Method as Schema};
use prost_reflect::{Cardinality, FieldDescriptor, Kind as Type};

use crate::actor::{Actor, Method, append_docs};
use crate::config::SDK;
use crate::ident;

const STRING: &str = "::std::string::String";

/// The methods that a reference has of its own.
const TAKEN: [&str; 2] = ["key", "new"];

pub(crate) fn append(actor: &Actor, code: &mut String) {
    let (name, type_name) = (&actor.name, actor.schema.type_name());
    let methods = || actor.methods.iter().filter(|method| method.schema.kind() != Kind::Answer);
    // The schema has no actor that has nothing but answers.
    let Some(first) = methods().next() else {
        return;
    };
    let parts = first.schema.key().len();
    code.push_str(&format!(
        "/// One actor of the type `{type_name}`, to send it messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct {name}Ref {{
    parts: [{STRING}; {parts}],
}}
impl {name}Ref {{
    /// The actor type.
    pub const TYPE: &'static str = \"{type_name}\";
"
    ));
    append_new(&first.schema, code);
    code.push_str(&format!(
        "    /// The actor's key.
    #[must_use]
    pub fn key(&self) -> {STRING} {{
        {SDK}::key(&self.parts)
    }}
"
    ));
    for method in methods() {
        append_method(method, code);
    }
    code.push_str("}\n");
}

/// The constructor has an argument for each key field of the first method.
fn append_new(first: &Schema, code: &mut String) {
    let (mut arguments, mut parts) = (Vec::new(), Vec::new());
    for (key, name) in first.key().iter().zip(names(first.key())) {
        match integer(key.field()) {
            None => {
                arguments.push(format!("{name}: impl ::core::convert::Into<{STRING}>"));
                parts.push(format!("::core::convert::Into::into({name})"));
            }
            Some(integer) => {
                arguments.push(format!("{name}: {integer}"));
                parts.push(format!("::std::string::ToString::to_string(&{name})"));
            }
        }
    }
    let names: Vec<_> = first.key().iter().map(|key| format!("`{}`", key.name())).collect();
    code.push_str(&format!(
        "    /// The actor with this key: {names}.
    #[must_use]
    pub fn new({arguments}) -> Self {{
        Self {{ parts: [{parts}] }}
    }}
",
        names = names.join(", "),
        arguments = arguments.join(", "),
        parts = parts.join(", "),
    ));
}

fn append_method(method: &Method, code: &mut String) {
    let proto_name = method.schema.name();
    let fallback = format!("Makes a message for `{proto_name}`, {}.", method.kind());
    append_docs(method.comments.clone(), &fallback, 1, code);
    // No other method can have this name: prost-build's end in an underscore
    // only after a keyword.
    let name = match method.name.as_str() {
        taken if TAKEN.contains(&taken) => format!("{taken}_"),
        free => free.to_owned(),
    };
    let (request, response) = (&method.request, &method.response);
    code.push_str(&format!(
        "    #[must_use = \"a message is sent by the context: `ctx.tell(…)`, `ctx.ask(…)`\"]
    pub fn {name}(&self, mut request: {request}) -> {SDK}::Request<{response}> {{
"
    ));
    for (index, key) in method.schema.key().iter().enumerate() {
        let value = match integer(key.field()) {
            None => format!("::core::clone::Clone::clone(&self.parts[{index}])"),
            // It parses, as `new` printed it, unless the key fields of the methods
            // differ in their types. It is the message that has the key, and not
            // this field, that finds the actor.
            Some(_) => format!("self.parts[{index}].parse().unwrap_or_default()"),
        };
        let value = match is_option(key.field()) {
            true => format!("::core::option::Option::Some({value})"),
            false => value,
        };
        code.push_str(&format!("        {} = {value};\n", place(key)));
    }
    code.push_str(&format!(
        "        {SDK}::Request::new(Self::TYPE, &self.key(), \"{proto_name}\", &request)
    }}
"
    ));
}

/// The names of the arguments: those of the fields, or, where two of them are the
/// same, those of their paths.
fn names(key: &[KeyField]) -> Vec<String> {
    let names: Vec<_> = key.iter().map(|key| ident::snake(key.field().name())).collect();
    let distinct: BTreeSet<_> = names.iter().collect();
    match distinct.len() == names.len() {
        true => names,
        false => key.iter().map(|key| ident::snake(&key.name().replace('.', "_"))).collect(),
    }
}

/// The field of the request that is to be set. The messages on the way to it are
/// made where they are not there.
fn place(key: &KeyField) -> String {
    let mut place = "request".to_owned();
    for field in key.path() {
        place += &format!(".{}", ident::snake(field.name()));
        let is_message = matches!(field.kind(), Type::Message(_));
        if is_message && is_option(field) {
            place += ".get_or_insert_default()";
        }
    }
    place
}

/// The type of a key field that is an integer; None for a string.
fn integer(field: &FieldDescriptor) -> Option<&'static str> {
    match field.kind() {
        Type::Int32 | Type::Sint32 | Type::Sfixed32 => Some("i32"),
        Type::Int64 | Type::Sint64 | Type::Sfixed64 => Some("i64"),
        Type::Uint32 | Type::Fixed32 => Some("u32"),
        Type::Uint64 | Type::Fixed64 => Some("u64"),
        _ => None,
    }
}

/// Whether prost-build makes the field an `Option`.
fn is_option(field: &FieldDescriptor) -> bool {
    field.supports_presence() && field.cardinality() != Cardinality::Required
}
