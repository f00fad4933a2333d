//! Conditions and updates of an actor's record, as DynamoDB writes them.
//!
//! Each function here says in DynamoDB's language what a function of
//! `callboard_mailbox` says in Rust; the contract holds them together.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use callboard_mailbox::Address;
use callboard_mailbox::commit::{Commit, LeaseAfter};
use callboard_mailbox::lease::Wake;
use callboard_mailbox::sweep::{Action, Settle};

use crate::item::{FORMAT_VERSION, bytes, number};

/// An update of one item, and the condition on which it is made.
pub(crate) struct Update {
    pub(crate) condition: String,
    pub(crate) update: String,
    pub(crate) values: HashMap<String, AttributeValue>,
    /// What of the item comes back.
    pub(crate) returns: ReturnValue,
}

/// See [`callboard_mailbox::lease::grant`].
pub(crate) fn wake(address: &Address, wake: &Wake) -> Update {
    Update {
        condition:
            "(attribute_not_exists(l) OR l <= :now) AND (attribute_not_exists(f) OR f <= :now)"
                .into(),
        update: "SET v = :v, l = :until, w = :token, due = :due, g = :shard, \
                 h = if_not_exists(h, :zero), p = if_not_exists(p, :zero) \
                 ADD e :one, n :one REMOVE f"
            .into(),
        values: values([
            (":now", number(wake.now.0)),
            (":v", number(FORMAT_VERSION)),
            (":until", number(wake.until.0)),
            (":token", number(wake.token)),
            (":due", number(wake.due.0)),
            (":shard", number(address.due_shard())),
            (":zero", number(0)),
            (":one", number(1)),
        ]),
        returns: ReturnValue::AllNew,
    }
}

/// See [`callboard_mailbox::commit::apply`].
pub(crate) fn commit(commit: &Commit) -> Update {
    let mut update = "SET h = :head, p = :partial, n = :attempt".to_owned();
    let mut values = values([
        (":epoch", number(commit.epoch.0)),
        (":from", number(commit.from.0)),
        (":head", number(commit.head.0)),
        (":partial", number(commit.partial)),
        (":attempt", number(commit.attempt)),
    ]);
    let mut value = |name: &str, value| values.insert(name.to_owned(), value);
    if let Some(state) = &commit.state {
        update += ", s = :state";
        value(":state", bytes(state));
    }
    match commit.lease {
        LeaseAfter::Renewed { until, due } => {
            update += ", l = :until, due = :due";
            value(":until", number(until.0));
            value(":due", number(due.0));
        }
        LeaseAfter::Released => update += " REMOVE l",
        LeaseAfter::Deferred { not_before } => {
            update += ", f = :not_before, due = :not_before REMOVE l";
            value(":not_before", number(not_before.0));
        }
    }
    let condition = "e = :epoch AND h = :from AND attribute_exists(l)".into();
    // The record with its state would come back for nothing.
    Update { condition, update, values, returns: ReturnValue::None }
}

/// See [`callboard_mailbox::sweep::apply`].
pub(crate) fn settle(settle: &Settle) -> Update {
    let epoch = (":epoch", number(settle.epoch.0));
    let next = (":next", number(settle.epoch.next().0));
    let (condition, update, values) = match settle.action {
        Action::MoveDue { from, to } => (
            "e = :epoch AND due = :from",
            "SET due = :to",
            values([epoch, (":from", number(from.0)), (":to", number(to.0))]),
        ),
        Action::Fence => ("e = :epoch", "SET e = :next REMOVE l, f", values([epoch, next])),
        // The grant of the lease has counted it already.
        Action::Defer { not_before, counts } => (
            "e = :epoch AND attribute_exists(l)",
            "SET e = :next, n = n - :uncounted, f = :not_before, due = :not_before REMOVE l",
            values([
                epoch,
                next,
                (":uncounted", number(u32::from(!counts))),
                (":not_before", number(not_before.0)),
            ]),
        ),
        Action::ClearDue => (
            "e = :epoch AND attribute_not_exists(l) AND attribute_not_exists(f)",
            "REMOVE due",
            values([epoch]),
        ),
    };
    Update {
        condition: condition.into(),
        update: update.into(),
        values,
        returns: ReturnValue::AllNew,
    }
}

fn values<const N: usize>(values: [(&str, AttributeValue); N]) -> HashMap<String, AttributeValue> {
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
