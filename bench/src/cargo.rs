//! Building what is measured.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::Result;

/// What cargo says of itself in the environment of what it runs. A cargo below
/// it would take it for a change, and build things again.
const CARGO_OWN: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];

/// What was built.
pub(crate) struct Built {
    /// The gateway.
    pub(crate) callboard: PathBuf,
    /// The folder of the counter.
    pub(crate) counter: PathBuf,
}

/// A line of cargo's `--message-format=json`, as far as it matters here.
#[derive(Deserialize)]
struct Line {
    executable: Option<PathBuf>,
}

/// Builds the gateway, and the counter as `callboard dev` will, so that its own
/// build has nothing left to do.
pub(crate) fn build() -> Result<Built> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let callboard = binary(&root.join("gateway/Cargo.toml"))?;
    let counter = root.join("examples/counter");
    binary(&counter.join("Cargo.toml"))?;
    Ok(Built { callboard, counter })
}

fn binary(manifest: &Path) -> Result<PathBuf> {
    eprintln!("building {} (release)", manifest.display());
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--bins", "--message-format=json-render-diagnostics"]);
    cargo.arg("--manifest-path").arg(manifest).stdin(Stdio::null()).stderr(Stdio::inherit());
    for (name, _) in std::env::vars_os() {
        if CARGO_OWN.iter().any(|own| name.to_str().is_some_and(|name| name.starts_with(own))) {
            cargo.env_remove(&name);
        }
    }
    let output = cargo.output()?;
    if !output.status.success() {
        return Err(format!("{} does not compile; see above", manifest.display()).into());
    }
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let built = lines.filter_map(|line| serde_json::from_slice::<Line>(line).ok());
    let binary = built.filter_map(|line| line.executable).next_back();
    binary.ok_or_else(|| format!("{} has no binary", manifest.display()).into())
}
