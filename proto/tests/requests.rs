//! The key and the soundness of encoded requests, case by case.

use callboard_proto::schema::{KeyError, Method, Schema};

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
