//! The binaries of a project's functions, built where they are not there.

use std::path::PathBuf;

use callboard_local::FunctionConfig;

use crate::command::Failure;
use crate::command::cargo::Crate;
use crate::command::project::{FunctionEntry, Project};

/// The project's functions, their binaries built.
pub(super) async fn functions(
    project: &Project,
    release: bool,
) -> Result<Vec<FunctionConfig>, Failure> {
    let needs_build =
        project.functions.is_empty() || project.functions.values().any(|f| f.command.is_none());
    let command: &[&str] =
        if release { &["build", "--bins", "--release"] } else { &["build", "--bins"] };
    let built: Vec<(String, PathBuf)> = match needs_build {
        true => Crate::open(&project.dir)?.build(command, &[]).await?,
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
