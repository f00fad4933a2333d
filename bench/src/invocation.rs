//! A bare local invocation, and the process that it runs.

use std::time::{Duration, Instant};

use bytes::Bytes;
use callboard_local::lambda::{self, Answer};
use callboard_local::{FunctionConfig, HostConfig, LambdaHost};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

use crate::Result;

const NAME: &str = "echo";

/// The length of what goes to the counter for one ask: an address, a lease, a
/// small state and a segment of one message, in base64.
const PAYLOAD_LEN: usize = 240;

/// The length of each further message in the segment.
const MESSAGE_LEN: usize = 90;

/// How long functions may take to end.
const GRACE: Duration = Duration::from_secs(2);

/// A Lambda host with one function that does nothing.
pub(crate) struct Bare {
    host: LambdaHost,
    invoker: Invoker,
}

/// What invokes the function.
#[derive(Clone)]
pub(crate) struct Invoker(lambda::Invoker);

impl Bare {
    pub(crate) fn start() -> Result<Self> {
        let mut function = FunctionConfig::new(NAME, std::env::current_exe()?);
        function.args = vec!["function".to_owned()];
        let config = HostConfig { functions: vec![function], ..HostConfig::default() };
        let host = LambdaHost::start(config, ([127, 0, 0, 1], 0).into())?;
        let invoker = Invoker(host.invoker());
        Ok(Self { host, invoker })
    }

    pub(crate) fn invoker(&self) -> Invoker {
        self.invoker.clone()
    }

    /// How long each of `calls` invocations takes, one after the other.
    pub(crate) async fn invoke(&self, calls: u32) -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        for _ in 0..calls {
            let before = Instant::now();
            self.invoker.invoke(1).await?;
            times.push(before.elapsed());
        }
        Ok(times)
    }

    pub(crate) async fn stop(self) {
        self.host.shutdown(GRACE).await;
    }
}

impl Invoker {
    /// One invocation with what so many messages would be.
    pub(crate) async fn invoke(&self, messages: u32) -> Result<()> {
        let len = PAYLOAD_LEN + MESSAGE_LEN * (messages as usize - 1);
        let payload = serde_json::json!({ "callboard": "x".repeat(len) }).to_string();
        let payload = Bytes::from(payload);
        match self.0.invoke(NAME, payload.clone()).await? {
            Answer::Response(answer) if answer == payload => Ok(()),
            _ => Err("the bare function answered something else".into()),
        }
    }
}

/// The function: answers with what it is given.
pub(crate) async fn function() -> Result<()> {
    let answer = |event: LambdaEvent<Value>| async move { Ok::<_, crate::Error>(event.payload) };
    lambda_runtime::run(service_fn(answer)).await
}
