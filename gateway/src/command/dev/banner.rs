//! What `callboard dev` prints when it is ready.

use std::net::SocketAddr;
use std::path::Path;

use callboard_proto::schema::{ActorType, Kind, Method, Schema};
use prost_reflect::Kind as FieldKind;
use serde_json::{Map, Value};

use super::assign::Served;
use crate::command::check;

/// What there is to tell.
pub(super) struct Facts<'a> {
    pub(super) schema: &'a Schema,
    pub(super) served: &'a [Served],
    pub(super) scheme: &'a str,
    pub(super) listen: SocketAddr,
    pub(super) data: &'a Path,
    pub(super) dynamodb: &'a str,
    pub(super) lambda: &'a str,
}

pub(super) fn text(facts: &Facts<'_>) -> String {
    let Facts { schema, served, scheme, listen, data, dynamodb, lambda } = facts;
    let mut text =
        format!("\nCallboard serves gRPC on {scheme}://{listen}\n\n{}", check::describe(schema));
    text += "\n";
    for Served { actor_type, function } in *served {
        text += &match function {
            Some(function) => {
                let (name, command) = (&function.name, function.command.display());
                format!("  {actor_type} runs in the function {name} ({command})\n")
            }
            None => format!("  {actor_type} has no function: its callers get ACTOR_NOT_DEPLOYED\n"),
        };
    }
    text += &format!("  mailboxes and state are in {}\n", data.display());
    text += &format!("  the database is a DynamoDB at {dynamodb}\n");
    text += &format!("  the functions are in a Lambda at {lambda}\n");
    if let Some(call) = schema.actors().iter().find_map(|actor| first_call(actor, scheme, *listen))
    {
        text += &format!("\nTry it from another shell:\n  {call}\n");
    }
    text + "\nCtrl-C stops it; nothing is lost."
}

/// A call that can be copied, of the first ask.
fn first_call(actor: &ActorType, scheme: &str, listen: SocketAddr) -> Option<String> {
    let is_for_callers = |method: &&Method| method.kind() == Kind::Ask && !method.is_internal();
    let method = actor.methods().iter().find(is_for_callers)?;
    let key: Vec<_> = method.key().iter().map(|key| key_example(key.field())).collect();
    let key = callboard_proto::key(&key);
    let (program, actor, name) = (program(), actor.type_name(), method.name());
    let gateway = match listen.port() {
        7070 if scheme == "http" => String::new(),
        _ => format!(" --gateway {scheme}://{listen}"),
    };
    Some(format!("{program} call{gateway} {actor}/{key} {name} '{}'", request_example(method)))
}

fn key_example(field: &prost_reflect::FieldDescriptor) -> String {
    match field.kind() {
        FieldKind::String => "alice".to_owned(),
        _ => "1".to_owned(),
    }
}

fn request_example(method: &Method) -> Value {
    let mut fields = Map::new();
    for field in method.input().fields() {
        let is_plain = !field.is_list() && !field.is_map() && field.containing_oneof().is_none();
        if is_plain && !method.key().iter().any(|key| *key.field() == field) {
            let example = match field.kind() {
                FieldKind::String => Value::from("hello"),
                FieldKind::Bool => Value::from(true),
                FieldKind::Bytes | FieldKind::Message(_) | FieldKind::Enum(_) => continue,
                _ => Value::from(1),
            };
            fields.insert(field.json_name().to_owned(), example);
        }
    }
    Value::Object(fields)
}

/// How this program is started from the current folder.
fn program() -> String {
    let Ok(path) = std::env::current_exe() else { return "callboard".to_owned() };
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let is_on_path = std::env::split_paths(&paths).any(|dir| dir.join("callboard") == path);
    if is_on_path {
        return "callboard".to_owned();
    }
    let current = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&current).unwrap_or(&path).display().to_string()
}
