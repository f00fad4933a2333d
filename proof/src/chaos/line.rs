//! A line to a gateway: one call, and what its end says of the message.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use callboard_gateway::codec::RawCodec;
use callboard_lambda_sdk::prost_types::Any;
use callboard_proto::ERROR_DOMAIN;
use http::uri::PathAndQuery;
use prost::Message as _;
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};

use crate::history::{Answer, Digest, Kind, Reply};

/// How long a connection may take; it is to this machine.
const CONNECT_MAX: Duration = Duration::from_secs(1);

/// What the name of an `ErrorInfo`'s type ends with.
const ERROR_INFO: &str = "google.rpc.ErrorInfo";

/// The id that the sender gives its message; in an answer, that of a message
/// that is stored.
const MESSAGE_ID: &str = "callboard-message-id";

/// `google.rpc.Status`, as far as it matters here.
#[derive(prost::Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.rpc.ErrorInfo`.
#[derive(prost::Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(map = "string, string", tag = "3")]
    metadata: HashMap<String, String>,
}

/// What is sent in one call.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    /// The method.
    pub(super) path: PathAndQuery,
    /// What it waits for.
    pub(super) kind: Kind,
    /// The encoded request.
    pub(super) payload: Bytes,
    /// With an id of its own it may be sent again.
    pub(super) id: Option<AsciiMetadataValue>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// What it means.
    pub(super) answer: Answer,
    /// In words, when it was not answered with OK.
    pub(super) status: Option<String>,
}

/// A connection to a gateway that is made, and made again, when it is needed.
#[derive(Clone, Debug)]
pub(super) struct Line {
    grpc: Grpc<Channel>,
}

impl Line {
    /// A line that is not connected yet.
    pub(super) fn to(gateway: SocketAddr) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{gateway}"));
        let endpoint = endpoint.expect("an address makes a URL").connect_timeout(CONNECT_MAX);
        Self { grpc: Grpc::new(endpoint.connect_lazy()) }
    }

    /// Makes one call, and waits until it ends or its deadline has passed.
    pub(super) async fn call(&mut self, letter: Letter, deadline: Duration) -> Ended {
        let Letter { path, kind, payload, id } = letter;
        let mut request = Request::new(payload);
        request.set_timeout(deadline);
        if let Some(id) = id {
            request.metadata_mut().insert(MESSAGE_ID, id);
        }
        let call = async {
            let ready = self.grpc.ready().await;
            ready.map_err(|error| Status::from_error(error.into()))?;
            self.grpc.unary(request, path, RawCodec).await
        };
        match timeout(deadline, call).await {
            Ok(Ok(response)) => Ended { answer: ok(kind, &response), status: None },
            Ok(Err(status)) => Ended {
                answer: meaning(&status),
                status: Some(format!("{:?}: {}", status.code(), status.message())),
            },
            Err(_) => {
                let status = Some("no answer before the deadline".to_owned());
                Ended { answer: Answer::Unknown, status }
            }
        }
    }
}

fn ok(kind: Kind, response: &Response<Bytes>) -> Answer {
    match kind {
        Kind::Tell => Answer::Acknowledged,
        Kind::Ask => Answer::Replied(Reply::Response(Digest::of(response.get_ref()))),
    }
}

/// What a status says of the message, read as `error_reason.proto` tells it.
fn meaning(status: &Status) -> Answer {
    let Some(info) = error_info(status) else {
        // Not from a gateway, but from the way to it.
        return if never_connected(status) { Answer::Refused } else { Answer::Unknown };
    };
    if status.metadata().contains_key(MESSAGE_ID) {
        return Answer::Queued;
    }
    let fact = |name: &str| info.metadata.get(name).map(String::as_str);
    match info.reason.as_str() {
        // A dead letter was stored; here, where no handler fails, it counts as lost.
        "ASK_TIMEOUT" | "DEAD_LETTERED" => Answer::Queued,
        "ACTOR_NOT_DEPLOYED" if fact("message_id").is_some() => Answer::Queued,
        "UNAVAILABLE" => match fact("stored") {
            Some("yes") => Answer::Queued,
            Some("no") => Answer::Refused,
            _ => Answer::Unknown,
        },
        "SEND_TIMEOUT" | "INTERNAL" => Answer::Unknown,
        _ => Answer::Refused,
    }
}

fn error_info(status: &Status) -> Option<ErrorInfo> {
    let details = Details::decode(status.details()).ok()?.details;
    let info = details.iter().find(|detail| detail.type_url.ends_with(ERROR_INFO))?;
    let info = ErrorInfo::decode(info.value.as_slice()).ok()?;
    (info.domain == ERROR_DOMAIN).then_some(info)
}

/// Whether there was no connection over which anything could have been sent.
fn never_connected(status: &Status) -> bool {
    let first: &(dyn std::error::Error + 'static) = status;
    std::iter::successors(Some(first), |error| error.source())
        .any(|error| error.is::<tonic::ConnectError>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use callboard_gateway::Refusal;
    use callboard_gateway::refusal::Stored;
    use callboard_mailbox::MessageId;

    #[test]
    fn a_gateways_errors_say_what_became_of_the_message() {
        let id = || MessageId::new("7").expect("an id");
        let unavailable = |stored| Refusal::Unavailable { detail: "x".into(), stored };
        let not_deployed = |message_id| Refusal::NotDeployed {
            actor_type: "a.B".into(),
            function: None,
            detail: "x".into(),
            message_id,
        };
        let cases = [
            (unavailable(Stored::No), Answer::Refused),
            (unavailable(Stored::Unknown), Answer::Unknown),
            (unavailable(Stored::Yes), Answer::Queued),
            (not_deployed(None), Answer::Refused),
            (not_deployed(Some(id())), Answer::Queued),
            (Refusal::AskTimeout { message_id: id() }, Answer::Queued),
            (Refusal::SendTimeout { message_id: id() }, Answer::Unknown),
            (Refusal::MailboxFull { depth_max: 7 }, Answer::Refused),
            (Refusal::Internal { detail: "x".into() }, Answer::Unknown),
        ];
        for (refusal, answer) in cases {
            assert_eq!(meaning(&refusal.clone().into()), answer, "{refusal}");
        }
        assert_eq!(meaning(&Status::unavailable("the connection broke")), Answer::Unknown);
    }

    #[tokio::test]
    async fn where_nobody_listens_nothing_is_sent() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let nobody = free.local_addr().expect("it has an address");
        drop(free);
        let path = PathAndQuery::from_static("/a.B/C");
        let letter = Letter { path, kind: Kind::Tell, payload: Bytes::new(), id: None };
        let ended = Line::to(nobody).call(letter, Duration::from_secs(5)).await;
        assert_eq!(ended.answer, Answer::Refused, "{ended:?}");
    }
}
