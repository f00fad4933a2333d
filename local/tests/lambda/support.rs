//! A Lambda host with the probe as its function, and an AWS SDK client that talks to it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::operation::invoke::{InvokeError, InvokeOutput};
use aws_sdk_lambda::primitives::Blob;
use callboard_local::{FunctionConfig, HostConfig, LambdaHost, LogLine};
use serde_json::Value;
use tokio::sync::watch;

/// No condition that a test waits for takes this long, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The function's name.
pub(crate) const PROBE: &str = "probe";

/// The path of an example of this crate, which `cargo test` builds.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let path = profile.join("examples").join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build -p callboard-local --examples`",
        path.display()
    );
    path
}

/// The probe with room for `concurrency` processes.
pub(crate) fn probe(concurrency: usize) -> FunctionConfig {
    let mut function = FunctionConfig::new(PROBE, example("probe"));
    function.concurrency = concurrency;
    function
}

/// The probe, started as `PROBE_START` says.
pub(crate) fn probe_that_starts(how: &str) -> FunctionConfig {
    let mut function = probe(1);
    function.env = vec![("PROBE_START".into(), how.into())];
    function
}

/// A host, its client, its log, and a directory for gates.
pub(crate) struct Stage {
    pub(crate) host: LambdaHost,
    pub(crate) client: Client,
    pub(crate) logs: Logs,
    pub(crate) gates: tempfile::TempDir,
}

impl Stage {
    pub(crate) fn new(function: FunctionConfig) -> Self {
        Self::with(function, |_| {})
    }

    pub(crate) fn with(function: FunctionConfig, adjust: impl FnOnce(&mut HostConfig)) -> Self {
        let logs = Logs::default();
        let mut config = HostConfig {
            functions: vec![function],
            on_log: logs.receiver(),
            ..HostConfig::default()
        };
        adjust(&mut config);
        let host = LambdaHost::start(config, "127.0.0.1:0".parse().unwrap()).unwrap();
        Self {
            client: client(&host.endpoint_url()),
            host,
            logs,
            gates: tempfile::tempdir().unwrap(),
        }
    }

    /// Invokes the probe, which must be possible.
    pub(crate) async fn invoke(&self, order: Value) -> Reply {
        invoke(&self.client, order).await.expect("the invocation is taken")
    }

    /// Invokes the probe in the background.
    pub(crate) fn start(&self, order: Value) -> tokio::task::JoinHandle<Result<Reply, Refused>> {
        let client = self.client.clone();
        tokio::spawn(async move { invoke(&client, order).await })
    }

    /// Where an invocation can be made to wait, and the order that does.
    pub(crate) fn gate(&self, name: &str) -> (PathBuf, Value) {
        let path = self.gates.path().join(name);
        let order = serde_json::json!({ "do": "wait", "until": path });
        (path, order)
    }
}

/// A client of a host, which tries nothing twice.
pub(crate) fn client(endpoint_url: &str) -> Client {
    let config = aws_sdk_lambda::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint_url)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

/// Why an invocation did not run.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) error: Box<InvokeError>,
}

/// What an invocation came to.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) output: InvokeOutput,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn pid(&self) -> i32 {
        assert_eq!(self.output.function_error(), None, "{:?}", self.body);
        self.body["pid"].as_i64().unwrap().try_into().unwrap()
    }

    /// The `errorType` and the `errorMessage` of a failed invocation.
    pub(crate) fn failure(&self) -> (&str, &str) {
        assert_eq!(self.output.function_error(), Some("Unhandled"), "{:?}", self.body);
        assert_eq!(self.output.status_code(), 200);
        let text = |field: &str| self.body[field].as_str().unwrap();
        (text("errorType"), text("errorMessage"))
    }
}

pub(crate) async fn invoke(client: &Client, order: Value) -> Result<Reply, Refused> {
    let request = client.invoke().function_name(PROBE);
    reply(request.payload(Blob::new(order.to_string())).send().await)
}

pub(crate) fn reply(result: Result<InvokeOutput, SdkError<InvokeError>>) -> Result<Reply, Refused> {
    match result {
        Ok(output) => {
            let payload = output.payload().map_or(&[][..], |payload| payload.as_ref());
            let body = serde_json::from_slice(payload).unwrap_or_default();
            Ok(Reply { output, body })
        }
        Err(error) => {
            let status = error.raw_response().map_or(0, |response| response.status().as_u16());
            assert_ne!(status, 0, "the host did not answer: {error:?}");
            Err(Refused { status, error: Box::new(error.into_service_error()) })
        }
    }
}

/// Everything that the function has written.
#[derive(Clone)]
pub(crate) struct Logs {
    lines: Arc<Mutex<Vec<LogLine>>>,
    count: watch::Sender<usize>,
}

impl Default for Logs {
    fn default() -> Self {
        Self { lines: Arc::default(), count: watch::Sender::new(0) }
    }
}

impl Logs {
    fn receiver(&self) -> Arc<dyn Fn(LogLine) + Send + Sync> {
        let logs = self.clone();
        Arc::new(move |line| {
            logs.lines.lock().unwrap().push(line);
            logs.count.send_modify(|count| *count += 1);
        })
    }

    pub(crate) fn all(&self) -> Vec<LogLine> {
        self.lines.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.all().iter().filter(|logged| logged.line == line).count()
    }

    /// Waits until this line has been written that often.
    pub(crate) async fn wait_for(&self, line: &str, times: usize) {
        let mut count = self.count.subscribe();
        let seen = async {
            while self.count(line) < times {
                count.changed().await.unwrap();
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, seen).await;
        assert!(in_time.is_ok(), "{line:?} did not come {times} times: {:#?}", self.all());
    }
}

/// Waits until a condition holds that nothing announces.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(in_time.is_ok(), "in vain: {what}");
}

/// Whether a process is running; one that nobody has reaped yet is not.
pub(crate) fn runs(pid: i32) -> bool {
    match state(pid) {
        Some(state) => state != "Z" && state != "X",
        None => false,
    }
}

/// The state of a process as `ps` tells it: `S` sleeps, `T` is stopped, `Z` is dead.
pub(crate) fn state(pid: i32) -> Option<String> {
    let output = std::process::Command::new("ps")
        .args(["-o", "state=", "-p", &pid.to_string()])
        .output()
        .unwrap();
    let state = String::from_utf8(output.stdout).unwrap();
    state.trim().get(..1).map(str::to_owned)
}

/// The function's variables as the probe tells them.
pub(crate) fn variables(reply: &Reply) -> HashMap<String, String> {
    serde_json::from_value(reply.body["variables"].clone()).unwrap()
}
