//! What is written.

use callboard_client::{Error, Receipt};
use serde_json::{Map, Value, json};

use crate::Failure;

/// What an operation gives, or how it failed.
pub(crate) type Outcome = Result<Value, Failure>;

/// The answer to an operation.
pub(crate) fn line(id: i64, outcome: Outcome) -> Value {
    match outcome {
        Ok(value) => json!({"id": id, "ok": value}),
        Err(failure) => match failure.downcast_ref::<Error>() {
            Some(failed) => json!({"id": id, "error": error(failed)}),
            None => {
                let error = json!({"code": "UNKNOWN", "message": failure.to_string(), "type": ""});
                json!({"id": id, "error": error})
            }
        },
    }
}

/// A receipt; a read-only ask has none.
pub(crate) fn receipt(receipt: Option<&Receipt>) -> Value {
    json!({
        "message_id": receipt.map(|receipt| &receipt.message_id),
        "sequence": receipt.and_then(|receipt| receipt.sequence),
        "duplicate": receipt.is_some_and(|receipt| receipt.duplicate),
        "new_key": receipt.and_then(|receipt| receipt.new_key.as_ref()),
    })
}

/// What an ask got: its response in JSON, and its receipt.
pub(crate) fn answer(response: &str, of: Option<&Receipt>) -> Outcome {
    let mut fields = receipt(of);
    fields["response"] = serde_json::from_str(response)?;
    Ok(fields)
}

pub(crate) fn nothing() -> Value {
    Map::new().into()
}

pub(crate) fn error(error: &Error) -> Value {
    let delay = error.retry_delay().map(|delay| delay.as_millis());
    json!({
        "code": name(error.code()),
        "reason": error.reason(),
        "domain": error.domain(),
        "metadata": error.metadata(),
        "retry_delay_ms": delay.map(|millis| u64::try_from(millis).unwrap_or(u64::MAX)),
        "message": error.message(),
        "message_id": error.message_id(),
        "type": format!("{:?}", error.kind()),
    })
}

/// `NotFound` as gRPC spells it: `NOT_FOUND`.
fn name(code: tonic::Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}
