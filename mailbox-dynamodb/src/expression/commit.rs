//! The record's part of a commit.

use callboard_mailbox::commit::{Commit, LeaseAfter};
use callboard_mailbox::record::Revision;
use callboard_mailbox::state::Stored;

use super::Update;
use crate::item::{Item, Value, bytes, key, number, record, text};

/// See [`callboard_mailbox::commit::apply`].
pub(crate) fn commit(commit: &Commit) -> Update {
    let mut parts = Parts::default();
    let revision = commit.revision.next();
    parts.set("h", number(commit.head.0));
    parts.set("p", number(commit.partial));
    parts.set("r", number(revision.0));
    parts.set("c", number(commit.run));
    parts.set("n", number(commit.attempt));
    parts.set("i", number(commit.tick.0));
    parts.set_or_remove("o", commit.front.as_ref().map(|slot| text(key::slot(slot))));
    parts.set_or_remove("x", commit.error.as_ref().map(text));
    let timers = Some(&commit.timers).filter(|timers| !timers.is_empty());
    parts.set_or_remove("t", timers.map(record::timers));
    let wakes = Some(&commit.wakes[..]).filter(|wakes| !wakes.is_empty());
    parts.set_or_remove("u", wakes.map(record::wakes));
    match commit.state.as_ref().map(|write| write.stored(revision)) {
        None => {}
        Some(None) => parts.removes.extend(["s", "sr", "sn"]),
        Some(Some(Stored::Inline(state))) => {
            parts.set("s", bytes(state));
            parts.removes.extend(["sr", "sn"]);
        }
        Some(Some(Stored::Spilled(spilled))) => {
            parts.set("sr", number(spilled.revision.0));
            parts.set("sn", number(spilled.chunks));
            parts.removes.push("s");
        }
    }
    match &commit.lease {
        LeaseAfter::Renewed { until, due } => {
            parts.set("l", number(until.0));
            parts.set("due", number(due.0));
        }
        LeaseAfter::Released => parts.removes.push("l"),
        LeaseAfter::Deferred { not_before } => {
            parts.set("f", number(not_before.0));
            parts.set("due", number(not_before.0));
            parts.removes.push("l");
        }
        LeaseAfter::Suspended { reason } => {
            parts.set("z", text(reason));
            parts.removes.push("l");
        }
    }
    let mut condition = "e = :epoch AND ".to_owned();
    parts.values.insert(":epoch".into(), number(commit.epoch.0));
    // Nothing writes a revision of zero.
    if commit.revision == Revision(0) {
        condition += "attribute_not_exists(r)";
    } else {
        condition += "r = :revision";
        parts.values.insert(":revision".into(), number(commit.revision.0));
    }
    // The record with its state would come back for nothing.
    Update { condition, update: parts.update(), values: parts.values, returns_item: false }
}

/// The parts of an update, as they come.
#[derive(Default)]
struct Parts {
    sets: Vec<String>,
    removes: Vec<&'static str>,
    values: Item,
}

impl Parts {
    fn set(&mut self, name: &'static str, value: Value) {
        self.sets.push(format!("{name} = :{name}"));
        self.values.insert(format!(":{name}"), value);
    }

    fn set_or_remove(&mut self, name: &'static str, value: Option<Value>) {
        match value {
            Some(value) => self.set(name, value),
            None => self.removes.push(name),
        }
    }

    fn update(&self) -> String {
        let mut update = format!("SET {}", self.sets.join(", "));
        if !self.removes.is_empty() {
            update += " REMOVE ";
            update += &self.removes.join(", ");
        }
        update
    }
}
