//! docs/errors.md has a section for each reason, and for nothing else.

use std::collections::BTreeMap;

use callboard_proto::pb::ErrorReason;

const DOCS: &str = include_str!("../../docs/errors.md");

/// What each section says, in words that begin its lines.
const TOLD: [&str; 7] = [
    "- **Code:** ",
    "- **What happened:** ",
    "- **The message:** ",
    "- **What the caller should do:** ",
    "- **What the operator should do:** ",
    "- **Metadata:** ",
    "```json",
];

/// The sections by their reasons.
fn sections() -> BTreeMap<&'static str, &'static str> {
    let sections = DOCS.split("\n## `").skip(1);
    let parts = sections.map(|section| section.split_once('`').expect("a reason is in backquotes"));
    let all: Vec<_> = parts.collect();
    let by_reason: BTreeMap<_, _> = all.iter().copied().collect();
    assert_eq!(by_reason.len(), all.len(), "a reason has two sections");
    by_reason
}

fn reasons() -> impl Iterator<Item = &'static str> {
    (1..).map_while(|number| ErrorReason::try_from(number).ok()).map(ErrorReason::reason)
}

#[test]
fn every_reason_has_a_section_with_all_that_one_asks() {
    let mut sections = sections();
    for reason in reasons() {
        let text = sections.remove(reason).unwrap_or_else(|| panic!("{reason} has no section"));
        for told in TOLD {
            let line = format!("\n{told}");
            assert_eq!(text.matches(&line).count(), 1, "of {reason}: {told}");
        }
        let example = format!("\"reason\": \"{reason}\"");
        assert!(text.contains(&example), "the example of {reason} is one of another");
        let linked = format!("| [`{reason}`](#{}) |", reason.to_lowercase());
        assert!(DOCS.contains(&linked), "{reason} is not in the table");
    }
    assert!(sections.is_empty(), "these are no reasons: {:?}", sections.keys());
}

#[test]
fn reasons_have_numbers_without_a_gap() {
    // What `reasons` relies on.
    let source = include_str!("../callboard/v1/error_reason.proto");
    let declared = source.lines().filter(|line| line.trim().starts_with("ERROR_REASON_"));
    assert_eq!(declared.count(), reasons().count() + 1);
}
