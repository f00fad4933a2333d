//! A running `callboard dev`.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::cargo::Built;
use crate::counter::{self, Stub};
use crate::{Result, process};

/// How long it may take until it serves; its own cargo has little to do.
const START_MAX: Duration = Duration::from_secs(120);

/// How long it may take to stop: its own grace, and a little.
const STOP_MAX: Duration = Duration::from_secs(15);

/// The data's place in the folder.
pub(crate) const DATA: &str = "data";

/// Where listeners go: below the ports from which connections are made.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A running `callboard dev examples/counter --release`, its data in a folder
/// of its own that goes away with it.
pub(crate) struct Dev {
    process: Child,
    url: String,
    folder: TempDir,
}

impl Dev {
    /// Starts it, and waits until it serves.
    pub(crate) async fn start(built: &Built, fsync: bool) -> Result<Self> {
        Self::start_in(tempfile::tempdir()?, built, fsync).await
    }

    /// Starts it with more in its environment, and that of its functions.
    pub(crate) async fn start_with(built: &Built, variables: &[(&str, String)]) -> Result<Self> {
        Self::spawn(tempfile::tempdir()?, built, false, variables).await
    }

    /// Starts it on the data that a folder has.
    pub(crate) async fn start_in(folder: TempDir, built: &Built, fsync: bool) -> Result<Self> {
        Self::spawn(folder, built, fsync, &[]).await
    }

    async fn spawn(
        folder: TempDir,
        built: &Built,
        fsync: bool,
        variables: &[(&str, String)],
    ) -> Result<Self> {
        let log = folder.path().join("log");
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut command = Command::new(&built.callboard);
        command.arg("dev").arg(&built.counter).args(["--release", "--listen", &address]);
        command.arg("--data").arg(folder.path().join(DATA));
        if fsync {
            command.arg("--fsync");
        }
        // Whoever runs the bench may have traces of his own.
        let foreign = std::env::vars_os().map(|(name, _)| name);
        for name in foreign.filter(|name| name.to_string_lossy().starts_with("OTEL_")) {
            command.env_remove(name);
        }
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log)?);
        let mut process = command.kill_on_drop(true).spawn()?;
        let stdout = process.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(stdout).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                if line.starts_with("Callboard serves gRPC") {
                    return Ok::<_, std::io::Error>(true);
                }
            }
            Ok(false)
        };
        if !timeout(START_MAX, ready).await.unwrap_or(Ok(false))? {
            let log = std::fs::read_to_string(log)?;
            return Err(format!("callboard dev does not start:\n{log}").into());
        }
        // A pipe that nobody reads would fill.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { process, url: format!("http://{address}"), folder })
    }

    /// A stub over a connection of its own.
    pub(crate) async fn stub(&self) -> Result<Stub> {
        counter::connect(&self.url).await
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id().expect("nobody has waited for it")
    }

    /// Where it keeps its mailboxes: a sibling has the same file system.
    pub(crate) fn sibling(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Stops it as a person would; the folder with its data.
    pub(crate) async fn stop(mut self) -> Result<TempDir> {
        process::terminate(self.pid())?;
        let stopped = timeout(STOP_MAX, self.process.wait()).await;
        if stopped.is_ok_and(|status| status.is_ok_and(|status| status.success())) {
            return Ok(self.folder);
        }
        let log = std::fs::read_to_string(self.folder.path().join("log"))?;
        Err(format!("callboard dev does not stop:\n{log}").into())
    }
}

/// A port that is free now. `callboard dev` cannot tell which one it took.
fn free_port() -> Result<u16> {
    let len = u32::from(PORTS.end - PORTS.start);
    let start = u16::try_from(std::process::id() % len).expect("it is less than the ports");
    let ports = (PORTS.start + start..PORTS.end).chain(PORTS);
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.into_iter().find(free).ok_or_else(|| "no port is free".into())
}
