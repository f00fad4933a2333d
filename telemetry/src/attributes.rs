//! The names of spans and attributes, all of them, after the
//! [semantic conventions](https://opentelemetry.io/docs/specs/semconv/) 1.42: those for databases
//! are stable, those for rpc, messaging and faas are not yet.
//!
//! An actor's key is in no name of a span and in no label: there are as many of them as actors,
//! and they may say who somebody is. Whoever wants it as an attribute of spans asks for it.

use opentelemetry::trace::SpanKind;
use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_semantic_conventions::attribute as names;

use crate::span::Description;

pub use names::{
    AWS_DYNAMODB_CONSUMED_CAPACITY, AWS_DYNAMODB_TABLE_NAMES, DB_COLLECTION_NAME,
    DB_OPERATION_NAME, DB_RESPONSE_STATUS_CODE, DB_SYSTEM_NAME, ERROR_TYPE, FAAS_COLDSTART,
    FAAS_INVOCATION_ID, FAAS_INVOKED_NAME, FAAS_INVOKED_PROVIDER, FAAS_TRIGGER,
    MESSAGING_BATCH_MESSAGE_COUNT, MESSAGING_DESTINATION_NAME, MESSAGING_MESSAGE_BODY_SIZE,
    MESSAGING_MESSAGE_ID, MESSAGING_OPERATION_NAME, MESSAGING_OPERATION_TYPE, MESSAGING_SYSTEM,
    RPC_METHOD, RPC_METHOD_ORIGINAL, RPC_RESPONSE_STATUS_CODE, RPC_SYSTEM_NAME,
};

/// The actor's key. Off unless asked for.
pub const ACTOR_KEY: &str = "callboard.actor.key";

/// The message's method, `Deposit`.
pub const MESSAGE_METHOD: &str = "callboard.message.method";

/// What a message is: `ask`, `tell`, `answer` or `timer`.
pub const MESSAGE_KIND: &str = "callboard.message.kind";

/// Which try of a message it is, from 1.
pub const ATTEMPT: &str = "callboard.attempt";

/// How long a message was in its mailbox, in seconds, from being deliverable to being handled.
pub const WAITED: &str = "callboard.waited";

/// The epoch of the lease under which a run is made.
pub const EPOCH: &str = "callboard.epoch";

/// How a run ended: `released`, `out_of_time`, `backing_off`, `suspended`, `fenced`.
pub const RUN_END: &str = "callboard.run.end";

/// What `messaging.system` says of Callboard.
pub const SYSTEM: &str = "callboard";

/// What stands for a method that does not exist, so that callers cannot make up names.
pub const OTHER: &str = "_OTHER";

/// The most bytes of a path that is no method's: whoever calls can send any.
const PATH_BYTES_MAX: usize = 256;

/// The protocol of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rpc {
    /// gRPC, and gRPC-Web.
    Grpc,
    /// Connect, with JSON or protobuf.
    Connect,
}

impl Rpc {
    /// What `rpc.system.name` says of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Connect => "connectrpc",
        }
    }
}

/// A message, as spans tell of it.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The type of the actor that it is for, `bank.v1.Account`.
    pub actor_type: &'a str,
    /// The key of that actor, where it is wanted in spans.
    pub key: Option<&'a str>,
    /// Its method, `Deposit`.
    pub method: &'a str,
    /// Its id.
    pub id: &'a str,
    /// `ask`, `tell`, `answer` or `timer`.
    pub kind: &'static str,
    /// The size of its payload.
    pub bytes: usize,
}

/// The span of a call to the gateway, of a method that exists: `bank.v1.Account/Deposit`.
#[must_use]
pub fn call(rpc: Rpc, method: &str) -> Description {
    Description {
        name: method.to_owned().into(),
        kind: SpanKind::Server,
        attributes: vec![
            KeyValue::new(RPC_SYSTEM_NAME, rpc.name()),
            KeyValue::new(RPC_METHOD, method.to_owned()),
        ],
    }
}

/// The span of a call of a method that does not exist. Of the path 256 bytes are kept.
#[must_use]
pub fn unknown_call(rpc: Rpc, path: &str) -> Description {
    Description {
        name: rpc.name().into(),
        kind: SpanKind::Server,
        attributes: vec![
            KeyValue::new(RPC_SYSTEM_NAME, rpc.name()),
            KeyValue::new(RPC_METHOD, OTHER),
            KeyValue::new(
                RPC_METHOD_ORIGINAL,
                path[..path.floor_char_boundary(PATH_BYTES_MAX)].to_owned(),
            ),
        ],
    }
}

/// The status of a call, as `OK` or `NOT_FOUND`.
#[must_use]
pub fn status(code: &'static str) -> KeyValue {
    KeyValue::new(RPC_RESPONSE_STATUS_CODE, code)
}

/// The name of a status code of gRPC, as the conventions have it: `NOT_FOUND` of 5. `UNKNOWN` is
/// also what there is none of.
///
/// ```
/// assert_eq!(callboard_telemetry::attributes::code_name(5), "NOT_FOUND");
/// ```
#[must_use]
pub fn code_name(code: i32) -> &'static str {
    match code {
        0 => "OK",
        1 => "CANCELLED",
        3 => "INVALID_ARGUMENT",
        4 => "DEADLINE_EXCEEDED",
        5 => "NOT_FOUND",
        6 => "ALREADY_EXISTS",
        7 => "PERMISSION_DENIED",
        8 => "RESOURCE_EXHAUSTED",
        9 => "FAILED_PRECONDITION",
        10 => "ABORTED",
        11 => "OUT_OF_RANGE",
        12 => "UNIMPLEMENTED",
        13 => "INTERNAL",
        14 => "UNAVAILABLE",
        15 => "DATA_LOSS",
        16 => "UNAUTHENTICATED",
        _ => "UNKNOWN",
    }
}

/// The span of sending a message, until it is durable: `send bank.v1.Account`.
#[must_use]
pub fn send(message: &Message<'_>) -> Description {
    described(SpanKind::Producer, "send", "send", message)
}

/// The span of storing messages with one write, of several senders: `append bank.v1.Account`.
#[must_use]
pub fn append(actor_type: &str, messages: usize) -> Description {
    of_batch("append", "send", actor_type, messages)
}

/// The span of an attempt to handle a message: `process bank.v1.Account`. `waited` is how long it
/// was in its mailbox, in seconds.
#[must_use]
pub fn process(message: &Message<'_>, attempt: u32, waited: f64) -> Description {
    let mut description = described(SpanKind::Consumer, "process", "process", message);
    let more = [KeyValue::new(ATTEMPT, i64::from(attempt)), KeyValue::new(WAITED, waited)];
    description.attributes.extend(more);
    description
}

/// The span of an answer on its way to whoever asked: `reply bank.v1.Account`.
#[must_use]
pub fn reply(message: &Message<'_>) -> Description {
    described(SpanKind::Producer, "reply", "send", message)
}

/// The span of a commit, which settles messages of a mailbox: `commit bank.v1.Account`.
#[must_use]
pub fn commit(actor_type: &str, messages: usize) -> Description {
    of_batch("commit", "settle", actor_type, messages)
}

/// The span of a request to the database: `TransactWriteItems callboard-mailboxes`.
#[must_use]
pub fn store(operation: &'static str, tables: &[&str]) -> Description {
    let list = tables.iter().map(|table| StringValue::from((*table).to_owned())).collect();
    let mut attributes = vec![
        KeyValue::new(DB_SYSTEM_NAME, "aws.dynamodb"),
        KeyValue::new(DB_OPERATION_NAME, operation),
        KeyValue::new(AWS_DYNAMODB_TABLE_NAMES, Value::Array(Array::String(list))),
    ];
    let name = match tables {
        [table] => {
            attributes.push(KeyValue::new(DB_COLLECTION_NAME, (*table).to_owned()));
            format!("{operation} {table}").into()
        }
        _ => operation.into(),
    };
    Description { name, kind: SpanKind::Client, attributes }
}

/// The span of an invocation, at whoever invokes: `invoke bank`, with the number of messages that
/// it is for, as far as is known.
#[must_use]
pub fn invoke(function: &str, messages: usize) -> Description {
    // Of an ARN the name alone: it holds the account.
    let name = function.rsplit_once(":function:").map_or(function, |(_, name)| name);
    let attributes = vec![
        KeyValue::new(FAAS_INVOKED_NAME, name.to_owned()),
        KeyValue::new(FAAS_INVOKED_PROVIDER, "aws"),
        KeyValue::new(MESSAGING_BATCH_MESSAGE_COUNT, number(messages)),
    ];
    Description { name: format!("invoke {name}").into(), kind: SpanKind::Client, attributes }
}

/// The span of an invocation, in the function: `run bank.v1.Account`.
#[must_use]
pub fn run(actor_type: &str, invocation_id: &str, is_cold: bool, epoch: u64) -> Description {
    Description {
        name: format!("run {actor_type}").into(),
        kind: SpanKind::Server,
        attributes: vec![
            KeyValue::new(FAAS_TRIGGER, "other"),
            KeyValue::new(FAAS_INVOCATION_ID, invocation_id.to_owned()),
            KeyValue::new(FAAS_COLDSTART, is_cold),
            KeyValue::new(MESSAGING_DESTINATION_NAME, actor_type.to_owned()),
            KeyValue::new(EPOCH, i64::try_from(epoch).unwrap_or(i64::MAX)),
        ],
    }
}

fn of_batch(
    name: &'static str,
    operation: &'static str,
    actor_type: &str,
    messages: usize,
) -> Description {
    Description {
        name: format!("{name} {actor_type}").into(),
        kind: SpanKind::Client,
        attributes: vec![
            KeyValue::new(MESSAGING_SYSTEM, SYSTEM),
            KeyValue::new(MESSAGING_DESTINATION_NAME, actor_type.to_owned()),
            KeyValue::new(MESSAGING_OPERATION_NAME, name),
            KeyValue::new(MESSAGING_OPERATION_TYPE, operation),
            KeyValue::new(MESSAGING_BATCH_MESSAGE_COUNT, number(messages)),
        ],
    }
}

fn described(
    kind: SpanKind,
    name: &'static str,
    operation: &'static str,
    message: &Message<'_>,
) -> Description {
    let Message { actor_type, key, method, id, kind: message_kind, bytes } = *message;
    let mut attributes = Vec::with_capacity(11);
    attributes.extend([
        KeyValue::new(MESSAGING_SYSTEM, SYSTEM),
        KeyValue::new(MESSAGING_DESTINATION_NAME, actor_type.to_owned()),
        KeyValue::new(MESSAGING_OPERATION_NAME, name),
        KeyValue::new(MESSAGING_OPERATION_TYPE, operation),
        KeyValue::new(MESSAGING_MESSAGE_ID, id.to_owned()),
        KeyValue::new(MESSAGING_MESSAGE_BODY_SIZE, number(bytes)),
        KeyValue::new(MESSAGE_METHOD, method.to_owned()),
        KeyValue::new(MESSAGE_KIND, message_kind),
    ]);
    attributes.extend(key.map(|key| KeyValue::new(ACTOR_KEY, key.to_owned())));
    Description { name: format!("{name} {actor_type}").into(), kind, attributes }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: Message<'_> = Message {
        actor_type: "bank.v1.Account",
        key: None,
        method: "Deposit",
        id: "m-1",
        kind: "ask",
        bytes: 12,
    };

    fn value(description: &Description, key: &str) -> Option<String> {
        let found = description.attributes.iter().find(|known| known.key.as_str() == key);
        found.map(|known| known.value.to_string())
    }

    #[test]
    fn names_are_of_types_and_never_of_keys() {
        let keyed = Message { key: Some("alice"), ..MESSAGE };
        let all = [
            call(Rpc::Grpc, "bank.v1.Account/Deposit"),
            send(&keyed),
            process(&keyed, 1, 0.5),
            reply(&keyed),
            commit("bank.v1.Account", 2),
        ];
        let names: Vec<_> = all.iter().map(|description| description.name.as_ref()).collect();
        assert_eq!(
            names,
            [
                "bank.v1.Account/Deposit",
                "send bank.v1.Account",
                "process bank.v1.Account",
                "reply bank.v1.Account",
                "commit bank.v1.Account",
            ]
        );
        assert_eq!(value(&all[1], ACTOR_KEY).as_deref(), Some("alice"));
        assert_eq!(value(&send(&MESSAGE), ACTOR_KEY), None);
    }

    #[test]
    fn kinds_are_those_of_the_conventions() {
        assert_eq!(call(Rpc::Grpc, "a.B/C").kind, SpanKind::Server);
        assert_eq!(send(&MESSAGE).kind, SpanKind::Producer);
        assert_eq!(process(&MESSAGE, 1, 0.0).kind, SpanKind::Consumer);
        assert_eq!(commit("a.B", 1).kind, SpanKind::Client);
        assert_eq!(store("GetItem", &["t"]).kind, SpanKind::Client);
        assert_eq!(invoke("f", 1).kind, SpanKind::Client);
        assert_eq!(run("a.B", "id", true, 1).kind, SpanKind::Server);
    }

    #[test]
    fn callers_cannot_make_up_names() {
        let unknown = unknown_call(Rpc::Connect, "/no.such/Thing");
        assert_eq!(unknown.name, "connectrpc");
        assert_eq!(value(&unknown, RPC_METHOD).as_deref(), Some(OTHER));
        assert_eq!(value(&unknown, RPC_METHOD_ORIGINAL).as_deref(), Some("/no.such/Thing"));
        let long = unknown_call(Rpc::Grpc, &format!("/{}", "ü".repeat(15_000)));
        let kept = value(&long, RPC_METHOD_ORIGINAL).expect("its beginning");
        assert_eq!((kept.len(), kept.chars().last()), (PATH_BYTES_MAX - 1, Some('ü')));
    }

    #[test]
    fn a_request_names_its_tables_and_an_invocation_no_account() {
        let one = store("UpdateItem", &["callboard-mailboxes"]);
        assert_eq!(one.name, "UpdateItem callboard-mailboxes");
        assert_eq!(value(&one, DB_COLLECTION_NAME).as_deref(), Some("callboard-mailboxes"));
        let two = store("TransactWriteItems", &["a", "b"]);
        assert_eq!(
            (two.name.as_ref(), value(&two, DB_COLLECTION_NAME)),
            ("TransactWriteItems", None)
        );
        let invoked = invoke("arn:aws:lambda:eu-central-1:123:function:bank", 1);
        assert_eq!(invoked.name, "invoke bank");
        assert_eq!(value(&invoked, FAAS_INVOKED_NAME).as_deref(), Some("bank"));
    }
}
