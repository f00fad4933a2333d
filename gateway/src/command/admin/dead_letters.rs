//! `callboard admin dead-letters`, `redrive` and `discard`.

use std::time::SystemTime;

use callboard_mailbox::Address;
use callboard_proto::pb;
use callboard_proto::pb::list_dead_letters_request::Of;
use tonic::{Code, Status};

use super::super::Failure;
use super::client::{Client, Limit, note_more, pages};
use super::{Actor, Sure, print, to_pb};

#[derive(clap::Args)]
pub(super) struct List {
    /// An actor, bank.v1.Account/alice, or an actor type, bank.v1.Account.
    of: String,
    #[command(flatten)]
    limit: Limit,
}

#[derive(clap::Args)]
pub(super) struct Which {
    #[command(flatten)]
    actor: Actor,
    /// The ids of the messages.
    #[arg(required_unless_present = "all")]
    message_ids: Vec<String>,
    /// All that there are now.
    #[arg(long, conflicts_with = "message_ids")]
    all: bool,
}

#[derive(clap::Args)]
pub(super) struct Discard {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    sure: Sure,
}

pub(super) async fn list(mut client: Client, arguments: List) -> Result<(), Failure> {
    let List { of, limit } = arguments;
    let of = match of.contains('/') {
        true => Of::Address(to_pb(&Address::parse(&of).map_err(Failure::new)?)),
        false => Of::Type(of),
    };
    let answer = letters(&mut client, &of, limit.get()).await?;
    client.print("ListDeadLettersResponse", &answer, || {
        let now = SystemTime::now();
        answer.dead_letters.iter().map(|letter| readable(letter, now)).collect()
    })?;
    note_more(&answer.next_page_token);
    Ok(())
}

async fn letters(
    client: &mut Client,
    of: &Of,
    limit: usize,
) -> Result<pb::ListDeadLettersResponse, Failure> {
    let (dead_letters, next_page_token) = pages(limit, async |page_size, page_token| {
        let of = Some(of.clone());
        let request = pb::ListDeadLettersRequest { of, page_size, page_token };
        let page: pb::ListDeadLettersResponse = client.call("ListDeadLetters", request).await?;
        Ok((page.dead_letters, page.next_page_token))
    })
    .await?;
    Ok(pb::ListDeadLettersResponse { dead_letters, next_page_token })
}

/// A dead letter in three lines: what it is, why, and what it says.
fn readable(letter: &pb::DeadLetter, now: SystemTime) -> String {
    let message = letter.message.clone().unwrap_or_default();
    let address = print::address(letter.address.as_ref());
    let aside = print::relative(letter.set_aside_at.as_ref(), now);
    let attempts = print::count(letter.attempts.into(), "attempt");
    format!(
        "{address}  {}  {}  set aside {aside} after {attempts}\n   error: {}\n   {}\n",
        message.message_id,
        message.method,
        letter.last_error,
        print::payload(&message)
    )
}

impl Which {
    /// The ids that were given, or those of all dead letters that there are now.
    /// One that is redriven may be set aside again: it is not met twice.
    async fn ids(&self, client: &mut Client) -> Result<Vec<String>, Failure> {
        if !self.all {
            return Ok(self.message_ids.clone());
        }
        let of = Of::Address(to_pb(&self.actor.address));
        let letters = letters(client, &of, usize::MAX).await?.dead_letters;
        Ok(letters.into_iter().filter_map(|letter| Some(letter.message?.message_id)).collect())
    }

    /// Whether something was done; of all that there were, others may have taken some.
    fn is_done<A>(&self, client: &Client, answer: Result<A, Status>) -> Result<bool, Failure> {
        match answer {
            Ok(_) => Ok(true),
            Err(status) if self.all && status.code() == Code::NotFound => Ok(false),
            Err(status) => Err(client.failure(&status)),
        }
    }
}

pub(super) async fn redrive(mut client: Client, which: Which) -> Result<(), Failure> {
    let mut redriven = Vec::new();
    for message_id in which.ids(&mut client).await? {
        let address = which.actor.address();
        let request = pb::RedriveDeadLetterRequest { address, message_id: message_id.clone() };
        let answer = client.try_call("RedriveDeadLetter", request).await?;
        if which.is_done::<pb::RedriveDeadLetterResponse>(&client, answer)? {
            redriven.push(message_id);
        }
    }
    tell(&client, "redriven", &redriven);
    Ok(())
}

pub(super) async fn discard(mut client: Client, arguments: Discard) -> Result<(), Failure> {
    let Discard { which, sure } = arguments;
    sure.check("deletes messages")?;
    let mut discarded = Vec::new();
    for message_id in which.ids(&mut client).await? {
        let address = which.actor.address();
        let request = pb::DiscardDeadLetterRequest { address, message_id: message_id.clone() };
        let answer = client.try_call("DiscardDeadLetter", request).await?;
        if which.is_done::<pb::DiscardDeadLetterResponse>(&client, answer)? {
            discarded.push(message_id);
        }
    }
    tell(&client, "discarded", &discarded);
    Ok(())
}

/// Tells with which messages something was done.
fn tell(client: &Client, what: &str, message_ids: &[String]) {
    match client.json {
        true => println!("{:#}", serde_json::json!({ what: message_ids })),
        false => println!("{}: {what}", print::count(message_ids.len() as u64, "dead letter")),
    }
}
