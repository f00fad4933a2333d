//! What `Schema` refuses, and what it says: place, message, and help.

use callboard_proto::schema::{Errors, Schema};

/// The first line of each file; what a case adds starts at line 2.
const HEAD: &str = "syntax = \"proto3\"; package t; import \"callboard/v1/options.proto\";\n";

fn compile(body: &str) -> Result<Schema, Errors> {
    Schema::compile_sources(&[("t.proto", &format!("{HEAD}{body}"))])
}

/// The errors without their help.
fn messages(result: Result<Schema, Errors>) -> Vec<String> {
    let errors = result.expect_err("the files are wrong");
    for error in &errors {
        assert!(!error.message.ends_with('.'), "{error}");
    }
    let first_line = |error: String| error.lines().next().unwrap_or_default().to_owned();
    errors.iter().map(|error| first_line(error.to_string())).collect()
}

/// A service `A` with one method, and messages `Q` and `R`.
fn one_method(method: &str, request: &str, response: &str) -> String {
    format!(
        "service A {{ option (callboard.v1.actor) = {{}};\n\
         {method}\n\
         }}\n\
         message Q {{\n{request}\n}}\n\
         message R {{\n{response}\n}}\n"
    )
}

const ASK: &str = "rpc Do(Q) returns (R);";
const KEY: &str = "string id = 1 [(callboard.v1.field) = { key: true }];";

#[test]
fn a_request_needs_a_key_field() {
    let errors = compile(&one_method(ASK, "string id = 1;", "")).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "t.proto:5:1: the request `t.Q` of `Do` has no key field\n  \
         help: mark one field with `[(callboard.v1.field) = { key: true }]`"
    );
    // What `unwrap` and a failing build script print.
    assert_eq!(format!("{errors:?}"), errors.to_string());
}

#[test]
fn a_new_key_is_a_string_that_a_gateway_makes() {
    let new_key = |more: &str, key: &str| {
        let method = format!(
            "rpc Do(Q) returns (R) {{ option (callboard.v1.handler) = {{ new_key: true {more} }}; }}"
        );
        compile(&one_method(&method, key, ""))
    };
    let schema = new_key("tell: true", KEY).expect("valid");
    assert!(schema.actors()[0].methods()[0].makes_key());
    let two = format!("{KEY} string b = 2 [(callboard.v1.field) = {{ key: true }}];");
    for (more, key, why) in [
        ("internal: true", KEY, "no gateway takes it"),
        ("read_only: true", KEY, "it is read-only"),
        ("", &KEY.replace("string", "int64"), "its key is not a single string"),
        ("", two.as_str(), "its key is not a single string"),
    ] {
        let message = format!("t.proto:3:1: `Do` cannot make new keys: {why}");
        assert_eq!(messages(new_key(more, key)), [message]);
    }
}

#[test]
fn a_request_that_is_not_the_users_is_reported_at_the_method() {
    let body = "import \"google/protobuf/empty.proto\";\n\
        service A { option (callboard.v1.actor) = {};\n\
          rpc Do(google.protobuf.Empty) returns (google.protobuf.Empty);\n\
        }\n";
    assert_eq!(
        messages(compile(body)),
        ["t.proto:4:1: the request `google.protobuf.Empty` of `Do` has no key field"]
    );
}

#[test]
fn a_key_is_a_singular_string_or_integer() {
    let cases = [
        ("repeated string id = 1", "it is repeated"),
        ("map<string, string> id = 1", "it is a map"),
        ("R id = 1", "it is a message"),
        ("float id = 1", "it is a floating-point number"),
        ("double id = 1", "it is a floating-point number"),
        ("bytes id = 1", "it is bytes"),
        ("bool id = 1", "it is a bool"),
        ("E id = 1", "it is an enum"),
    ];
    for (field, problem) in cases {
        let request = format!("{field} [(callboard.v1.field) = {{ key: true }}];");
        let body = one_method(ASK, &request, "") + "enum E { E_UNSPECIFIED = 0; }";
        assert_eq!(
            messages(compile(&body)),
            [format!("t.proto:6:1: `id` cannot have a callboard option: {problem}")],
        );
    }
    let kinds = [
        "string", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64",
        "sfixed32", "sfixed64",
    ];
    for kind in kinds {
        for label in ["", "optional "] {
            let request = format!("{label}{kind} id = 1 [(callboard.v1.field) = {{ key: true }}];");
            compile(&one_method(ASK, &request, "")).expect("allowed");
        }
    }
}

#[test]
fn a_key_is_no_member_of_a_oneof() {
    let request = format!("oneof which {{\n{KEY}\nstring name = 2;\n}}");
    assert_eq!(
        messages(compile(&one_method(ASK, &request, ""))),
        ["t.proto:7:1: `id` cannot have a callboard option: it is a member of a oneof"]
    );
}

#[test]
fn all_methods_of_an_actor_have_the_same_key() {
    let two = |first: &str, second: &str| {
        let field = |field: &str| format!("{field} [(callboard.v1.field) = {{ key: true }}];");
        let fields = |fields: &str| fields.split(';').map(field).collect::<String>();
        let body =
            one_method("rpc Do(Q) returns (R);\nrpc Undo(U) returns (R);", &fields(first), "");
        compile(&format!("{body}message U {{ {} }}", fields(second)))
    };
    assert_eq!(
        messages(two("string shop = 1;string id = 2", "string id = 1")),
        ["t.proto:4:1: the key of `Undo` is (id), but that of `Do` is (shop, id)"]
    );
    assert_eq!(
        messages(two("string shop = 1;string id = 2", "string shop = 2;string id = 1")),
        ["t.proto:4:1: the key of `Undo` is (id, shop), but that of `Do` is (shop, id)"]
    );
    two("string id = 1", "string user_id = 1").expect("names may differ");
}

/// A service `A` with a method for each request, `Q1` and so on.
fn requests(requests: &[&str], more: &str) -> Result<Schema, Errors> {
    let (mut methods, mut messages) = (String::new(), String::new());
    for (number, fields) in (1..).zip(requests) {
        methods += &format!("rpc Do{number}(Q{number}) returns (R);\n");
        messages += &format!("message Q{number} {{ {fields} }}\n");
    }
    compile(&format!(
        "service A {{ option (callboard.v1.actor) = {{}};\n{methods}}}\n\
         message R {{}}\n{messages}{more}"
    ))
}

const REF: &str = "message Ref { string id = 2 [(callboard.v1.field) = { key: true }]; \
                   string tenant = 1 [(callboard.v1.field) = { key: true }]; }\n";
const TENANT: &str = "string tenant = 1 [(callboard.v1.field) = { key: true }];";

#[test]
fn a_key_may_lie_in_messages() {
    let names = |request: &str, more: &str| -> Vec<String> {
        let schema = requests(&[request], &format!("{REF}{more}")).expect(request);
        let key = schema.actors()[0].methods()[0].key().iter();
        key.map(|field| field.name().to_owned()).collect()
    };
    assert_eq!(names("Ref ref = 7;", ""), ["ref.tenant", "ref.id"], "by number");
    let around =
        format!("string z = 9 [(callboard.v1.field) = {{ key: true }}]; Ref ref = 7; {TENANT}");
    assert_eq!(names(&around, ""), ["tenant", "ref.tenant", "ref.id", "z"], "depth first");
    let deep = "message Outer { Inner inner = 1; } message Inner { optional Ref ref = 1; }";
    assert_eq!(names("Outer outer = 1;", deep), ["outer.inner.ref.tenant", "outer.inner.ref.id"]);
    // What is set to false is the key of another actor.
    let no = "[(callboard.v1.field) = { key: false }]";
    assert_eq!(names(&format!("Ref from = 2; Ref to = 1 {no};"), ""), ["from.tenant", "from.id"]);
    assert_eq!(
        names(
            &format!("{TENANT} Ref ref = 2 {no};"),
            "message Q2 { Ref ref = 1; } \
        service B { option (callboard.v1.actor) = {}; rpc Do(Q2) returns (R); }"
        ),
        ["tenant"]
    );
    // A message may lead to itself.
    let node = format!(
        "message Node {{ Node up = 1; Ref ref = 2; Pair pair = 3; }} \
                        message Pair {{ Node node = 1; {} }}",
        TENANT.replace("= 1", "= 2")
    );
    assert_eq!(
        names("Node node = 1;", &node),
        ["node.ref.tenant", "node.ref.id", "node.pair.tenant",]
    );
    // Where it is not in every request, or there may be several, no key is found.
    let found = names(
        &format!(
            "{TENANT} repeated Ref some = 2; map<string, Ref> more = 3; oneof o {{ Ref one = 4; }}"
        ),
        "message Q2 { Ref ref = 1; } \
         service B { option (callboard.v1.actor) = {}; rpc Do(Q2) returns (R); }",
    );
    assert_eq!(found, ["tenant"]);
}

#[test]
fn a_marked_field_that_no_request_leads_to_is_refused() {
    let id = KEY.to_owned();
    for field in ["repeated Other o = 1;", "map<int32, Other> o = 1;", "oneof x { Other o = 1; }"] {
        assert_eq!(
            messages(requests(
                &[&format!("{id}{field}").replace("id = 1", "id = 9")],
                &format!("message Other {{\n{KEY} }}")
            )),
            ["t.proto:8:1: `id` cannot have a callboard option: no request of an actor leads to \
              `t.Other`"],
            "{field}"
        );
    }
    assert_eq!(
        messages(requests(&["repeated Ref refs = 1;"], REF))[0],
        "t.proto:6:1: the request `t.Q1` of `Do1` has no key field"
    );
    // The eighth level is the last one.
    let levels = |depth: usize| {
        let nested = |level| format!("message Q{level} {{ Q{} next = 1; }} ", level + 1);
        let nested: String = (2..depth).map(nested).collect();
        requests(&["Q2 next = 1;"], &format!("{nested}\nmessage Q{depth} {{ {TENANT} }}"))
    };
    levels(8).expect("allowed");
    assert_eq!(messages(levels(9)).len(), 2, "no key, and a mark that nothing leads to");
}

#[test]
fn a_key_has_sixteen_fields_at_most() {
    let fields = |count: usize| -> String {
        let field = |number| {
            format!("string f{number} = {number} [(callboard.v1.field) = {{ key: true }}];")
        };
        (1..=count).map(field).collect()
    };
    requests(&[&fields(16)], "").expect("allowed");
    let message =
        "t.proto:3:1: the key of `Do1` has more than 16 fields, or lies in too many messages";
    assert_eq!(messages(requests(&[&fields(17)], "")), [message]);
    // Ways that all end in vain are not all walked: a message within itself is not
    // looked into.
    let many: String = (1..=9)
        .map(|level| {
            let next = if level == 9 { 1 } else { level + 1 };
            let fields: String = (1..=30).map(|n| format!("M{next} f{n} = {n};")).collect();
            format!("message M{level} {{ {fields} }} ")
        })
        .collect();
    let found = messages(requests(
        &["M2 m = 1;"],
        &format!("{many} message Q2 {{ M1 m = 1; {} }}", TENANT.replace("= 1", "= 2"))
            .replace("M1 f30 = 30;", &format!("M1 f30 = 30; {}", TENANT.replace("= 1", "= 31"))),
    ));
    assert!(found.contains(&message.to_owned()), "{found:?}");
}

#[test]
fn a_key_in_a_message_and_one_in_the_request_are_compared_by_the_names_of_their_fields() {
    let id = "string id = 2 [(callboard.v1.field) = { key: true }];";
    let flat = format!("{TENANT}{id}");
    requests(&["Ref ref = 1;", &flat], REF).expect("the same");
    requests(&["Ref ref = 1;", "Ref reference = 7;"], REF).expect("names may differ");
    let turned = format!("{} {}", TENANT.replace("= 1", "= 2"), id.replace("= 2", "= 1"));
    assert_eq!(
        messages(requests(&["Ref ref = 1;", &turned], REF)),
        [
            "t.proto:4:1: the key of `Do2` is (id, tenant), but that of `Do1` is (ref.tenant, ref.id)"
        ]
    );
    let one = "message One { string id = 1 [(callboard.v1.field) = { key: true }]; }";
    assert_eq!(
        messages(requests(&["One a = 1; One b = 2;", "One b = 1; One a = 2;"], one)),
        ["t.proto:4:1: the key of `Do2` is (b.id, a.id), but that of `Do1` is (a.id, b.id)"]
    );
    let errors = requests(&["One from = 1;", "One from = 1; One to = 2;"], one).unwrap_err();
    let errors = errors.to_string();
    assert!(errors.contains("the key of `Do2` is (from.id, to.id)"), "{errors}");
    assert!(errors.contains("set `key: false`"), "{errors}");
}

#[test]
fn streams_are_refused() {
    let method = "rpc Do(stream Q) returns (stream R);";
    assert_eq!(
        messages(compile(&one_method(method, KEY, ""))),
        [
            "t.proto:3:1: `Do` returns a stream, but an actor returns one response",
            "t.proto:3:1: `Do` takes a stream, but an actor takes single messages",
        ]
    );
}

#[test]
fn the_response_of_a_tell_has_no_fields() {
    let tell = "rpc Do(Q) returns (R) { option (callboard.v1.handler) = { tell: true }; }";
    assert_eq!(
        messages(compile(&one_method(tell, KEY, "string answer = 1;"))),
        ["t.proto:3:1: `Do` is a tell, but its response `t.R` has fields"]
    );
    compile(&one_method(tell, KEY, "")).expect("allowed");
}

#[test]
fn the_response_of_an_answer_has_no_fields() {
    let answer = "rpc On(R) returns (Q) { option (callboard.v1.handler) = { answer: true }; }";
    let errors = compile(&one_method(&format!("{ASK}\n{answer}"), KEY, "")).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "t.proto:4:1: `On` takes answers, but its response `t.Q` has fields\n  \
         help: nobody waits for a response to an answer: give it a response message without fields"
    );
}

#[test]
fn the_request_of_an_answer_needs_no_key_and_may_have_one() {
    let answer = "rpc On(R) returns (N) { option (callboard.v1.handler) = { answer: true }; }";
    let with = |response: &str| {
        compile(&(one_method(&format!("{answer}\n{ASK}"), KEY, response) + "message N {}"))
    };
    with("string id = 1;").expect("no key");
    // Nor has it to be the key of the actor.
    with(&format!("{KEY}\n{}", KEY.replace("id = 1", "shop = 2"))).expect("a key");
}

#[test]
fn a_method_is_of_one_kind() {
    let handler = |options: &str| {
        let body =
            "rpc Do(Q) returns (R);\nrpc Odd(Q) returns (R) { option (callboard.v1.handler) = {";
        messages(compile(&one_method(&format!("{body} {options} }}; }}"), KEY, "")))
    };
    assert_eq!(
        handler("tell: true read_only: true"),
        ["t.proto:4:1: `Odd` cannot be both a tell and read-only"]
    );
    assert_eq!(
        handler("tell: true answer: true"),
        ["t.proto:4:1: `Odd` cannot be both an answer and a tell"]
    );
    assert_eq!(
        handler("read_only: true answer: true"),
        ["t.proto:4:1: `Odd` cannot be both an answer and read-only"]
    );
}

#[test]
fn an_actor_has_more_than_answers() {
    let answer = "rpc On(R) returns (R) { option (callboard.v1.handler) = { answer: true }; }";
    let body = one_method(answer, "string id = 1;", "");
    assert_eq!(
        messages(compile(&body)),
        ["t.proto:2:1: the actor `A` has no method but for answers"]
    );
}

#[test]
fn a_state_is_a_message_of_the_package() {
    let with = |state: &str| {
        let option = format!("= {{ state: '{state}' }};");
        compile(&one_method(ASK, KEY, "map<string, R> map = 1;").replace("= {};", &option))
    };
    let errors = with("Nope").unwrap_err();
    assert_eq!(
        errors.to_string(),
        "t.proto:2:1: the state `Nope` of the actor `A` is no message\n  \
         help: set `state` to the name of a message of the service's package, or leave it out to \
         keep any Rust type as the state"
    );
    for name in ["t.Nope", "A", "t", "R.MapEntry"] {
        assert_eq!(
            messages(with(name)),
            [format!("t.proto:2:1: the state `{name}` of the actor `A` is no message")]
        );
    }
    assert_eq!(
        messages(with("callboard.v1.RetryPolicy")),
        [
            "t.proto:2:1: the state `callboard.v1.RetryPolicy` of the actor `A` is in another package"
        ]
    );
    for name in ["R", "t.R", ".t.R"] {
        let schema = with(name).expect("allowed");
        assert_eq!(schema.actors()[0].state().map(|state| state.full_name()), Some("t.R"));
    }
}

#[test]
fn options_stay_where_they_belong() {
    let body = one_method(ASK, KEY, "")
        + "service B { rpc Do(Q) returns (R) {\noption (callboard.v1.handler) = {};\n} }\n\
           message Other {\nstring id = 1 [(callboard.v1.field) = { key: true }];\n}\n";
    assert_eq!(
        messages(compile(&body)),
        [
            "t.proto:11:13: `Do` has a callboard option, but its service `B` is no actor",
            "t.proto:15:1: `id` cannot have a callboard option: no request of an actor leads to \
             `t.Other`",
        ]
    );
}

#[test]
fn an_actor_has_a_method() {
    assert_eq!(
        messages(compile("service A { option (callboard.v1.actor) = {}; }")),
        ["t.proto:2:1: the actor `A` has no method"]
    );
}

#[test]
fn the_name_of_a_type_fits_into_an_address() {
    for name in ["a/b", "a b", "é", &"a".repeat(256)] {
        let body = one_method(ASK, KEY, "").replace("= {};", &format!("= {{ type: '{name}' }};"));
        assert_eq!(
            messages(compile(&body)),
            [format!("t.proto:2:1: `{name}` cannot be the name of an actor type")],
        );
    }
}

#[test]
fn callboards_own_types_are_not_for_users() {
    let name = "callboard.v1.Canary";
    let body = one_method(ASK, KEY, "").replace("= {};", &format!("= {{ type: '{name}' }};"));
    assert_eq!(
        messages(compile(&body)),
        [format!("t.proto:2:1: the actor type `{name}` is in Callboard's own package")],
    );
}

#[test]
fn two_services_cannot_be_one_type() {
    let body = one_method(ASK, KEY, "")
        + "service B { option (callboard.v1.actor) = { type: 't.A' }; rpc Do(Q) returns (R); }";
    assert_eq!(
        messages(compile(&body)),
        ["t.proto:11:1: the actor type `t.A` is that of `t.A` already"]
    );
}

#[test]
fn files_without_an_actor_are_refused() {
    assert_eq!(
        messages(compile("service B { rpc Do(Q) returns (Q); } message Q {}")),
        ["the files given: no service here is an actor type"]
    );
}

#[test]
fn unknown_options_are_refused() {
    let body = one_method(ASK, "string id = 1 [(callboard.v1.field) = { kye: true }];", "");
    let errors = messages(compile(&body));
    assert_eq!(errors.len(), 1);
    assert!(errors[0].starts_with("t.proto:6:"), "{errors:?}");
}

#[test]
fn all_errors_are_reported_at_once() {
    let both =
        one_method(ASK, "string id = 1;", "") + "service B { option (callboard.v1.actor) = {}; }";
    assert_eq!(
        messages(compile(&both)),
        [
            "t.proto:5:1: the request `t.Q` of `Do` has no key field",
            "t.proto:11:1: the actor `B` has no method",
        ]
    );
}

#[test]
fn compiler_errors_of_all_files_are_reported_with_their_places() {
    let files = [
        ("import.proto", "syntax = \"proto3\";\nimport \"nowhere.proto\";\nimport \"x/y.proto\";"),
        (
            "importer.proto",
            "syntax = \"proto3\";\nimport \"syntax.proto\";\nmessage A { B b = 1; }",
        ),
        ("names.proto", "syntax = \"proto3\";\nmessage A {\n  Nope one = 1;\n  Nope two = 2;\n}"),
        ("number.proto", "syntax = \"proto3\";\nmessage C {\n  reserved 1;\n  int32 a = 1;\n}"),
        ("syntax.proto", "syntax = \"proto3\";\nmessage {\n}"),
        ("truncated.proto", "syntax = \"proto3\";\nmessage A {\n  string a = 1;\n\n"),
        ("twice.proto", "syntax = \"proto3\";\nmessage D {}\nmessage D {}"),
    ];
    assert_eq!(
        messages(Schema::compile_sources(&files)),
        [
            "import.proto:2:1: the import `nowhere.proto` is not found",
            "import.proto:3:1: the import `x/y.proto` is not found",
            "names.proto:3:3: name 'Nope' is not defined",
            "names.proto:4:3: name 'Nope' is not defined",
            "number.proto:4:13: field number '1' conflicts with reserved range '1 to 1'",
            "syntax.proto:2:9: expected an identifier, but found '{'",
            "truncated.proto:3:16: expected a message field, oneof, reserved range, enum, message, \
             option or '}', but reached end of file",
            "twice.proto:3:9: name 'D' is defined twice",
        ]
    );
}

#[test]
fn imports_cannot_go_in_circles() {
    let files = [
        ("a.proto", "syntax = \"proto3\";\nimport \"b.proto\";"),
        ("b.proto", "syntax = \"proto3\";\nimport \"a.proto\";"),
    ];
    assert_eq!(
        messages(Schema::compile_sources(&files)),
        ["b.proto:2:1: the import of `a.proto` leads back to this file"]
    );
}

#[test]
fn a_descriptor_set_needs_its_imports() {
    let schema = compile(&one_method(ASK, KEY, "")).expect("valid");
    let file = schema.pool().get_file_by_name("t.proto").expect("compiled");
    let mut set = vec![0x0a];
    let encoded = file.encode_to_vec();
    prost::encoding::encode_varint(encoded.len() as u64, &mut set);
    set.extend(encoded);
    assert_eq!(
        messages(Schema::from_descriptor_set(&set)),
        ["t.proto:1:31: imported file 'callboard/v1/options.proto' has not been added"]
    );
    assert_eq!(
        messages(Schema::from_descriptor_set(b"nonsense")),
        [concat!(
            "the descriptor set: failed to decode file descriptor set: ",
            "failed to decode Protobuf message: invalid wire type value: 6"
        )]
    );
}

#[test]
fn a_descriptor_set_in_an_unknown_syntax_is_refused() {
    // A set with one file, whose name is field 1 and whose syntax is field 12.
    let set = b"\x0a\x13\x0a\x07t.proto\x62\x08editions";
    let refused = messages(Schema::from_descriptor_set(set));
    assert_eq!(refused, ["t.proto: the syntax `editions` is not known"]);
}

#[test]
fn an_option_from_another_version_is_refused() {
    let newer = callboard_proto::OPTIONS_PROTO
        .replace("bool tell = 1;", "bool tell = 1;\n  bool sing = 1000;");
    let method = "rpc Do(Q) returns (R) { option (callboard.v1.handler) = { sing: true }; }";
    let mut compiler = protox_with(&[
        ("callboard/v1/options.proto", &newer),
        ("t.proto", &format!("{HEAD}{}", one_method(method, KEY, ""))),
    ]);
    let set = compiler.include_imports(true).encode_file_descriptor_set();
    assert_eq!(
        messages(Schema::from_descriptor_set(&set)),
        ["t.proto: a callboard option is set that this version does not know"]
    );
}

fn protox_with(files: &[(&str, &str)]) -> protox::Compiler {
    use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
    struct Memory(String, String);
    impl FileResolver for Memory {
        fn open_file(&self, name: &str) -> Result<File, protox::Error> {
            match name == self.0 {
                true => File::from_source(name, &self.1),
                false => Err(protox::Error::file_not_found(name)),
            }
        }
    }
    let mut chain = ChainFileResolver::new();
    for (name, source) in files {
        chain.add(Memory((*name).to_owned(), (*source).to_owned()));
    }
    chain.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(chain);
    compiler.open_file("t.proto").expect("valid");
    compiler
}
