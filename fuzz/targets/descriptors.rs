//! What actors are read from: a descriptor set, or the text of a `.proto`. What is taken
//! is taken again, and means the same, when it is written as a descriptor set.

#![no_main]

use callboard_proto::schema::Schema;
use libfuzzer_sys::fuzz_target;

/// The actors and all that routes to them.
fn told(schema: &Schema) -> Vec<String> {
    let methods = schema.actors().iter().flat_map(|actor| {
        actor.methods().iter().map(move |method| {
            format!(
                "{} {} {} {:?} {} {} {} {} {} {}",
                actor.type_name(),
                actor.service().full_name(),
                method.name(),
                method.kind(),
                method.is_read_only(),
                method.is_internal(),
                method.makes_key(),
                method.input().full_name(),
                method.output().full_name(),
                method.key().len(),
            )
        })
    });
    methods.collect()
}

fn check(schema: &Schema) {
    let again = Schema::from_descriptor_set(&schema.descriptor_set());
    let again = again.expect("what was taken is taken again");
    assert_eq!(told(&again), told(schema));
    for actor in schema.actors() {
        assert!(schema.actor(actor.type_name()).is_some());
        for method in actor.methods() {
            // Nothing is known of these bytes; they must not do harm.
            for payload in [&b""[..], b"\x0a\x01a", b"\x0a\x02\x0a\x00", b"\xff"] {
                let _ = method.check(payload);
                let _ = method.key_of(payload);
                let _ = method.with_key(payload, "a/b");
            }
        }
    }
}

fuzz_target!(|input: &[u8]| {
    if let Ok(schema) = Schema::from_descriptor_set(input) {
        check(&schema);
    }
    if let Ok(text) = std::str::from_utf8(input)
        && let Ok(schema) = Schema::compile_sources(&[("fuzz.proto", text)])
    {
        check(&schema);
    }
});
