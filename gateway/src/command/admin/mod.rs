//! `callboard admin`: looks into mailboxes, and mends what is stuck in them.

mod client;
mod control;
mod dead_letters;
mod describe;
mod list;
mod messages;
mod print;
mod state;

use std::io::IsTerminal;

use callboard_mailbox::Address;
use callboard_proto::pb;

use super::Failure;
use client::Client;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    gateway: super::client::Arguments,
    /// Print the gateway's answer as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the actor types.
    #[command(after_help = "Example:\n  callboard admin types")]
    Types,
    /// List the actors of a type that have had a message.
    #[command(after_help = "Example:\n  callboard admin actors bank.v1.Account --prefix eu/")]
    Actors(list::Actors),
    /// Tell how much waits in a mailbox, since when, and why.
    #[command(after_help = "Example:\n  callboard admin describe bank.v1.Account/alice")]
    Describe(Actor),
    /// Show the messages that wait.
    #[command(after_help = "Example:\n  callboard admin peek bank.v1.Account/alice --limit 5")]
    Peek(messages::Peek),
    /// Show the messages that were set aside after their last attempt.
    #[command(after_help = "Examples:\n  callboard admin dead-letters bank.v1.Account\n  \
                      callboard admin dead-letters bank.v1.Account/alice")]
    DeadLetters(dead_letters::List),
    /// Put dead letters back into their mailbox.
    #[command(
        after_help = "Examples:\n  callboard admin redrive bank.v1.Account/alice payday-2030-01\n  \
                      callboard admin redrive bank.v1.Account/alice --all"
    )]
    Redrive(dead_letters::Which),
    /// Delete dead letters.
    #[command(
        after_help = "Example:\n  callboard admin discard bank.v1.Account/alice payday-2030-01 --yes"
    )]
    Discard(dead_letters::Discard),
    /// Pause a mailbox: it takes messages, and runs none.
    #[command(
        after_help = "Example:\n  callboard admin pause bank.v1.Account/alice 'until the audit ends'"
    )]
    Pause(control::Pause),
    /// Resume a mailbox that is paused.
    #[command(after_help = "Example:\n  callboard admin resume bank.v1.Account/alice")]
    Resume(Actor),
    /// Give up all messages that wait.
    #[command(after_help = "Example:\n  callboard admin purge bank.v1.Account/alice --yes")]
    Purge(Destroyed),
    /// Cancel a delayed message that is not yet due.
    #[command(after_help = "Example:\n  callboard admin cancel bank.v1.Account/alice reminder-7")]
    Cancel(messages::Cancel),
    /// Delete an actor: its state, its timers, and all messages that wait.
    #[command(after_help = "Example:\n  callboard admin delete bank.v1.Account/alice --yes")]
    Delete(Destroyed),
    /// Print the committed state of an actor.
    #[command(after_help = "Example:\n  callboard admin state bank.v1.Account/alice")]
    State(Actor),
}

/// One actor.
#[derive(clap::Args)]
struct Actor {
    /// The actor, TYPE/KEY: bank.v1.Account/alice.
    #[arg(value_parser = Address::parse)]
    address: Address,
}

/// One actor that something is taken from for ever.
#[derive(clap::Args)]
struct Destroyed {
    #[command(flatten)]
    actor: Actor,
    #[command(flatten)]
    sure: Sure,
}

/// Whether what cannot be undone is meant.
#[derive(clap::Args)]
struct Sure {
    /// Do it: it cannot be undone. Needed at a terminal only.
    #[arg(long)]
    yes: bool,
}

impl Actor {
    fn address(&self) -> Option<pb::Address> {
        Some(to_pb(&self.address))
    }
}

impl Sure {
    /// Refuses what was typed by hand and not confirmed.
    fn check(&self, what: &str) -> Result<(), Failure> {
        match self.yes || !std::io::stdin().is_terminal() {
            true => Ok(()),
            false => Err(Failure::new(format!("this {what} for ever; add --yes if it is meant"))),
        }
    }
}

fn to_pb(address: &Address) -> pb::Address {
    pb::Address { r#type: address.actor_type().to_owned(), key: address.key().to_owned() }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { gateway, json, command } = arguments;
    let client = Client::connect(&gateway, json).await?;
    match command {
        Command::Types => list::types(client).await,
        Command::Actors(actors) => list::actors(client, actors).await,
        Command::Describe(actor) => describe::run(client, &actor).await,
        Command::Peek(peek) => messages::peek(client, peek).await,
        Command::DeadLetters(list) => dead_letters::list(client, list).await,
        Command::Redrive(which) => dead_letters::redrive(client, which).await,
        Command::Discard(discard) => dead_letters::discard(client, discard).await,
        Command::Pause(pause) => control::pause(client, pause).await,
        Command::Resume(actor) => control::resume(client, &actor).await,
        Command::Purge(purge) => control::purge(client, &purge).await,
        Command::Cancel(cancel) => messages::cancel(client, cancel).await,
        Command::Delete(delete) => control::delete(client, &delete).await,
        Command::State(actor) => state::run(client, &actor).await,
    }
}
