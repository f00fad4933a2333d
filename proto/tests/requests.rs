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
