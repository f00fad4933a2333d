//! `callboard admin state`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use callboard_proto::pb;
use callboard_proto::pb::read_state_response::State;

use super::super::Failure;
use super::Actor;
use super::client::Client;

pub(super) async fn run(mut client: Client, actor: &Actor) -> Result<(), Failure> {
    let request = pb::ReadStateRequest { address: actor.address() };
    let answer: pb::ReadStateResponse = client.call("ReadState", request).await?;
    client.print("ReadStateResponse", &answer, || match &answer.state {
        // What follows may be read by a program that reads JSON.
        None => "null\n".to_owned(),
        // As it is: to read numbers would round them.
        Some(State::Json(json)) => format!("{json}\n"),
        Some(State::Encoded(bytes)) => format!("\"{}\"\n", BASE64_STANDARD.encode(bytes)),
    })
}
