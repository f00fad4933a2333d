//! What `Schema` finds, and where it reads.

use std::fs;
use std::path::Path;

use callboard_proto::schema::{Kind, Schema};
use callboard_proto::{OPTIONS_PROTO, PROTO_FILES};

const BANK: &str = r#"
syntax = "proto3";
package bank.v1;
import "bank/v1/money.proto";
import "callboard/v1/options.proto";
import "google/protobuf/timestamp.proto";

// An account.
//
//   Kept in cents.
service Account {
  option (callboard.v1.actor) = {};
  // Puts money in.
  rpc Deposit(DepositRequest) returns (DepositResponse);
  rpc Note(NoteRequest) returns (NoteResponse) { option (callboard.v1.handler) = { tell: true }; }
}
service Ledger {
  option (callboard.v1.actor) = { type: "ledger" };
  rpc Deposit(DepositRequest) returns (DepositResponse);
}
service Reports { rpc Print(NoteRequest) returns (NoteResponse); }

message DepositRequest {
  int64 number = 7 [(callboard.v1.field) = { key: true }];
  string bank = 2 [(callboard.v1.field) = { key: true }];
  Money amount = 1;
  google.protobuf.Timestamp at = 3;
}
message DepositResponse { Money balance = 1; }
message NoteRequest {
  string bank = 1 [(callboard.v1.field) = { key: true }];
  int64 number = 2 [(callboard.v1.field) = { key: true }];
  string text = 3;
}
message NoteResponse {}
"#;
const MONEY: &str = r#"syntax = "proto3"; package bank.v1; message Money { int64 cents = 1; }"#;

fn assert_is_bank(schema: &Schema) {
    let names: Vec<_> = schema.actors().iter().map(|actor| actor.type_name()).collect();
    assert_eq!(names, ["bank.v1.Account", "ledger"]);
    assert!(schema.actor("bank.v1.Reports").is_none());

    let account = schema.actor("bank.v1.Account").expect("declared");
    assert_eq!(account.service().full_name(), "bank.v1.Account");
    assert_eq!(account.docs(), "An account.\n\n  Kept in cents.");
    let methods: Vec<_> = account.methods().iter().map(|m| (m.name(), m.kind())).collect();
    assert_eq!(methods, [("Deposit", Kind::Ask), ("Note", Kind::Tell)]);

    let deposit = account.method("Deposit").expect("declared");
    assert_eq!(deposit.docs(), "Puts money in.");
    assert_eq!(deposit.input().full_name(), "bank.v1.DepositRequest");
    assert_eq!(deposit.output().full_name(), "bank.v1.DepositResponse");
    let key: Vec<_> = deposit.key().iter().map(|field| field.name()).collect();
    assert_eq!(key, ["bank", "number"], "in the order of the numbers");
}

fn write(root: &Path, name: &str, source: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
    fs::write(path, source).expect("a file");
}

fn bank_folder() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), "bank/v1/account.proto", BANK);
    write(root.path(), "bank/v1/money.proto", MONEY);
    root
}

#[test]
fn methods_are_read_only_internal_or_answers() {
    const DEBTS: &str = r#"
syntax = "proto3";
import "callboard/v1/options.proto";
service Debtor {
  option (callboard.v1.actor) = { state: "Done" };
  rpc OnPaid(PayResponse) returns (Done) { option (callboard.v1.handler) = { answer: true }; }
  rpc OnForwarded(PayRequest) returns (Done) { option (callboard.v1.handler) = { answer: true }; }
  rpc Pay(PayRequest) returns (PayResponse);
  rpc Sum(PayRequest) returns (PayResponse) { option (callboard.v1.handler) = { read_only: true }; }
  rpc Remind(PayRequest) returns (PayResponse) { option (callboard.v1.handler) = { internal: true }; }
}
message PayRequest { string debtor = 1 [(callboard.v1.field) = { key: true }]; }
message PayResponse { int64 cents = 1; }
message Done {}
"#;
    let schema = Schema::compile_sources(&[("debts.proto", DEBTS)]).expect("valid");
    let debtor = schema.actor("Debtor").expect("declared");
    assert_eq!(debtor.state().map(|state| state.full_name()), Some("Done"));
    let facts = debtor.methods().iter();
    let facts: Vec<_> =
        facts.map(|m| (m.name(), m.kind(), m.is_read_only(), m.is_internal())).collect();
    assert_eq!(
        facts,
        [
            ("OnPaid", Kind::Answer, false, true),
            ("OnForwarded", Kind::Answer, false, true),
            ("Pay", Kind::Ask, false, false),
            ("Sum", Kind::Ask, true, false),
            ("Remind", Kind::Ask, false, true),
        ]
    );
    for answer in &debtor.methods()[..2] {
        assert!(answer.key().is_empty(), "{}", answer.name());
        assert_eq!(answer.key_of(b"\x0a\x03ann"), Ok(String::new()));
        assert_eq!(answer.check(b""), Ok(()));
    }
}

#[test]
fn a_folder_is_compiled_with_all_below_it() {
    let root = bank_folder();
    // Editors, version control and mounted volumes keep such folders.
    write(root.path(), ".hidden/broken.proto", "nonsense");
    write(root.path(), "README.md", "nonsense");
    let schema = Schema::compile_dir(root.path()).expect("valid");
    assert_is_bank(&schema);
    let mut sources = schema.sources().to_vec();
    sources.sort();
    let name = |name| root.path().join(name);
    assert_eq!(sources, [name("bank/v1/account.proto"), name("bank/v1/money.proto")]);
}

#[test]
fn a_file_is_compiled_with_its_imports() {
    let root = bank_folder();
    let file = root.path().join("bank/v1/account.proto");
    let schema = Schema::compile(&[&file], &[root.path()]).expect("valid");
    assert_is_bank(&schema);
    assert_eq!(schema.sources().len(), 2);
}

#[test]
fn errors_name_the_file_as_it_was_given() {
    let root = bank_folder();
    fs::remove_file(root.path().join("bank/v1/money.proto")).expect("written before");
    let errors = Schema::compile_dir(root.path()).unwrap_err();
    let root = root.path().display();
    assert_eq!(
        errors.to_string(),
        format!(
            "{root}/bank/v1/account.proto:4:1: the import `bank/v1/money.proto` is not found\n  \
             help: an import path is relative to `{root}`"
        )
    );
}

#[test]
fn a_copy_of_a_built_in_file_is_not_looked_at() {
    let root = bank_folder();
    write(root.path(), "callboard/v1/options.proto", "nonsense");
    write(root.path(), "google/protobuf/timestamp.proto", "nonsense");
    assert_is_bank(&Schema::compile_dir(root.path()).expect("valid"));
}

#[test]
fn a_folder_without_proto_files_is_refused() {
    let root = tempfile::tempdir().expect("a folder");
    let errors = Schema::compile_dir(root.path()).unwrap_err();
    assert!(errors.to_string().contains("there is no .proto file here"), "{errors}");
    let errors = Schema::compile_dir(root.path().join("missing")).unwrap_err();
    assert!(errors.to_string().contains("missing: there is no such file or folder"), "{errors}");
}

#[test]
fn a_file_outside_of_the_import_roots_is_refused() {
    let (root, other) = (bank_folder(), bank_folder());
    let file = other.path().join("bank/v1/money.proto");
    let errors = Schema::compile(&[&file], &[root.path()]).unwrap_err();
    assert!(errors.to_string().contains("below none of the import roots"), "{errors}");
    let errors = Schema::compile::<_, &Path>(&[root.path(), other.path()], &[]).unwrap_err();
    assert!(errors.to_string().contains("has the same import path"), "{errors}");
}

#[test]
fn a_descriptor_set_says_the_same_as_its_files() {
    let files = [("bank/v1/account.proto", BANK), ("bank/v1/money.proto", MONEY)];
    let schema = Schema::compile_sources(&files).expect("valid");
    assert_is_bank(&schema);
    let again = Schema::from_descriptor_set(&schema.descriptor_set()).expect("valid");
    assert_is_bank(&again);
    assert_eq!(again.descriptor_set(), schema.descriptor_set());
}

#[test]
fn every_importable_file_compiles_by_itself() {
    assert!(PROTO_FILES.iter().any(|(_, source)| *source == OPTIONS_PROTO));
    for (name, _) in PROTO_FILES {
        let importer = format!("syntax = \"proto3\"; import \"{name}\";");
        let errors = Schema::compile_sources(&[("t.proto", &importer)]).unwrap_err();
        assert!(errors.to_string().contains("no service here"), "{errors}");
    }
}
