//! What a host is told to run.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::listen;

/// The longest function name that AWS allows, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// AWS's own limit on a function's time-out.
const TIMEOUT_MAX: Duration = Duration::from_secs(15 * 60);
/// AWS's default for a whole account.
const CONCURRENCY_MAX: usize = 1000;

/// Why a host did not start, or a function was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] listen::Error),
    /// A function's configuration makes no sense.
    #[error("function {name:?}: {problem}")]
    Function {
        /// The function's name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The region is not one word of letters, digits and `-`.
    #[error("the region {region:?} may have letters, digits and - only")]
    Region {
        /// The region.
        region: String,
    },
    /// `sh`, which watches over the child processes, cannot be started.
    #[error("cannot start /bin/sh, which ends child processes should the host be killed: {0}")]
    Warden(#[source] io::Error),
    /// [`LambdaHost::start`](super::LambdaHost::start) was called outside a tokio runtime.
    #[error("a Lambda host needs a tokio runtime around it")]
    NoRuntime,
}

/// One function: a binary, and how to run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionConfig {
    /// The name that clients invoke: letters, digits, `-` and `_`, at most 64.
    pub name: String,
    /// The binary. A relative path counts from the host's working directory.
    pub command: PathBuf,
    /// Its arguments. AWS passes none.
    pub args: Vec<String>,
    /// Its environment variables.
    ///
    /// As in AWS it sees these and Lambda's own, which win over them, and of the host's variables
    /// only `PATH`. Region and credentials may be set here.
    pub env: Vec<(String, String)>,
    /// Processes at a time, at least 1; default 4.
    pub concurrency: usize,
    /// How long an invocation may take before its process is killed; default 30 s, at most 15 min.
    pub timeout: Duration,
    /// What the function is told it has, in MB; default 128. It is not enforced.
    pub memory_mb: u32,
    /// Whether to stop the process (SIGSTOP) between invocations, as AWS does; default no.
    ///
    /// It brings out work left running after an answer.
    pub freeze: bool,
}

impl FunctionConfig {
    /// A function with the defaults given at each field.
    pub fn new(name: impl Into<String>, command: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            command: command.into(),
            args: Vec::new(),
            env: Vec::new(),
            concurrency: 4,
            timeout: Duration::from_secs(30),
            memory_mb: 128,
            freeze: false,
        }
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let problem = if self.name.is_empty() || self.name.len() > NAME_BYTES_MAX {
            "its name must have 1 to 64 characters"
        } else if !self.name.chars().all(plain) {
            "its name may have letters, digits, - and _ only"
        } else if self.concurrency == 0 || self.concurrency > CONCURRENCY_MAX {
            "its concurrency must be 1 to 1000"
        } else if self.timeout.is_zero() || self.timeout > TIMEOUT_MAX {
            "its time-out must be above zero and at most 15 minutes"
        } else {
            return Ok(());
        };
        Err(Error::Function { name: self.name.clone(), problem })
    }
}

/// Receives what functions write to stdout and stderr; see [`HostConfig::on_log`].
pub type OnLog = Arc<dyn Fn(LogLine) + Send + Sync>;

/// One line that a function wrote to stdout or stderr.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The function's name.
    pub function: Arc<str>,
    /// Which of the function's environments: 1 for the first one started, and so on.
    pub environment: u64,
    /// The line, without its end. Lines above 64 KiB come in pieces; bytes that are not UTF-8 are
    /// replaced.
    pub line: String,
}

/// A host: its functions, and limits for all of them.
#[derive(Clone)]
pub struct HostConfig {
    /// The functions; their names differ.
    pub functions: Vec<FunctionConfig>,
    /// Called with each line that a function writes, on the host's runtime: it must not block.
    /// Default: does nothing.
    pub on_log: OnLog,
    /// The region in ARNs and in the functions' environment; default `us-east-1`.
    pub region: String,
    /// How long a synchronous invocation waits for a free environment before it is throttled;
    /// default 1 s.
    pub queue_wait: Duration,
    /// How long a new process may take until it asks for its first invocation; default 10 s, as in
    /// AWS.
    pub init_limit: Duration,
    /// How long a process may take from SIGTERM until it is killed; default 500 ms, as in AWS for
    /// a function with an internal extension.
    pub stop_wait: Duration,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            functions: Vec::new(),
            on_log: Arc::new(|_| {}),
            region: "us-east-1".into(),
            queue_wait: Duration::from_secs(1),
            init_limit: Duration::from_secs(10),
            stop_wait: Duration::from_millis(500),
        }
    }
}

impl HostConfig {
    pub(super) fn validate(&self) -> Result<(), Error> {
        if !self.region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(Error::Region { region: self.region.clone() });
        }
        let mut names = HashSet::new();
        for function in &self.functions {
            function.validate()?;
            if !names.insert(&function.name) {
                return Err(Error::Function {
                    name: function.name.clone(),
                    problem: "another function has the same name",
                });
            }
        }
        Ok(())
    }
}

impl fmt::Debug for HostConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostConfig")
            .field("functions", &self.functions)
            .field("region", &self.region)
            .field("queue_wait", &self.queue_wait)
            .field("init_limit", &self.init_limit)
            .field("stop_wait", &self.stop_wait)
            .finish_non_exhaustive()
    }
}
