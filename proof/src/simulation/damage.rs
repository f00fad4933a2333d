//! Answers of DynamoDB that are not what dynoxide says: errors, and reads that
//! are no snapshot or lag behind.

use fastrand::Rng;
use serde_json::{Value, json};

use super::network::Answer;

fn error(status: u16, code: &str) -> Answer {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
    let body = json!({ "__type": kind, "message": "simulated" });
    Answer { status, headers: &[], body: bytes(&body) }
}

fn bytes(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).expect("a value is JSON")
}

fn read(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("an answer is JSON")
}

/// The table or the account is over its rate.
pub(super) fn throttled(table: bool) -> Answer {
    let whose = match table {
        true => "ProvisionedThroughputExceededException",
        false => "ThrottlingException",
    };
    error(400, whose)
}

/// DynamoDB failed.
pub(super) fn server_error(internal: bool) -> Answer {
    match internal {
        true => error(500, "InternalServerError"),
        false => error(503, "ServiceUnavailable"),
    }
}

/// A transaction holds the item of a plain write.
pub(super) fn conflict() -> Answer {
    error(400, "TransactionConflictException")
}

/// Something else holds one item of a transaction, or is over its rate.
pub(super) fn cancelled(request: &str, random: &mut Rng) -> Answer {
    let request: Value = serde_json::from_str(request).expect("a request is JSON");
    let items = request["TransactItems"].as_array().map_or(0, Vec::len);
    let (held, code) =
        (random.usize(..items), random.choice(["TransactionConflict", "ThrottlingError"]));
    let reasons: Vec<_> = (0..items)
        .map(|item| if item == held { json!({ "Code": code }) } else { json!({ "Code": "None" }) })
        .collect();
    cancellation(reasons)
}

fn cancellation(reasons: Vec<Value>) -> Answer {
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    let body = json!({ "__type": kind, "Message": "simulated", "CancellationReasons": reasons });
    Answer { status: 400, headers: &[], body: bytes(&body) }
}

/// The refusal of a transaction whose items were not looked at in one moment:
/// where an earlier try of it took effect meanwhile, its later items are there
/// and its first one looks as it did before. Other answers stay as they are.
pub(super) fn of_two_moments(answer: Answer) -> Answer {
    let mut body = read(&answer);
    let Some(reasons) = body["CancellationReasons"].as_array_mut() else { return answer };
    let failed = |reason: &Value| reason["Code"] == "ConditionalCheckFailed";
    if reasons.iter().filter(|reason| failed(reason)).count() < 2 {
        return answer;
    }
    reasons[0] = json!({ "Code": "None" });
    Answer { body: bytes(&body), ..answer }
}

/// A query that read its second part later than its first: up to some place it
/// shows what was there before, and from that place on what is there now.
pub(super) fn torn(early: &Answer, late: Answer, random: &mut Rng) -> Answer {
    let (mut early, mut body) = (read(early), read(&late));
    let (Some(before), Some(items)) = (early["Items"].as_array_mut(), body["Items"].as_array_mut())
    else {
        return late;
    };
    if items.is_empty() {
        return late;
    }
    let place = sort_key(&items[random.usize(..items.len())]).to_owned();
    before.retain(|item| sort_key(item) < place.as_str());
    items.retain(|item| sort_key(item) >= place.as_str());
    items.splice(..0, before.drain(..));
    body["Count"] = items.len().into();
    Answer { body: bytes(&body), ..late }
}

fn sort_key(item: &Value) -> &str {
    item["k"]["S"].as_str().unwrap_or_default()
}

/// A read that lags behind: one item that is there is missing.
pub(super) fn lagging(answer: Answer, random: &mut Rng) -> Answer {
    let mut body = read(&answer);
    let tables = body["Responses"].as_object_mut().and_then(|tables| tables.values_mut().next());
    let found = match tables {
        Some(items) => items,
        None => &mut body["Items"],
    };
    match found.as_array_mut() {
        Some(items) if !items.is_empty() => drop(items.remove(random.usize(..items.len()))),
        _ => return answer,
    }
    Answer { body: bytes(&body), ..answer }
}

/// The code of an error.
pub(super) fn code(answer: &Answer) -> String {
    let body = read(answer);
    let kind = body["__type"].as_str().unwrap_or("no code");
    kind.rsplit('#').next().unwrap_or(kind).to_owned()
}

/// What a person reads of a request.
pub(super) fn summary(request: &str) -> String {
    let request: Value = serde_json::from_str(request).expect("a request is JSON");
    let update = match request["TransactItems"][0].get("Update") {
        Some(update) => update,
        None => &request,
    };
    let mut parts = Vec::new();
    for part in ["Key", "Item", "UpdateExpression", "ExpressionAttributeValues"] {
        if let Some(value) = update.get(part) {
            parts.push(short(value));
        }
    }
    parts.join(" ")
}

/// A value without what makes it long: the names of types, and binary content.
fn short(value: &Value) -> String {
    match value {
        Value::Object(fields) => match fields.iter().next() {
            Some((kind, value)) if fields.len() == 1 && ["S", "N"].contains(&kind.as_str()) => {
                short(value)
            }
            Some((kind, value)) if fields.len() == 1 && kind == "B" => {
                format!("<{}>", value.as_str().map_or(0, str::len))
            }
            _ => {
                let mut fields: Vec<_> =
                    fields.iter().map(|(name, value)| format!("{name}={}", short(value))).collect();
                fields.sort();
                format!("{{{}}}", fields.join(" "))
            }
        },
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
