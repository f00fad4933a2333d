//! Encoded requests, which the gateway checks without decoding them: it takes what
//! prost-reflect takes, and finds the key that prost-reflect finds. Of maps
//! prost-reflect does not look at the wire type, and takes more.

#![no_main]

use std::sync::LazyLock;

use callboard_proto::schema::{Method, Schema};
use libfuzzer_sys::fuzz_target;
use prost_reflect::{DynamicMessage, Value};

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let schema = Schema::compile_sources(&[("everything.proto", include_str!("everything.proto"))]);
    schema.expect("it compiles")
});

fn check(method: &Method, payload: &[u8], has_maps: bool) {
    let decoded = DynamicMessage::decode(method.input().clone(), payload);
    let (checked, problem) = (method.check(payload), decoded.as_ref().err());
    if checked.is_ok() || !has_maps {
        assert_eq!(checked.is_ok(), problem.is_none(), "{checked:?}, {problem:?}");
    }
    let (Ok(message), true) = (decoded, checked.is_ok()) else { return };
    let thing = message.get_field_by_name("thing").expect("it has one").into_owned();
    let Value::String(thing) = thing else { panic!("it is text") };
    match method.key_of(payload) {
        Ok(key) => assert_eq!(key, thing),
        Err(_) => assert_eq!(thing, ""),
    }
    let filled = method.with_key(payload, "b");
    assert_eq!(filled.is_ok(), matches!(&*thing, "" | "b"));
    if let Ok(filled) = filled {
        assert_eq!(method.key_of(&filled).ok().as_deref(), Some("b"));
    }
}

fuzz_target!(|payload: &[u8]| {
    let actor = &SCHEMA.actors()[0];
    for (name, has_maps) in [("Put", true), ("Set", false)] {
        check(actor.method(name).expect("it has it"), payload, has_maps);
    }
});
