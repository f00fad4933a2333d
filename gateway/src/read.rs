//! Read-only asks: they go past the mailbox, straight to the actor's function,
//! and leave nothing behind. So one that fails may always be made again.

use std::time::Duration;

use bytes::Bytes;
use callboard_mailbox::retry::Backoff;
use callboard_mailbox::{Address, Store};
use callboard_proto::pb;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::error;

use crate::call::Call;
use crate::catalog::Route;
use crate::functions::{Failure, Function};
use crate::gateway::Gateway;
use crate::refusal::{Refusal, Stored};
use crate::spans;

/// For how long a read is tried again that Lambda did not take, such as one too many
/// at a time. Messages wait for that in their mailbox; a read has none.
const TRIED_FOR: Duration = Duration::from_secs(2);

/// How long is waited between these tries.
const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(50), factor: 2.0, longest: Duration::from_millis(500) };

/// Has an actor answer from its last committed state. Its caller's place among
/// the open calls is what bounds how many do so at once; Lambda's own bound is
/// the function's concurrency.
pub(crate) async fn answer<S: Store + 'static>(
    gateway: &Gateway<S>,
    route: &Route,
    address: &Address,
    call: Call,
    deadline: Instant,
) -> Result<Bytes, Refusal> {
    let function = gateway.functions.of(address.actor_type())?;
    let mut headers = call.headers;
    let span = spans::read(&gateway.settings.telemetry, function.name(), &mut headers);
    let waits = deadline.saturating_duration_since(Instant::now());
    let read = pb::Read {
        address: address.as_str().to_owned(),
        method: route.method().to_owned(),
        payload: call.payload,
        deadline_ms: Some((gateway.clock)().plus(waits).0),
        // Of a header that came twice a handler sees the first, as with a message.
        headers: headers.into_iter().rev().collect(),
    };
    let result = span.within(timeout_at(deadline, read_of(&function, read))).await;
    match &result {
        Err(_) => span.fail("timeout", ""),
        // What Lambda or the function say is for the log alone.
        Ok(Err(failure)) => span.fail(spans::failed(failure), ""),
        Ok(Ok(_)) => {}
    }
    span.end();
    match result.map_err(|_| Refusal::ReadTimeout)? {
        Ok(pb::ReadResult { code: 0, body }) => Ok(body),
        Ok(pb::ReadResult { code, body }) => Err(Refusal::Handler { code, status: body }),
        Err(failure) => Err(refusal(address, &function, &failure)),
    }
}

async fn read_of(function: &Function, read: pb::Read) -> Result<pb::ReadResult, Failure> {
    let end = Instant::now() + TRIED_FOR;
    let mut tries = 0;
    loop {
        let result = function.read(read.clone()).await;
        tries += 1;
        let wait = BACKOFF.delay(tries, fastrand::f64());
        match result {
            Err(Failure::Refused(_)) if Instant::now() + wait < end => sleep(wait).await,
            result => return result,
        }
    }
}

/// What a failed read means to its caller. What the function or Lambda say of it
/// stays in the log.
fn refusal(address: &Address, function: &Function, failure: &Failure) -> Refusal {
    let (actor_type, name) = (address.actor_type(), function.name());
    error!(actor_type, function = name, %failure, "a read-only ask failed");
    let detail = match failure {
        Failure::Unreachable(why) => {
            return Refusal::NotDeployed {
                actor_type: actor_type.to_owned(),
                function: Some(name.to_owned()),
                detail: why.to_string(),
                message_id: None,
            };
        }
        Failure::Refused(_) => "the actor's function is not available at the moment",
        Failure::Crashed(_) => "the actor's function broke off; the gateway's log has more",
        Failure::Unanswered(_) => "the actor's function did not answer",
    };
    Refusal::Unavailable { detail: detail.to_owned(), stored: Stored::No }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::{Functions, Unreachable};

    #[test]
    fn a_failed_read_may_be_made_again_and_tells_no_secrets() {
        let config = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .build();
        let address = Address::new("test.v1.A", "a").expect("an address");
        let functions = Functions::new(&config, None, [("test.v1.A".into(), "f".into())]);
        let function = functions.of("test.v1.A").expect("it is configured");
        let of = |failure| refusal(&address, &function, &failure);
        for failure in [Failure::Refused, Failure::Crashed, Failure::Unanswered] {
            let refusal = of(failure("arn:secret".into()));
            let Refusal::Unavailable { detail, stored: Stored::No } = refusal else {
                panic!("{refusal:?}");
            };
            assert!(!detail.contains("secret"));
        }
        let gone = of(Failure::Unreachable(Unreachable::Missing));
        assert!(matches!(gone, Refusal::NotDeployed { message_id: None, .. }), "{gone:?}");
    }
}
