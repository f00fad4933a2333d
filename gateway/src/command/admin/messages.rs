//! `callboard admin peek` and `cancel`.

use std::time::SystemTime;

use callboard_proto::pb;

use super::super::Failure;
use super::client::{Client, Limit, note_more, pages};
use super::{Actor, print};

#[derive(clap::Args)]
pub(super) struct Peek {
    #[command(flatten)]
    actor: Actor,
    #[command(flatten)]
    limit: Limit,
}

#[derive(clap::Args)]
pub(super) struct Cancel {
    #[command(flatten)]
    actor: Actor,
    /// The id of the message.
    message_id: String,
}

pub(super) async fn peek(mut client: Client, arguments: Peek) -> Result<(), Failure> {
    let Peek { actor, limit } = arguments;
    let mut truncated = false;
    let (messages, next_page_token) = pages(limit.get(), async |page_size, page_token| {
        let address = actor.address();
        let request = pb::PeekMessagesRequest { address, page_size, page_token };
        let page: pb::PeekMessagesResponse = client.call("PeekMessages", request).await?;
        truncated = page.truncated;
        Ok((page.messages, page.next_page_token))
    })
    .await?;
    let answer = pb::PeekMessagesResponse { messages, next_page_token, truncated };
    client.print("PeekMessagesResponse", &answer, || {
        let now = SystemTime::now();
        answer.messages.iter().map(|waiting| readable(waiting, now)).collect()
    })?;
    note_more(&answer.next_page_token);
    if truncated {
        eprintln!("there are more outside of the log than can be looked at");
    }
    Ok(())
}

/// A message in two lines: what it is, and what it says.
fn readable(waiting: &pb::WaitingMessage, now: SystemTime) -> String {
    let message = waiting.message.clone().unwrap_or_default();
    let mut line = match waiting.sequence {
        0 => "-".to_owned(),
        sequence => sequence.to_string(),
    };
    line += &format!("  {}  {}", message.message_id, message.method);
    line += &format!("  sent {}", print::relative(message.sent_at.as_ref(), now));
    if message.sender.is_some() {
        line += &format!("  by {}", print::address(message.sender.as_ref()));
    }
    if !waiting.timer.is_empty() {
        line += &format!("  timer {}", waiting.timer);
    }
    if waiting.deliver_at.is_some() {
        line += &format!("  due {}", print::relative(waiting.deliver_at.as_ref(), now));
    }
    format!("{line}\n   {}\n", print::payload(&message))
}

pub(super) async fn cancel(mut client: Client, arguments: Cancel) -> Result<(), Failure> {
    let Cancel { actor, message_id } = arguments;
    let request = pb::CancelMessageRequest { address: actor.address(), message_id };
    let answer: pb::CancelMessageResponse = client.call("CancelMessage", request).await?;
    client.print("CancelMessageResponse", &answer, || "cancelled\n".to_owned())
}
