//! What a change of the files breaks, case by case.

use callboard_proto::schema::{Finding, Schema, Weight, Whom, compare};
use prost::Message;
use prost_reflect::{DynamicMessage, Value};

const FILE: &str = include_str!("compatibility.proto.txt");
const CASES: &str = include_str!("compatibility.cases.txt");

/// A change of the file, and what is said to be found.
struct Case {
    name: &'static str,
    source: String,
    found: Vec<&'static str>,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let (mut from, mut to) = (Vec::new(), Vec::new());
    // The end is that of the last case.
    for line in CASES.lines().chain(["# "]) {
        let text = line.get(2..).unwrap_or_default();
        let is_next = !line.starts_with('+') && !to.is_empty();
        if is_next && let Some(case) = cases.last_mut() {
            let (before, after) = (from.join("\n"), to.join("\n"));
            assert_eq!(case.source.matches(&before).count(), 1, "{}: {before}", case.name);
            case.source = case.source.replace(&before, &after);
            (from, to) = (Vec::new(), Vec::new());
        }
        match line.chars().next() {
            Some('#') => {
                cases.push(Case { name: text, source: FILE.to_owned(), found: Vec::new() });
            }
            Some('-') => from.push(text),
            Some('+') => to.push(text),
            Some('>') => cases.last_mut().expect("a case has a name").found.push(text),
            _ => {}
        }
    }
    cases.pop();
    cases
}

fn compile(name: &str, source: &str) -> Schema {
    Schema::compile_sources(&[(name, source)]).unwrap_or_else(|errors| panic!("{errors}"))
}

fn line(finding: &Finding) -> String {
    let whom = match finding.whom {
        Whom::Callers => "callers",
        Whom::Queued => "queued",
        Whom::State => "state",
    };
    let mark = if finding.weight == Weight::Notice { "?" } else { "" };
    assert!(finding.what.help.is_some(), "{}", finding.what);
    let place = format!("{}:{}", finding.what.file, finding.what.line.expect("a line"));
    format!("{whom}{mark} {place} {}", finding.what.message)
}

#[test]
fn a_change_breaks_whom_it_breaks() {
    let old = compile("old.proto", FILE);
    let cases = cases();
    assert!(cases.len() >= 60);
    let mut wrong = String::new();
    for Case { name, source, found } in cases {
        let findings = compare(&old, &compile("new.proto", &source));
        let findings: Vec<_> = findings.iter().map(line).collect();
        if findings != found {
            let found: Vec<_> = findings.iter().map(|line| format!("> {line}\n")).collect();
            wrong += &format!("# {name}\n{}\n", found.concat());
        }
    }
    assert!(wrong.is_empty(), "what is found is something else:\n\n{wrong}");
}

#[test]
fn files_and_descriptor_sets_break_the_same() {
    let old = compile("t.proto", FILE);
    let changed = FILE.replace("int64 cents", "bytes cents").replace("rpc Buy", "rpc Sell");
    let new = compile("t.proto", &changed);
    let set = |schema: &Schema| {
        Schema::from_descriptor_set(&schema.descriptor_set()).expect("it was valid")
    };
    let findings = compare(&old, &new);
    assert!(!findings.is_empty());
    assert_eq!(compare(&set(&old), &new), findings);
    assert_eq!(compare(&old, &set(&new)), findings);
}

#[test]
fn a_schema_breaks_nothing_of_itself() {
    for source in [FILE, include_str!("everything.proto.txt")] {
        let schema = compile("t.proto", source);
        assert_eq!(compare(&schema, &schema), []);
    }
}

/// The types of single values, each with the values at its ends.
fn kinds() -> Vec<(&'static str, Vec<Value>)> {
    let signed = vec![Value::I32(i32::MIN), Value::I32(-1), Value::I32(1), Value::I32(i32::MAX)];
    let wide = vec![Value::I64(i64::MIN), Value::I64(-1), Value::I64(1), Value::I64(i64::MAX)];
    let unsigned = vec![Value::U32(1), Value::U32(u32::MAX)];
    let wide_unsigned = vec![Value::U64(1), Value::U64(u64::MAX)];
    let mut kinds = vec![
        ("bool", vec![Value::Bool(false), Value::Bool(true)]),
        ("float", vec![Value::F32(1.5)]),
        ("double", vec![Value::F64(1.5)]),
        ("string", vec![Value::String("\u{e9}".to_owned())]),
        ("bytes", vec![Value::Bytes("a".into()), Value::Bytes(b"\xff".as_slice().into())]),
        ("Size", [i32::MIN, 1, 77, i32::MAX].map(Value::EnumNumber).to_vec()),
    ];
    kinds.extend(["int32", "sint32", "sfixed32"].map(|kind| (kind, signed.clone())));
    kinds.extend(["int64", "sint64", "sfixed64"].map(|kind| (kind, wide.clone())));
    kinds.extend(["uint32", "fixed32"].map(|kind| (kind, unsigned.clone())));
    kinds.extend(["uint64", "fixed64"].map(|kind| (kind, wide_unsigned.clone())));
    kinds
}

/// What a value is, whatever its type.
fn meaning(value: &Value) -> String {
    match value {
        Value::Bool(value) => u8::from(*value).to_string(),
        Value::I32(value) | Value::EnumNumber(value) => value.to_string(),
        Value::I64(value) => value.to_string(),
        Value::U32(value) => value.to_string(),
        Value::U64(value) => value.to_string(),
        Value::F32(value) => format!("{value:?}"),
        Value::F64(value) => format!("{value:?}"),
        Value::String(text) => format!("{:?}", text.as_bytes()),
        Value::Bytes(bytes) => format!("{:?}", &bytes[..]),
        other => unreachable!("no such type here: {other:?}"),
    }
}

#[test]
fn stored_values_are_read_as_prost_reads_them() {
    let with = |kind: &str| {
        compile("t.proto", &FILE.replace("fixed32 checksum = 4;", &format!("{kind} checksum = 4;")))
    };
    let kinds: Vec<_> =
        kinds().into_iter().map(|(kind, values)| (kind, values, with(kind))).collect();
    let stock = |schema: &Schema| schema.actors()[0].state().expect("it has one").clone();
    for (old, values, from) in &kinds {
        for (new, _, to) in &kinds {
            let is_kept = |value: &Value| {
                let mut message = DynamicMessage::new(stock(from));
                message.set_field_by_name("checksum", value.clone());
                let encoded = message.encode_to_vec();
                let Ok(read) = DynamicMessage::decode(stock(to), encoded.as_slice()) else {
                    return false;
                };
                let read = read.get_field_by_name("checksum").expect("it is there");
                meaning(&read) == meaning(value)
            };
            let is_broken = !compare(from, to).is_empty();
            assert_eq!(is_broken, !values.iter().all(is_kept), "{old} as {new}");
        }
    }
}
