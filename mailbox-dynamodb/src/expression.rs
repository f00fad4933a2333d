//! Conditions and updates of an actor's record, as DynamoDB writes them.
//!
//! Each function here says in DynamoDB's language what a function of
//! `callboard_mailbox` says in Rust; the contract holds them together. The names
//! of the attributes are explained in [`crate::item`].

use callboard_mailbox::control::Control;
use callboard_mailbox::lease::Wake;
use callboard_mailbox::sweep::{Action, Settle};
use callboard_mailbox::{Address, Timestamp};

use crate::item::{FORMAT_VERSION, Item, Value, index, number, text};

mod commit;

pub(crate) use commit::commit;

/// See [`callboard_mailbox::Record::is_idle`].
const IS_IDLE: &str = "attribute_not_exists(l) AND attribute_not_exists(f) \
                       AND attribute_not_exists(z)";

/// What the first write to a record sets, and every one that may be the first.
/// The head is there from the beginning, so that a purge can compare it.
const CREATION: &str = "v = :v, g = :shard, y = :directory, j = :key, \
                        h = if_not_exists(h, :zero)";

/// What the first write to a record, and every one that may be the first, is made on: a record of
/// another format is left as it is. Whoever has read a record knows its format by its epoch.
const IS_OF_FORMAT: &str = "(attribute_not_exists(v) OR v = :v)";

/// An update of one item, and the condition on which it is made.
#[derive(Clone)]
pub(crate) struct Update {
    pub(crate) condition: String,
    pub(crate) update: String,
    pub(crate) values: Item,
    /// Whether the item after it comes back.
    pub(crate) returns_item: bool,
}

/// See [`callboard_mailbox::lease::grant`].
pub(crate) fn wake(address: &Address, wake: &Wake) -> Update {
    let mut values = creation(address);
    values.extend(named([
        (":now", number(wake.now.0)),
        (":until", number(wake.until.0)),
        (":token", number(wake.token)),
        (":due", number(wake.due.0)),
        (":one", number(1)),
    ]));
    Update {
        condition: format!(
            "{IS_OF_FORMAT} AND (attribute_not_exists(l) OR l <= :now) \
             AND (attribute_not_exists(f) OR f <= :now) AND attribute_not_exists(z)"
        ),
        update: format!(
            "SET {CREATION}, l = :until, w = :token, due = :due ADD e :one, n :one REMOVE f"
        ),
        values,
        returns_item: true,
    }
}

/// See [`callboard_mailbox::schedule::apply`], for a record that is idle and not
/// due so early. It is made when there is none.
pub(crate) fn schedule(address: &Address, at: Timestamp) -> Update {
    let mut values = creation(address);
    values.extend(named([(":at", number(at.0)), (":one", number(1))]));
    Update {
        condition: format!(
            "{IS_OF_FORMAT} AND {IS_IDLE} AND (attribute_not_exists(due) OR due > :at)"
        ),
        update: format!("SET {CREATION}, due = :at ADD e :one"),
        values,
        returns_item: false,
    }
}

/// The same for a record that is idle and due by then.
pub(crate) fn schedule_due(at: Timestamp) -> Update {
    Update {
        condition: format!("{IS_IDLE} AND due <= :at"),
        update: "ADD e :one".into(),
        values: named([(":at", number(at.0)), (":one", number(1))]),
        returns_item: false,
    }
}

/// See [`callboard_mailbox::sweep::apply`]. Of a lease that is not to count, the
/// attempt is taken back, on condition that there is one; a record without is
/// written as if the lease counted.
pub(crate) fn settle(settle: &Settle) -> Update {
    let mut values = named([(":epoch", number(settle.epoch.0))]);
    let mut value = |name: &str, value| drop(values.insert(name.to_owned(), value));
    let (condition, update) = match &settle.action {
        Action::MoveDue { from, to } => {
            value(":from", number(from.0));
            value(":to", number(to.0));
            ("due = :from", "SET due = :to")
        }
        Action::Fence => {
            value(":next", number(settle.epoch.next().0));
            ("attribute_exists(a)", "SET e = :next REMOVE l, f")
        }
        Action::Defer { not_before, counts, error } => {
            value(":next", number(settle.epoch.next().0));
            value(":not_before", number(not_before.0));
            value(":error", text(error));
            match counts {
                // The grant of the lease has counted it already.
                true => (
                    "attribute_exists(l)",
                    "SET e = :next, x = :error, f = :not_before, due = :not_before REMOVE l",
                ),
                false => {
                    value(":one", number(1));
                    (
                        "attribute_exists(l) AND n >= :one",
                        "SET e = :next, x = :error, f = :not_before, due = :not_before, \
                         n = n - :one REMOVE l",
                    )
                }
            }
        }
        Action::Rest { until: Some(until) } => {
            value(":until", number(until.0));
            (IS_IDLE, "SET due = :until REMOVE u")
        }
        Action::Rest { until: None } => (IS_IDLE, "REMOVE due, u"),
    };
    Update {
        condition: format!("e = :epoch AND {condition}"),
        update: update.into(),
        values,
        returns_item: true,
    }
}

/// See [`callboard_mailbox::control::apply`].
pub(crate) fn control(control: &Control) -> Update {
    let one = (":one", number(1));
    let (condition, update, mut values) = match control {
        Control::Pause { reason, due } => (
            "attribute_exists(a) AND attribute_not_exists(z)",
            "SET z = :reason, due = :due ADD e :one REMOVE l, f",
            named([one, (":reason", text(reason)), (":due", number(due.0))]),
        ),
        Control::Resume { now } => (
            "attribute_exists(z)",
            "SET due = :now, n = :zero ADD e :one REMOVE z, x, l, f",
            named([one, (":now", number(now.0)), (":zero", number(0))]),
        ),
        Control::Purge { through } => (
            "h < :through",
            "SET h = :through, p = :zero, n = :zero ADD e :one, r :one REMOVE x, l, f",
            named([one, (":through", number(through.0)), (":zero", number(0))]),
        ),
    };
    values.insert(":v".to_owned(), number(FORMAT_VERSION));
    Update {
        condition: format!("v = :v AND {condition}"),
        update: update.into(),
        values,
        returns_item: true,
    }
}

/// See [`callboard_mailbox::control::redriven`].
pub(crate) fn redriven(now: Timestamp) -> Update {
    Update {
        condition: "v = :v".into(),
        update: "SET due = :now ADD e :one REMOVE l".into(),
        values: named([
            (":v", number(FORMAT_VERSION)),
            (":now", number(now.0)),
            (":one", number(1)),
        ]),
        returns_item: false,
    }
}

/// The values in [`CREATION`].
fn creation(address: &Address) -> Item {
    let directory = index::actors(address.actor_type(), address.directory_shard());
    named([
        (":v", number(FORMAT_VERSION)),
        (":shard", number(address.due_shard())),
        (":directory", text(directory)),
        (":key", text(address.key())),
        (":zero", number(0)),
    ])
}

pub(crate) fn named<const N: usize>(values: [(&str, Value); N]) -> Item {
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
