//! Messages as JSON: what is taken is a message that the gateway takes, and comes back as
//! JSON that means the same bytes.

#![no_main]

use std::sync::LazyLock;

use callboard_gateway::fuzzing::{from_json, to_json};
use callboard_proto::schema::{Method, Schema};
use libfuzzer_sys::fuzz_target;
use prost_reflect::DynamicMessage;

static METHOD: LazyLock<Method> = LazyLock::new(|| {
    let schema = Schema::compile_sources(&[("everything.proto", include_str!("everything.proto"))]);
    schema.expect("it compiles").actors()[0].methods()[0].clone()
});

fuzz_target!(|json: &[u8]| {
    let message = METHOD.input();
    let Ok(encoded) = from_json(message, json) else { return };
    assert_eq!(from_json(message, json).as_ref(), Ok(&encoded), "the same bytes each time");
    // What is nested too deeply is refused later, whoever sent it.
    let decoded = DynamicMessage::decode(message.clone(), encoded.clone());
    assert_eq!(METHOD.check(&encoded).is_ok(), decoded.is_ok());
    if decoded.is_err() {
        return;
    }
    // Not all that is valid can be written as JSON: a time beyond the year 9999 cannot.
    let Some(again) = to_json(message, encoded.clone()) else { return };
    let text = String::from_utf8_lossy(&again);
    let back = from_json(message, &again).expect("JSON that was written is read");
    // JSON has one NaN, and a double has many.
    if !text.contains(r#""NaN""#) {
        assert_eq!(back, encoded, "{text}");
    }
    assert_eq!(to_json(message, back).as_ref(), Some(&again), "{text}");
});
