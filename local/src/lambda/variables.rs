//! The environment variables of a function's process.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;

use super::config::FunctionConfig;

/// The one version there is.
pub(super) const VERSION: &str = "$LATEST";
/// A custom runtime's handler is whatever its binary takes it for.
pub(super) const HANDLER: &str = "bootstrap";

/// All variables of a process, in the order in which later ones win.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime>
pub(super) fn of(
    function: &FunctionConfig,
    environment: u64,
    region: &str,
    runtime_api: SocketAddr,
) -> Vec<(OsString, OsString)> {
    let name = function.name.as_str();
    let command = std::path::absolute(&function.command).unwrap_or_default();
    let task_root = command.parent().unwrap_or(Path::new("/"));
    let mut variables: Vec<(OsString, OsString)> = Vec::new();
    let mut set = |key: &str, value: &str| variables.push((key.into(), value.into()));

    // A function may set these for itself.
    set("LANG", "en_US.UTF-8");
    set("TZ", ":UTC");
    set("AWS_REGION", region);
    set("AWS_DEFAULT_REGION", region);
    set("AWS_ACCESS_KEY_ID", "local");
    set("AWS_SECRET_ACCESS_KEY", "local");
    set("AWS_SESSION_TOKEN", "local");

    for (key, value) in &function.env {
        set(key, value);
    }

    // These are reserved, as in AWS.
    set("AWS_LAMBDA_RUNTIME_API", &runtime_api.to_string());
    set("AWS_LAMBDA_FUNCTION_NAME", name);
    set("AWS_LAMBDA_FUNCTION_VERSION", VERSION);
    set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &function.memory_mb.to_string());
    set("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
    set("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{name}"));
    set("AWS_LAMBDA_LOG_STREAM_NAME", &format!("local/[{VERSION}]{environment}"));
    set("_HANDLER", HANDLER);
    variables.push(("LAMBDA_TASK_ROOT".into(), task_root.into()));
    variables
}
