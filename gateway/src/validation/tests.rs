use callboard_proto::schema::Schema;
use prost_reflect::DynamicMessage;
use tonic::Status;

use super::*;
use crate::Catalog;

const HEAD: &str = r#"
    syntax = "proto3"; package t.v1;
    import "callboard/v1/options.proto";
    import "buf/validate/validate.proto";
    service A {
      option (callboard.v1.actor) = {};
      rpc Put(PutRequest) returns (PutResponse);
      rpc Free(FreeRequest) returns (PutResponse);
    }
    message PutResponse {}
    message FreeRequest { string key = 1 [(callboard.v1.field) = { key: true }]; }
"#;

const PUT: &str = r#"
    message PutRequest {
      option (buf.validate.message).cel = {
        id: "dates.order", message: "it ends before it begins", expression: "this.from <= this.to"
      };
      string key = 1 [(callboard.v1.field) = { key: true }, (buf.validate.field).string.min_len = 3];
      int32 percent = 2 [(buf.validate.field).int32 = { gte: 0, lte: 100 }];
      repeated string tags = 3 [(buf.validate.field).repeated = { max_items: 2, items: { string: { max_len: 4 } } }];
      Line line = 4 [(buf.validate.field).required = true];
      oneof pay { option (buf.validate.oneof).required = true; string card = 5; bool cash = 6; }
      int64 from = 7;
      int64 to = 8;
      repeated Line lines = 9;
      map<string, Line> by_name = 10;
      string mail = 11 [(buf.validate.field) = { string: { email: true }, ignore: IGNORE_IF_ZERO_VALUE }];
    }
    message Line {
      int64 cents = 1 [(buf.validate.field).cel = {
        id: "cents.even", message: "cents must be even", expression: "this % 2 == 0"
      }];
      Line next = 2;
    }
"#;

fn compile(messages: &str) -> Result<Catalog, Errors> {
    let source = format!("{HEAD}{messages}");
    Catalog::load(Schema::compile_sources(&[("t.proto", &source)]).expect("valid .proto"))
}

fn check(catalog: &Catalog, json: &str) -> Result<(), Refusal> {
    let route = catalog.route("/t.v1.A/Put").expect("it is there");
    let input = route.method_schema().input().clone();
    let mut json = serde_json::Deserializer::from_str(json);
    let message = DynamicMessage::deserialize(input, &mut json).expect("its JSON");
    route.validate(&prost::Message::encode_to_vec(&message))
}

const GOOD: &str = r#"{"key": "abc", "percent": 5, "line": {"cents": 2}, "cash": true}"#;

#[test]
fn each_kind_of_rule_is_told_with_the_path_of_its_field() {
    let catalog = compile(PUT).expect("good rules");
    check(&catalog, GOOD).expect("it keeps the rules");
    let with = |more: &str| GOOD.replace(r#""percent": 5"#, more);
    for (json, field, detail) in [
        (GOOD.replace("abc", "ab"), "key", "3 char"),
        (with(r#""percent": 101"#), "percent", "100"),
        (with(r#""tags": ["a", "b", "c"]"#), "tags", "2 item"),
        (with(r#""tags": ["a", "abcde"]"#), "tags[1]", "4 char"),
        (GOOD.replace(r#""line": {"cents": 2}, "#, ""), "line", "required"),
        (GOOD.replace(r#", "cash": true"#, ""), "pay", "required"),
        (with(r#""from": 3, "to": 2"#), "", "it ends before it begins"),
        (with(r#""lines": [{"cents": 4}, {"cents": 3}]"#), "lines[1].cents", "must be even"),
        (with(r#""lines": [{"next": {"cents": 3}}]"#), "lines[0].next.cents", "must be even"),
        (with(r#""byName": {"x": {"cents": 3}}"#), "by_name[\"x\"].cents", "must be even"),
        (
            with(r#""mail": "nobody"#.to_owned().as_str()).replace("nobody", "nobody\""),
            "mail",
            "email",
        ),
    ] {
        let Err(Refusal::BrokenRules { violations }) = check(&catalog, &json) else {
            panic!("{json} is taken");
        };
        let [FieldViolation { field: at, detail: told }] = violations.as_slice() else {
            panic!("{json}: {violations:?}");
        };
        assert_eq!(at, field, "{json}: {told}");
        assert!(told.contains(detail), "{json}: {told}");
    }
}

/// A request with one more field.
fn with_field(field: &str) -> String {
    format!(
        "message PutRequest {{ string key = 1 [(callboard.v1.field) = {{ key: true }}]; {field} }}"
    )
}

fn cel(expression: &str) -> String {
    format!(
        r#"[(buf.validate.field).cel = {{ id: "x", message: "bad", expression: "{expression}" }}]"#
    )
}

#[test]
fn a_rule_that_cannot_be_used_is_an_error_of_its_message() {
    let cases = [
        (with_field(&format!("int32 n = 2 {};", cel("this >"))), "Syntax"),
        (with_field(&format!("int32 n = 2 {};", cel("that > 1"))), "that"),
        (with_field(&format!("int32 n = 2 {};", cel("this.size9() > 1"))), "size9"),
        (with_field(&format!("int32 n = 2 {};", cel("this"))), "type"),
        (with_field("int32 n = 2 [(buf.validate.field).string.min_len = 1];"), "string"),
        (with_field(r#"string s = 2 [(buf.validate.field).string.pattern = "("];"#), "pattern"),
        (
            with_field(
                r#"option (buf.validate.message).cel = { id: "x", expression: "this.nothing == 1" };"#,
            ),
            "nothing",
        ),
        (
            with_field(r#"option (buf.validate.message).oneof = { fields: ["nothing"] };"#),
            "nothing",
        ),
        // In a message that is in the request, also where an empty request has none.
        (
            with_field("repeated Line lines = 2;")
                + &format!("message Line {{ string s = 1 {}; }}", cel("this.size(")),
            "Line",
        ),
    ];
    for (messages, word) in cases {
        let Err(errors) = compile(&messages) else { panic!("{messages} is taken") };
        let text = errors.to_string();
        println!("{text}");
        assert!(text.starts_with("t.v1."), "{text}");
        assert!(text.contains(word), "{word} is missing in {text}");
    }
}

#[test]
fn a_request_without_rules_is_not_looked_at() {
    let catalog = compile(PUT).expect("good rules");
    let route = catalog.route("/t.v1.A/Free").expect("it is there");
    // Not even decoded.
    route.validate(b"\xff").expect("it has no rules");
    let free = compile(&with_field("")).expect("there are no rules at all");
    free.route("/t.v1.A/Put").expect("it is there").validate(b"\xff").expect("it has no rules");
}

#[test]
fn what_callers_are_told_is_bounded_and_has_none_of_their_values() {
    let field =
        r#"repeated string s = 2 [(buf.validate.field).repeated.items.string.max_len = 4];"#;
    let catalog = compile(&with_field(field)).expect("good rules");
    let json = serde_json::json!({ "key": "k", "s": vec!["hush-hush"; 1_000] }).to_string();
    let Err(Refusal::BrokenRules { violations }) = check(&catalog, &json) else {
        panic!("it is taken");
    };
    assert_eq!(violations.len(), VIOLATIONS_MAX);
    assert!(!format!("{violations:?}").contains("hush"));
    let long = "x".repeat(1_000);
    let field = format!(
        r#"repeated string s = 2 [(buf.validate.field).repeated.items.cel = {{
          id: "x", message: "{long}", expression: "this == 'a'" }}];"#
    );
    let catalog = compile(&with_field(&field)).expect("good rules");
    let Err(refusal) = check(&catalog, &json) else { panic!("it is taken") };
    let size = Status::from(refusal).details().len();
    assert!(size < 6 * 1_024 * 3 / 4, "{size} bytes in base64 leave no room in 8 KiB");
    assert_eq!(short(&"ä".repeat(1_000)).chars().count(), TEXT_BYTES_MAX / 2 + 1);
}

#[test]
fn a_rule_that_fails_for_one_value_is_a_defect_and_not_the_callers_mistake() {
    let field = format!("int64 n = 2 {};", cel("10 / this > 1"));
    let catalog = compile(&with_field(&field)).expect("it is good for most values");
    check(&catalog, r#"{"key": "k", "n": 2}"#).expect("ten by two is five");
    let Err(Refusal::Internal { detail }) = check(&catalog, r#"{"key": "k"}"#) else {
        panic!("ten by nothing is taken");
    };
    assert!(detail.contains("t.v1.PutRequest"), "{detail}");
    let error = "runtime error: failed to execute CEL rule `x`: Division by zero of Int(7)";
    assert_eq!(without_values(error), "runtime error: failed to execute CEL rule `x`");
}

#[test]
fn rules_reach_as_deep_as_messages_may_be() {
    let catalog = compile(PUT).expect("good rules");
    let nested = |depth: usize, cents: u32| {
        let (open, close) = (r#"{"next":"#.repeat(depth), "}".repeat(depth));
        let lines = format!(r#""lines": [{open}{{"cents": {cents}}}{close}]"#);
        GOOD.replace(r#""percent": 5"#, &lines)
    };
    check(&catalog, &nested(90, 2)).expect("it is even");
    assert!(check(&catalog, &nested(90, 3)).is_err());
}

#[test]
fn predefined_rules_of_the_users_files_are_known() {
    let messages = with_field(r#"int32 n = 2 [(buf.validate.field).int32.(t.v1.even) = true];"#);
    let rules = r#"
        syntax = "proto2"; package t.v1; import "buf/validate/validate.proto";
        extend buf.validate.Int32Rules {
          optional bool even = 60001 [(buf.validate.predefined).cel = {
            id: "int32.even", message: "it is odd", expression: "!rule || this % 2 == 0"
          }];
        }
    "#;
    let source = format!("{HEAD} import \"rules.proto\"; {messages}");
    let files = [("t.proto", source.as_str()), ("rules.proto", rules)];
    let schema = Schema::compile_sources(&files).expect("valid .proto");
    let catalog = Catalog::load(schema).expect("good rules");
    check(&catalog, r#"{"key": "k", "n": 2}"#).expect("it is even");
    let Err(Refusal::BrokenRules { violations }) = check(&catalog, r#"{"key": "k", "n": 3}"#)
    else {
        panic!("it is taken");
    };
    assert_eq!(violations[0].detail, "it is odd");
}
