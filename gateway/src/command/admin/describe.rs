//! `callboard admin describe`.

use std::time::SystemTime;

use callboard_proto::pb;
use prost_types::Timestamp;

use super::super::Failure;
use super::client::Client;
use super::{Actor, print};

pub(super) async fn run(mut client: Client, actor: &Actor) -> Result<(), Failure> {
    let request = pb::DescribeMailboxRequest { address: actor.address() };
    let answer: pb::DescribeMailboxResponse = client.call("DescribeMailbox", request).await?;
    client.print("DescribeMailboxResponse", &answer, || readable(actor, &answer))
}

fn readable(actor: &Actor, mailbox: &pb::DescribeMailboxResponse) -> String {
    // The gateway's clock, not this machine's.
    let now = mailbox.read_at.and_then(|time| SystemTime::try_from(time).ok());
    let now = now.unwrap_or_else(SystemTime::now);
    let relative = |time: &Option<Timestamp>| print::relative(time.as_ref(), now);
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String| rows.push([format!("  {name}"), value]);
    let more = if mailbox.more_parcels { ", and more" } else { "" };
    row(
        "waiting",
        format!(
            "{} in the log, {} from other actors, {} delayed{more}",
            mailbox.depth, mailbox.from_actors, mailbox.delayed
        ),
    );
    if mailbox.oldest_sent_at.is_some() {
        row("oldest", format!("sent {}", relative(&mailbox.oldest_sent_at)));
    }
    if mailbox.paused {
        row("paused", mailbox.paused_reason.clone());
    }
    if mailbox.attempt > 0 {
        row("attempt", mailbox.attempt.to_string());
    }
    if !mailbox.last_error.is_empty() {
        row("last error", mailbox.last_error.clone());
    }
    if mailbox.not_before.is_some() {
        row("next attempt", relative(&mailbox.not_before));
    }
    if mailbox.lease_until.is_some() {
        row("runs", format!("its lease ends {}", relative(&mailbox.lease_until)));
    }
    for timer in &mailbox.timers {
        row("timer", format!("{} {}", timer.name, relative(&timer.at)));
    }
    for waking in &mailbox.pending_wakes {
        row("to be woken", print::address(Some(waking)));
    }
    row("due", relative(&mailbox.due));
    row("state", print::count(mailbox.state_bytes, "byte"));
    row(
        "counters",
        format!("head {}, revision {}, epoch {}", mailbox.head, mailbox.revision, mailbox.epoch),
    );
    format!("{}\n{}", actor.address, print::columns(&rows))
}
