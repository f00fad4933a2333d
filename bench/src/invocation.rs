//! A bare local invocation, and the process that it runs.

use std::time::{Duration, Instant};

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::primitives::Blob;
use callboard_local::{FunctionConfig, HostConfig, LambdaHost};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

use crate::{Result, store};

const NAME: &str = "echo";

/// The length of what goes to the counter for one ask: an address, a lease, a
/// small state and a segment of one message, in base64.
const PAYLOAD_LEN: usize = 240;

/// How long functions may take to end.
const GRACE: Duration = Duration::from_secs(2);

/// A Lambda host with one function that does nothing.
pub(crate) struct Bare {
    host: LambdaHost,
    client: Client,
    payload: String,
}

impl Bare {
    pub(crate) async fn start() -> Result<Self> {
        let mut function = FunctionConfig::new(NAME, std::env::current_exe()?);
        function.args = vec!["echo".to_owned()];
        let config = HostConfig { functions: vec![function], ..HostConfig::default() };
        let host = LambdaHost::start(config, ([127, 0, 0, 1], 0).into())?;
        let config = aws_sdk_lambda::config::Builder::from(&store::local_config().await)
            .retry_config(RetryConfig::disabled())
            .endpoint_url(host.endpoint_url());
        let payload = serde_json::json!({ "callboard": "x".repeat(PAYLOAD_LEN) }).to_string();
        Ok(Self { host, client: Client::from_conf(config.build()), payload })
    }

    /// How long each of `calls` invocations takes, one after the other.
    pub(crate) async fn invoke(&self, calls: u32) -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        for _ in 0..calls {
            let payload = Blob::new(self.payload.clone());
            let before = Instant::now();
            let answer = self.client.invoke().function_name(NAME).payload(payload).send().await?;
            times.push(before.elapsed());
            let echoed =
                answer.payload.is_some_and(|blob| blob.as_ref() == self.payload.as_bytes());
            if !echoed {
                return Err("the bare function answered something else".into());
            }
        }
        Ok(times)
    }

    pub(crate) async fn stop(self) {
        self.host.shutdown(GRACE).await;
    }
}

/// The function: answers with what it is given.
pub(crate) async fn echo() -> Result<()> {
    let answer = |event: LambdaEvent<Value>| async move { Ok::<_, crate::Error>(event.payload) };
    lambda_runtime::run(service_fn(answer)).await
}
