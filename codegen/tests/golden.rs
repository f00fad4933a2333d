//! The code that is generated from `protos` is that in `golden`, and nothing
//! is printed by a failing build script but the errors.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// The files of a folder, by name.
fn contents(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let entries = entries.map(|entry| entry.expect("an entry"));
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().expect("a name in UTF-8");
            (name, fs::read_to_string(entry.path()).expect("a text"))
        })
        .collect()
}

#[test]
fn generated_code_is_what_is_committed() {
    let out = tempfile::tempdir().expect("a folder");
    let generate = || {
        callboard_build::Config::new()
            .out_dir(out.path())
            .compile_dir(folder("protos"))
            .expect("the fixtures are valid");
    };
    generate();
    let (actual, golden) = (contents(out.path()), folder("golden"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::remove_dir_all(&golden).expect("a folder");
        fs::create_dir(&golden).expect("a folder");
        for (name, code) in &actual {
            fs::write(golden.join(name), code).expect("a file");
        }
    }
    let expected = contents(&golden);
    assert_eq!(actual.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, code) in &actual {
        assert!(
            *code == expected[name],
            "tests/golden/{name} is out of date. If the change is meant, run\n\
             UPDATE_GOLDEN=1 cargo test -p callboard-build --test golden\n\
             and look at the difference before you commit it. Generated was:\n{code}"
        );
    }

    // Unchanged code is not written again, or everything would be rebuilt.
    let tree = out.path().join("callboard_protos.rs");
    let written = || fs::metadata(&tree).and_then(|data| data.modified()).expect("a file");
    let before = written();
    generate();
    assert_eq!(written(), before);
}

#[test]
fn rules_for_requests_are_the_gateways_and_change_no_code() {
    let generate = |import: &str, rule: &str| {
        let (folder, out) = (tempfile::tempdir(), tempfile::tempdir());
        let (folder, out) = (folder.expect("a folder"), out.expect("a folder"));
        let source = format!(
            "syntax = \"proto3\"; package bank.v1;\nimport \"callboard/v1/options.proto\";\n{import}\
             service Account {{ option (callboard.v1.actor) = {{}}; rpc Do(Q) returns (R); }}\n\
             message Q {{ string id = 1 [(callboard.v1.field) = {{ key: true }}{rule}]; }}\n\
             message R {{}}"
        );
        fs::write(folder.path().join("a.proto"), source).expect("a file");
        let mut config = callboard_build::Config::new();
        config.out_dir(out.path()).compile_dir(folder.path()).expect("it is valid");
        contents(out.path())
    };
    let import = "import \"buf/validate/validate.proto\";\n";
    let ruled = generate(import, ", (buf.validate.field).string.min_len = 3");
    assert_eq!(ruled, generate("", ""));
}

#[test]
fn a_failing_build_script_prints_the_errors_readably() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.proto");
    let source = "syntax = \"proto3\";\nimport \"callboard/v1/options.proto\";\n\
                  service A { option (callboard.v1.actor) = {}; }";
    fs::write(&file, source).expect("a file");
    let error = callboard_build::Config::new()
        .out_dir(folder.path())
        .compile_dir(folder.path())
        .expect_err("the actor has no method");
    // A failing `main` prints the error with `Debug`.
    assert_eq!(
        format!("Error: {error:?}"),
        format!(
            "Error: the .proto files are not valid\n\n\
             {}:3:1: the actor `A` has no method\n  \
             help: add an rpc to the service",
            file.display()
        )
    );
}

#[test]
fn a_message_cannot_have_the_name_of_what_is_generated() {
    for name in ["AccountActor", "AccountService", "account_ref"] {
        let folder = tempfile::tempdir().expect("a folder");
        let source = format!(
            "syntax = \"proto3\"; package bank.v1;\nimport \"callboard/v1/options.proto\";\n\
             service Account {{ option (callboard.v1.actor) = {{}}; rpc Do({name}) returns (Outer); }}\n\
             message {name} {{ string id = 1 [(callboard.v1.field) = {{ key: true }}]; }}\n\
             message Outer {{ message AccountRef {{}} }}"
        );
        fs::write(folder.path().join("a.proto"), source).expect("a file");
        let error = callboard_build::Config::new()
            .out_dir(folder.path())
            .compile_dir(folder.path())
            .expect_err("the name is taken");
        let rust = name.replace("account_ref", "AccountRef");
        assert_eq!(
            error.to_string(),
            format!(
                "`{rust}` is generated for the actor `bank.v1.Account`, but `bank.v1.{name}` has \
                 that name in Rust too: rename it, or the service"
            )
        );
    }
}

#[test]
fn code_that_cannot_be_written_is_an_error() {
    let error = callboard_build::Config::new()
        .out_dir("/nowhere")
        .compile_dir(folder("protos"))
        .expect_err("there is no such folder");
    assert!(error.to_string().starts_with("cannot write `/nowhere/"), "{error}");
}
