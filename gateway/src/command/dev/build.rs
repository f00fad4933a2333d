//! Building the actor's crate with cargo, and finding its binaries.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use callboard_local::FunctionConfig;
use serde::Deserialize;
use tokio::process::Command;

use super::project::{FunctionEntry, Project};
use crate::command::Failure;

/// What cargo says of itself in the environment of what it runs. A cargo below
/// it would take it for a change, and build things again.
const CARGO_OWN: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];

/// A line of cargo's `--message-format=json`, as far as it matters here.
#[derive(Deserialize)]
struct Line {
    reason: String,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// The project's functions, their binaries built.
pub(super) async fn functions(
    project: &Project,
    release: bool,
) -> Result<Vec<FunctionConfig>, Failure> {
    let needs_build =
        project.functions.is_empty() || project.functions.values().any(|f| f.command.is_none());
    let built = match needs_build {
        true => build(&project.dir, release).await?,
        false => Vec::new(),
    };
    if project.functions.is_empty() {
        let entry = FunctionEntry::default();
        return Ok(built.into_iter().map(|(name, binary)| entry.config(&name, binary)).collect());
    }
    let functions = project.functions.iter().map(|(name, entry)| {
        let command = match &entry.command {
            Some(command) => project.dir.join(command),
            None => {
                let bin = entry.bin.as_ref().unwrap_or(name);
                let found = built.iter().find(|(built, _)| built == bin);
                found.map(|(_, path)| path.clone()).ok_or_else(|| no_binary(name, bin, &built))?
            }
        };
        Ok(entry.config(name, command))
    });
    functions.collect()
}

fn no_binary(function: &str, bin: &str, built: &[(String, PathBuf)]) -> Failure {
    let built: Vec<_> = built.iter().map(|(name, _)| name.as_str()).collect();
    Failure::new(format!(
        "callboard.toml: function {function} wants the binary {bin}, and the crate has {}; name one \
         of them with `bin`, or a file with `command`",
        built.join(", ")
    ))
}

/// Builds the crate in a folder; the names and paths of its binaries.
async fn build(dir: &Path, release: bool) -> Result<Vec<(String, PathBuf)>, Failure> {
    let manifest = dir.join("Cargo.toml");
    let Ok(manifest) = manifest.canonicalize() else {
        let dir = dir.display();
        return Err(Failure::new(format!(
            "{dir} has no Cargo.toml; put your actor's crate there, or a callboard.toml that names \
             a binary:\n  [functions.my-actor]\n  command = \"path/to/binary\""
        )));
    };
    eprintln!("building {}", manifest.display());
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--bins", "--message-format=json-render-diagnostics", "--manifest-path"]);
    cargo.arg(&manifest);
    if release {
        cargo.arg("--release");
    }
    for (name, _) in std::env::vars_os() {
        let own = |prefix: &&str| name.to_str().is_some_and(|name| name.starts_with(prefix));
        if CARGO_OWN.iter().any(own) {
            cargo.env_remove(&name);
        }
    }
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true).output();
    let output = output.await.map_err(|error| {
        Failure::new(format!("cannot run cargo: {error}; install Rust from https://rustup.rs"))
    })?;
    if !output.status.success() {
        return Err(Failure::new("the actor does not compile; see above"));
    }
    let binaries: Vec<_> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Line>(line).ok())
        .filter(|line| line.reason == "compiler-artifact")
        .filter(|line| line.manifest_path.as_deref() == Some(manifest.as_path()))
        .filter_map(|line| Some((line.target?.name, line.executable?)))
        .collect();
    if binaries.is_empty() {
        let manifest = manifest.display();
        return Err(Failure::new(format!("{manifest} has no binary; an actor is a `src/main.rs`")));
    }
    Ok(binaries)
}
