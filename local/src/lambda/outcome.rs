//! What became of an invocation, in the words of AWS.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

/// The largest answer of a function, in bytes; the 100 above 6 MiB are AWS's own.
pub(super) const RESPONSE_BYTES_MAX: usize = 6 * 1024 * 1024 + 100;

/// What a caller is told about an invocation that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The function's answer.
    Response(Bytes),
    /// It failed: `{"errorType": …, "errorMessage": …}`, by the function or by the host.
    FunctionError(Bytes),
    /// The host stopped before the function was done.
    Stopped,
}

impl Outcome {
    /// The process was killed at the invocation's deadline.
    pub(super) fn timed_out(id: &str, timeout: Duration) -> Self {
        let seconds = timeout.as_secs_f64();
        Self::failed(id, "Sandbox.Timedout", &format!("Task timed out after {seconds:.2} seconds"))
    }

    /// A new process was killed because it did not ask for its first invocation in time.
    pub(super) fn init_timed_out(id: &str, limit: Duration, stderr: &str) -> Self {
        let seconds = limit.as_secs_f64();
        let message = format!(
            "Init timed out: the process did not ask for an invocation within {seconds:.2} seconds"
        );
        Self::failed(id, "Sandbox.Timedout", &with_stderr(message, stderr))
    }

    /// The process ended before it answered. `stderr` is for one that never got to work.
    pub(super) fn exited(id: &str, status: ExitStatus, stderr: &str) -> Self {
        Self::failed(id, "Runtime.ExitError", &with_stderr(reason(status), stderr))
    }

    /// There is no such binary, or it cannot be run.
    pub(super) fn cannot_start(id: &str, command: &Path, error: &io::Error) -> Self {
        let message = format!("cannot start {}: {error}", command.display());
        Self::failed(id, "Runtime.InvalidEntrypoint", &message)
    }

    /// The answer was above [`RESPONSE_BYTES_MAX`].
    pub(super) fn response_too_large() -> Self {
        let message = format!(
            "Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes)."
        );
        Self::error("Function.ResponseSizeTooLarge", &message)
    }

    fn failed(id: &str, kind: &str, message: &str) -> Self {
        Self::error(kind, &format!("RequestId: {id} Error: {message}"))
    }

    fn error(kind: &str, message: &str) -> Self {
        let body = json!({ "errorType": kind, "errorMessage": message });
        Self::FunctionError(body.to_string().into())
    }
}

fn with_stderr(message: String, stderr: &str) -> String {
    match stderr.trim() {
        "" => message,
        stderr => format!("{message}\n{stderr}"),
    }
}

/// AWS's runtime supervisor is written in Go: these are Go's words for an exit status.
fn reason(status: ExitStatus) -> String {
    if let Some(signal) = status.signal() {
        let name = match signal {
            1 => "hangup",
            2 => "interrupt",
            3 => "quit",
            4 => "illegal instruction",
            5 => "trace/breakpoint trap",
            6 => "aborted",
            7 => "bus error",
            8 => "floating point exception",
            9 => "killed",
            11 => "segmentation fault",
            13 => "broken pipe",
            14 => "alarm clock",
            15 => "terminated",
            other => return format!("Runtime exited with error: signal: signal {other}"),
        };
        let dumped = if status.core_dumped() { " (core dumped)" } else { "" };
        return format!("Runtime exited with error: signal: {name}{dumped}");
    }
    match status.code() {
        Some(0) | None => "Runtime exited without providing a reason".into(),
        Some(code) => format!("Runtime exited with error: exit status {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_statuses_read_as_in_aws() {
        let cases = [
            (0, "Runtime exited without providing a reason"),
            (1 << 8, "Runtime exited with error: exit status 1"),
            (101 << 8, "Runtime exited with error: exit status 101"),
            (9, "Runtime exited with error: signal: killed"),
            (6 | 0x80, "Runtime exited with error: signal: aborted (core dumped)"),
            (31, "Runtime exited with error: signal: signal 31"),
        ];
        for (raw, expected) in cases {
            assert_eq!(reason(ExitStatus::from_raw(raw)), expected);
        }
    }

    #[test]
    fn a_timeout_reads_as_in_aws() {
        let expected = r#"{"errorMessage":"RequestId: r Error: Task timed out after 2.50 seconds","errorType":"Sandbox.Timedout"}"#;
        let outcome = Outcome::timed_out("r", Duration::from_millis(2500));
        let Outcome::FunctionError(body) = outcome else {
            panic!("{outcome:?}");
        };
        let (actual, expected): (serde_json::Value, serde_json::Value) =
            (serde_json::from_slice(&body).unwrap(), serde_json::from_str(expected).unwrap());
        assert_eq!(actual, expected);
    }
}
