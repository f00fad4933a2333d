//! `callboard admin pause`, `resume`, `purge` and `delete`.

use callboard_proto::pb;

use super::super::Failure;
use super::client::Client;
use super::{Actor, Destroyed, print};

#[derive(clap::Args)]
pub(super) struct Pause {
    #[command(flatten)]
    actor: Actor,
    /// Why, for whoever resumes it.
    #[arg(default_value = "by an operator")]
    reason: String,
}

pub(super) async fn pause(mut client: Client, arguments: Pause) -> Result<(), Failure> {
    let Pause { actor, reason } = arguments;
    let request = pb::PauseRequest { address: actor.address(), reason };
    let answer: pb::PauseResponse = client.call("Pause", request).await?;
    client.print("PauseResponse", &answer, || "paused\n".to_owned())
}

pub(super) async fn resume(mut client: Client, actor: &Actor) -> Result<(), Failure> {
    let request = pb::ResumeRequest { address: actor.address() };
    let answer: pb::ResumeResponse = client.call("Resume", request).await?;
    client.print("ResumeResponse", &answer, || {
        format!("resumed; it was paused: {}\n", answer.paused_reason)
    })
}

pub(super) async fn purge(mut client: Client, arguments: &Destroyed) -> Result<(), Failure> {
    arguments.sure.check("deletes all messages that wait")?;
    let request = pb::PurgeRequest { address: arguments.actor.address() };
    let answer: pb::PurgeResponse = client.call("Purge", request).await?;
    client.print("PurgeResponse", &answer, || {
        format!("purged: {}\n", print::count(answer.messages, "message"))
    })
}

pub(super) async fn delete(mut client: Client, arguments: &Destroyed) -> Result<(), Failure> {
    arguments.sure.check("deletes the actor, and all messages that wait,")?;
    let request = pb::DeleteActorRequest { address: arguments.actor.address() };
    let answer: pb::DeleteActorResponse = client.call("DeleteActor", request).await?;
    client.print("DeleteActorResponse", &answer, || {
        let state = if answer.state { "its state" } else { "no state" };
        let messages = print::count(answer.messages, "message");
        let timers = print::count(answer.timers.into(), "timer");
        format!("deleted: {state}, {messages}, {timers}\n")
    })
}
