//! Building what is measured.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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
    /// Cargo's target folder; what the clients build is below it, too.
    pub(crate) target: PathBuf,
}

/// A line of cargo's `--message-format=json`, as far as it matters here.
#[derive(Deserialize)]
struct Line {
    executable: Option<PathBuf>,
}

/// Builds the gateway, and the counter as `callboard dev` will, so that its own
/// build has nothing left to do.
pub(crate) fn build() -> Result<Built> {
    let counter = folder("examples/counter")?;
    let callboard = binary(&folder("gateway")?, &["--release"])?;
    binary(&counter, &["--release"])?;
    let target = callboard.ancestors().nth(2).ok_or("cargo built it nowhere")?.to_owned();
    Ok(Built { callboard, counter, target })
}

/// Builds the counter as it is deployed.
pub(crate) fn function() -> Result<PathBuf> {
    binary(&folder("examples/counter")?, &["--profile=function"])
}

/// Builds what the quick start builds, from nothing; how long it took.
pub(crate) fn clean_debug_build() -> Result<Duration> {
    let target = tempfile::tempdir()?;
    let target_dir = format!("--target-dir={}", target.path().display());
    let begun = Instant::now();
    for part in ["gateway", "examples/counter"] {
        binary(&folder(part)?, &[&target_dir])?;
    }
    Ok(begun.elapsed())
}

/// A folder of the repository.
pub(crate) fn folder(name: &str) -> Result<PathBuf> {
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).canonicalize()?)
}

fn binary(folder: &Path, options: &[&str]) -> Result<PathBuf> {
    let manifest = folder.join("Cargo.toml");
    eprintln!("building {} {}", manifest.display(), options.join(" "));
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--bins", "--message-format=json-render-diagnostics"]).args(options);
    cargo.arg("--manifest-path").arg(&manifest).stdin(Stdio::null()).stderr(Stdio::inherit());
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
