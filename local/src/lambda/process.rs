//! The process of an environment: a function's binary in a process group of its own.

use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::config::{FunctionConfig, LogLine, OnLog};
use super::logs::{self, Tail};
use super::warden::Warden;

/// How long the last lines may take to arrive once all writers are dead.
const LAST_LINES_MAX: Duration = Duration::from_secs(1);
/// How long the operating system may take to end a process that got SIGKILL.
const REAP_MAX: Duration = Duration::from_secs(5);

/// A child process. Dropping it kills it and all that it started.
///
/// The group of its own keeps Ctrl-C in the terminal away from it: the host decides. Signals go to
/// the group, so that a binary behind a wrapper script gets them too.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// `None` once there is nobody left to signal.
    group: Option<Pid>,
    is_frozen: bool,
    readers: Vec<JoinHandle<()>>,
    stderr: Tail,
    warden: Arc<Warden>,
}

impl Process {
    pub(super) fn start(
        function: &FunctionConfig,
        variables: Vec<(OsString, OsString)>,
        environment: u64,
        on_log: &OnLog,
        warden: Arc<Warden>,
    ) -> io::Result<Self> {
        let mut command = Command::new(&function.command);
        command
            .args(&function.args)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(group) = group {
            warden.watch(group);
        }

        let stderr = Tail::default();
        let name: Arc<str> = function.name.as_str().into();
        let log = |tail: Option<Tail>| {
            let (on_log, function) = (on_log.clone(), name.clone());
            move |line: String| {
                if let Some(tail) = &tail {
                    tail.push(&line);
                }
                on_log(LogLine { function: function.clone(), environment, line });
            }
        };
        let stdout_pipe = child.stdout.take().expect("stdout is piped");
        let stderr_pipe = child.stderr.take().expect("stderr is piped");
        let readers = vec![
            tokio::spawn(logs::read_lines(stdout_pipe, log(None))),
            tokio::spawn(logs::read_lines(stderr_pipe, log(Some(stderr.clone())))),
        ];
        Ok(Self { child, group, is_frozen: false, readers, stderr, warden })
    }

    /// Waits until the process has exited. May be dropped and called again.
    pub(super) async fn wait(&mut self) -> ExitStatus {
        // It fails only in a program that has made the operating system reap its children for it.
        self.child.wait().await.unwrap_or_default()
    }

    /// Whether it has exited, or cannot be seen to run.
    pub(super) fn has_exited(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Stops it from running until [`resume`](Self::resume).
    pub(super) fn freeze(&mut self) {
        self.signal(Signal::STOP);
        self.is_frozen = true;
    }

    pub(super) fn resume(&mut self) {
        if std::mem::take(&mut self.is_frozen) {
            self.signal(Signal::CONT);
        }
    }

    /// Asks it to exit.
    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Kills what is left of it, reaps it, and reads what it wrote to the end.
    pub(super) async fn end(&mut self) {
        self.signal(Signal::KILL);
        if timeout(REAP_MAX, self.child.wait()).await.is_err() {
            tracing::error!(group = ?self.group, "a process does not end after SIGKILL");
            return;
        }
        if let Some(group) = self.group.take() {
            self.warden.forget(group);
        }
        for mut reader in self.readers.drain(..) {
            if timeout(LAST_LINES_MAX, &mut reader).await.is_err() {
                reader.abort();
            }
        }
    }

    /// Its last words on stderr, at most 2 KiB.
    pub(super) fn last_words(&self) -> String {
        self.stderr.text()
    }

    fn signal(&self, signal: Signal) {
        let Some(group) = self.group else { return };
        // An error means that nobody is left to get it.
        let _ = kill_process_group(group, signal);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        if let Some(group) = self.group {
            self.warden.forget(group);
        }
    }
}
