//! The programs that run: the gateway and the actor, as cargo builds them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::Result;

/// What cargo says of itself in the environment of what it runs. A cargo below
/// it would take it for a change, and build things again.
const CARGO_OWN: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];

/// The actor's program.
const LEDGER: &str = "ledger";

/// The programs, as files of this run alone: whoever builds them anew meanwhile
/// changes nothing here.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    /// The gateway.
    pub(super) callboard: PathBuf,
    /// The actor's Lambda function.
    pub(super) ledger: PathBuf,
    /// The folder with the actor's .proto.
    pub(super) protos: PathBuf,
}

impl Programs {
    /// Builds them in the profile of this program, and puts them into a folder.
    /// When a `callboard` is given nothing is built: the actor's program is then
    /// the one beside this one.
    pub(super) async fn build(callboard: Option<&Path>, folder: &Path) -> Result<Self> {
        let this = env::current_exe()?;
        let beside = this.parent().expect("a program is in a folder");
        let callboard = match callboard {
            Some(given) => given.to_owned(),
            None => {
                let profile = profile(beside);
                cargo_build("callboard-gateway", "callboard", profile).await?;
                cargo_build("callboard-proof", LEDGER, profile).await?;
                beside.join("callboard")
            }
        };
        let folder = folder.canonicalize()?;
        Ok(Self {
            callboard: keep(&callboard, &folder)?,
            ledger: keep(&beside.join(LEDGER), &folder)?,
            protos: Path::new(env!("CARGO_MANIFEST_DIR")).join("proto"),
        })
    }
}

/// The profile whose programs are in a folder; cargo names the folder after it,
/// but for one.
fn profile(folder: &Path) -> &str {
    match folder.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => "dev",
        Some(profile) => profile,
    }
}

async fn cargo_build(package: &str, bin: &str, profile: &str) -> Result<()> {
    eprintln!("building {bin}");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--package", package, "--bin", bin, "--profile", profile]);
    for (name, _) in env::vars_os() {
        if CARGO_OWN.iter().any(|own| name.to_str().is_some_and(|name| name.starts_with(own))) {
            cargo.env_remove(&name);
        }
    }
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null()).kill_on_drop(true);
    let status = cargo.status().await;
    let status = status.map_err(|error| {
        format!("cannot run cargo: {error}; install Rust from https://rustup.rs")
    })?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{bin} cannot be built; see above").into()),
    }
}

/// Gives a program a second name in a folder.
fn keep(program: &Path, folder: &Path) -> Result<PathBuf> {
    let program = program.canonicalize().map_err(|error| {
        let program = program.display();
        format!("{program}: {error}; build it first, or leave --callboard out")
    })?;
    let kept = folder.join(program.file_name().expect("a program has a name"));
    // It costs nothing where both are on one file system.
    if fs::hard_link(&program, &kept).is_err() {
        fs::copy(&program, &kept)
            .map_err(|error| format!("cannot copy {}: {error}", program.display()))?;
    }
    Ok(kept)
}
