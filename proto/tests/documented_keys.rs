//! What docs/keys.md says of keys is so.

use callboard_proto::key::{key, split};

const DOCUMENT: &str = include_str!("../../docs/keys.md");

/// The texts between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_examples_are_keys() {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `"));
    let rows: Vec<_> = rows.map(|row| row.split('|').map(quoted).collect::<Vec<_>>()).collect();
    assert!(rows.len() >= 10, "the table is there");
    for row in rows {
        let [_, parts, keys, _] = row.as_slice() else { panic!("two columns: {row:?}") };
        let [written] = keys.as_slice() else { panic!("one key: {row:?}") };
        assert_eq!(key(parts), *written);
        assert_eq!(split(written, parts.len()).as_ref(), Some(parts));
    }
}
