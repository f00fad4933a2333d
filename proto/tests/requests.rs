//! The key and the soundness of encoded requests, case by case.

use callboard_proto::schema::{FillError, KeyError, Method, Schema};

fn method(body: &str) -> Method {
    let schema = Schema::compile_sources(&[("t.proto", body)]).expect("valid");
    schema.actors()[0].methods()[0].clone()
}

/// A method whose request has the fields given, as proto3.
fn method_with(fields: &str) -> Method {
    method(&format!(
        "syntax = \"proto3\"; import \"callboard/v1/options.proto\";\
         service A {{ option (callboard.v1.actor) = {{}}; rpc Do(Q) returns (R); }}\
         message R {{}} message Q {{ {fields} }}"
    ))
}

fn missing(field: &str) -> Result<String, KeyError> {
    Err(KeyError::Missing { field: field.to_owned() })
}

#[test]
fn an_empty_or_absent_string_is_no_key() {
    for label in ["", "optional "] {
        let method =
            method_with(&format!("{label}string id = 1 [(callboard.v1.field) = {{ key: true }}];"));
        assert_eq!(method.key_of(b""), missing("id"));
        assert_eq!(method.key_of(b"\x0a\x00"), missing("id"));
        assert_eq!(method.key_of(b"\x0a\x01a\x0a\x00"), missing("id"), "the last one counts");
        assert_eq!(method.key_of(b"\x0a\x00\x0a\x01a"), Ok("a".to_owned()));
    }
}

#[test]
fn zero_is_a_key_only_where_it_differs_from_absence() {
    let plain = method_with("int64 id = 1 [(callboard.v1.field) = { key: true }];");
    assert_eq!(plain.key_of(b""), missing("id"));
    assert_eq!(plain.key_of(b"\x08\x00"), missing("id"));
    assert_eq!(plain.key_of(b"\x08\x01"), Ok("1".to_owned()));
    let optional = method_with("optional int64 id = 1 [(callboard.v1.field) = { key: true }];");
    assert_eq!(optional.key_of(b""), missing("id"));
    assert_eq!(optional.key_of(b"\x08\x00"), Ok("0".to_owned()));
}

#[test]
fn the_first_missing_field_is_named() {
    let key = "[(callboard.v1.field) = { key: true }]";
    let method = method_with(&format!("string b = 2 {key}; string a = 1 {key};"));
    assert_eq!(method.key_of(b"\x0a\x01x"), missing("b"));
    assert_eq!(method.key_of(b"\x12\x01x"), missing("a"));
    assert_eq!(method.key_of(b"\x12\x01/\x0a\x01x"), Ok("x/%2F".to_owned()));
}

#[test]
fn a_key_fills_the_key_fields_that_are_not_set() {
    let key = "[(callboard.v1.field) = { key: true }]";
    let method = method_with(&format!(
        "string a = 1 {key}; sint32 b = 2 {key}; optional fixed64 c = 3 {key}; string text = 4;"
    ));
    let full = method.with_key(b"\x22\x02hi", "x%2Fy/-7/0").expect("it fits");
    assert_eq!(full, b"\x22\x02hi\x0a\x03x/y\x10\x0d\x19\0\0\0\0\0\0\0\0");
    assert_eq!(method.key_of(&full), Ok("x%2Fy/-7/0".to_owned()));
    assert_eq!(method.with_key(&full, "x%2Fy/-7/0"), Ok(full.clone()), "there is nothing to fill");
    let other = |field: &str| Err(FillError::Other { field: field.to_owned() });
    assert_eq!(method.with_key(&full, "x/-7/0"), other("a"));
    assert_eq!(method.with_key(&full, "x%2Fy/-8/0"), other("b"));
    assert_eq!(method.with_key(&full, "x%2Fy/-07/0"), other("b"));
    let value = |field: &str| Err(FillError::Value { field: field.to_owned() });
    for (bad, field) in
        [("/-7/0", "a"), ("x/seven/0", "b"), ("x/0/0", "b"), ("x/07/0", "b"), ("x/7/-1", "c")]
    {
        assert_eq!(method.with_key(b"", bad), value(field), "{bad}");
    }
    for bad in ["", "x", "x/7", "x/7/0/0", "x%2f/7/0"] {
        let error = method.with_key(b"", bad).expect_err(bad);
        assert_eq!(error, FillError::Parts { fields: "a, b, c".to_owned() });
    }
    // What is appended must not become the rest of a field that was cut off.
    let cut = method.with_key(b"\x22\x20hi", "x/7/0");
    assert!(matches!(cut, Err(FillError::Malformed(_))), "{cut:?}");
}

/// A method whose key is `ref.tenant`, `ref.id` and `ref.at.place`.
fn nested() -> Method {
    let key = "[(callboard.v1.field) = { key: true }]";
    let q = format!(
        "Ref ref = 1; string text = 2; }} message At {{ string place = 1 {key}; }}\
         message Ref {{ string tenant = 1 {key}; sint32 id = 2 {key}; At at = 3; string note = 4;"
    );
    method_with(&q)
}

#[test]
fn a_message_that_occurs_twice_is_one() {
    let method = nested();
    let whole = b"\x0a\x08\x0a\x01t\x10\x02\x1a\x03\x0a\x01p";
    // The length of the outer message is that of what it holds.
    let whole = [&[0x0a, whole.len() as u8 - 2], &whole[2..]].concat();
    assert_eq!(method.key_of(&whole), Ok("t/1/p".to_owned()));
    let split = b"\x0a\x03\x0a\x01t\x12\x01x\x0a\x02\x10\x02\x0a\x05\x1a\x03\x0a\x01p";
    assert_eq!(method.key_of(split), Ok("t/1/p".to_owned()));
    // The last value counts, and an occurrence without one changes nothing.
    let more = [split.as_slice(), b"\x0a\x03\x0a\x01u\x0a\x00\x0a\x02\x1a\x00"].concat();
    assert_eq!(method.key_of(&more), Ok("u/1/p".to_owned()));
    let emptied = [split.as_slice(), b"\x0a\x02\x0a\x00"].concat();
    assert_eq!(method.key_of(&emptied), missing("ref.tenant"));
}

#[test]
fn a_key_field_in_a_message_is_named_by_its_path() {
    let method = nested();
    assert_eq!(method.key_of(b""), missing("ref.tenant"));
    assert_eq!(method.key_of(b"\x0a\x00"), missing("ref.tenant"));
    assert_eq!(method.key_of(b"\x0a\x05\x0a\x01t\x10\x02"), missing("ref.at.place"));
    let malformed = |bytes: &[u8]| match method.key_of(bytes) {
        Err(KeyError::Malformed(malformed)) => malformed.to_string(),
        other => panic!("{other:?}"),
    };
    let wire_type = "the wire type is not that of the field's type";
    assert_eq!(malformed(b"\x08\x01"), format!("field `ref`: {wire_type}"));
    assert_eq!(malformed(b"\x0a\x02\x08\x01"), format!("field `ref.tenant`: {wire_type}"));
    assert_eq!(
        malformed(b"\x0a\x05\x1a\x03\x0a\x01\xff"),
        "field `ref.at.place`: the string is not valid UTF-8"
    );
    assert_eq!(malformed(b"\x0a\x02\x0a\x05"), "field `ref`: the bytes end within a field");
}

#[test]
fn a_key_fills_the_messages_that_hold_its_fields() {
    let method = nested();
    let filled = method.with_key(b"\x12\x01x", "t/1/p").expect("it fits");
    assert_eq!(filled, b"\x12\x01x\x0a\x0a\x0a\x01t\x10\x02\x1a\x03\x0a\x01p");
    assert_eq!(method.key_of(&filled), Ok("t/1/p".to_owned()));
    assert_eq!(method.with_key(&filled, "t/1/p"), Ok(filled.clone()), "there is nothing to fill");
    let partly = b"\x0a\x06\x10\x02\x22\x02hi";
    let filled = method.with_key(partly, "t/1/p").expect("it fits");
    assert_eq!(filled, [partly.as_slice(), b"\x0a\x08\x0a\x01t\x1a\x03\x0a\x01p"].concat());
    assert_eq!(method.check(&filled), Ok(()));
    let other = Err(FillError::Other { field: "ref.id".to_owned() });
    assert_eq!(method.with_key(partly, "t/2/p"), other);
    let value = Err(FillError::Value { field: "ref.at.place".to_owned() });
    assert_eq!(method.with_key(partly, "t/1/"), value);
    let fields = "ref.tenant, ref.id, ref.at.place".to_owned();
    assert_eq!(method.with_key(b"", "t/1"), Err(FillError::Parts { fields }));
}

#[test]
fn malformed_requests_name_the_field() {
    let method = method(include_str!("everything.proto.txt"));
    let cases: [(&[u8], &str); 10] = [
        (b"\x0a\x05ab", "the bytes end within a field"),
        (b"\x0a\x01\xff", "field `shop`: the string is not valid UTF-8"),
        (b"\x72\x03\x0a\x01\xff", "field `inner.shop`: the string is not valid UTF-8"),
        (
            b"\x62\x05\x12\x03\x0a\x01\xff",
            "field `children.value.shop`: the string is not valid UTF-8",
        ),
        (b"\x08\x01", "field `shop`: the wire type is not that of the field's type"),
        (b"\x4a\x01\x80", "field `tight`: the bytes end within a field"),
        (b"\x52\x01\x80", "field `wide`: the bytes end within a field"),
        (b"\x0c", "a group is not closed by its own end"),
        (b"\x7b\x0c", "field `item`: a group is not closed by its own end"),
        (b"\x7b", "field `item`: the bytes end within a field"),
    ];
    for (bytes, message) in cases {
        let malformed = method.check(bytes).expect_err(message);
        assert_eq!(malformed.to_string(), message);
    }
}

#[test]
fn repeated_numbers_may_be_packed_or_not() {
    let method = method(include_str!("everything.proto.txt"));
    // `loose` is declared unpacked, `tight` packed.
    for bytes in [b"\x40\x01\x40\x02".as_slice(), b"\x42\x02\x01\x02"] {
        assert_eq!(method.check(bytes), Ok(()));
    }
    for bytes in [b"\x48\x01\x48\x02".as_slice(), b"\x4a\x02\x01\x02"] {
        assert_eq!(method.check(bytes), Ok(()));
    }
}
