//! `callboard admin types` and `actors`.

use callboard_proto::pb;

use super::super::Failure;
use super::client::{Client, Limit, note_more, pages};
use super::print;

#[derive(clap::Args)]
pub(super) struct Actors {
    /// The actor type: bank.v1.Account.
    actor_type: String,
    /// What their keys begin with.
    #[arg(long, default_value = "")]
    prefix: String,
    #[command(flatten)]
    limit: Limit,
}

pub(super) async fn types(mut client: Client) -> Result<(), Failure> {
    let request = pb::ListActorTypesRequest {};
    let answer: pb::ListActorTypesResponse = client.call("ListActorTypes", request).await?;
    client.print("ListActorTypesResponse", &answer, || {
        let row = |actor: &pb::ActorTypeInfo| {
            let function = match &*actor.function {
                "" => "no function".to_owned(),
                function => function.to_owned(),
            };
            let methods = print::count(actor.methods.len() as u64, "method");
            [actor.r#type.clone(), function, methods, actor.trouble.clone()]
        };
        print::columns(&answer.actor_types.iter().map(row).collect::<Vec<_>>())
    })
}

pub(super) async fn actors(mut client: Client, arguments: Actors) -> Result<(), Failure> {
    let Actors { actor_type, prefix, limit } = arguments;
    let (actors, next_page_token) = pages(limit.get(), async |page_size, page_token| {
        let request = pb::ListActorsRequest {
            r#type: actor_type.clone(),
            key_prefix: prefix.clone(),
            page_size,
            page_token,
        };
        let page: pb::ListActorsResponse = client.call("ListActors", request).await?;
        Ok((page.actors, page.next_page_token))
    })
    .await?;
    let answer = pb::ListActorsResponse { actors, next_page_token };
    client.print("ListActorsResponse", &answer, || {
        answer.actors.iter().map(|actor| print::address(Some(actor)) + "\n").collect()
    })?;
    note_more(&answer.next_page_token);
    Ok(())
}
