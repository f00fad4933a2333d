//! Building a user's crate with cargo, and finding its binaries.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::process::Command;

use super::Failure;

/// What cargo says of itself in the environment of what it runs. A cargo below
/// it would take it for a change, and build things again.
const CARGO_OWN: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];

/// A user's crate.
pub(crate) struct Crate {
    manifest: PathBuf,
}

/// What cargo knows of a crate before it is built.
pub(crate) struct Facts {
    /// The names of its binaries.
    pub(crate) binaries: Vec<String>,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
}

/// What `cargo metadata` says, as far as it matters here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

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
    kind: Vec<String>,
}

impl Crate {
    /// The crate in a folder.
    pub(crate) fn open(dir: &Path) -> Result<Self, Failure> {
        let manifest = dir.join("Cargo.toml").canonicalize().map_err(|_| {
            Failure::new(format!(
                "{} has no Cargo.toml; put your actor's crate there, or a callboard.toml that \
                 names a binary:\n  [functions.my-actor]\n  command = \"path/to/binary\"",
                dir.display()
            ))
        })?;
        Ok(Self { manifest })
    }

    /// Asks cargo about it.
    pub(crate) async fn facts(&self) -> Result<Facts, Failure> {
        let mut cargo = self.cargo();
        cargo.args(["metadata", "--no-deps", "--format-version=1", "--manifest-path"]);
        cargo.arg(&self.manifest);
        let output = output(cargo).await?;
        let metadata: Option<Metadata> =
            output.status.success().then(|| parse(&output.stdout)).flatten();
        let metadata = metadata.ok_or_else(|| {
            Failure::new(format!("cargo cannot read {}; see above", self.manifest.display()))
        })?;
        let mut packages = metadata.packages.into_iter();
        let this = packages.find(|package| package.manifest_path == self.manifest);
        let targets = this.map(|package| package.targets).unwrap_or_default().into_iter();
        let is_binary = |target: &Target| target.kind.iter().any(|kind| kind == "bin");
        let binaries: Vec<_> = targets.filter(is_binary).map(|target| target.name).collect();
        match binaries.is_empty() {
            true => Err(self.no_binary()),
            false => Ok(Facts { binaries, target: metadata.target_directory }),
        }
    }

    /// Runs a command of cargo that builds it, such as `build --bins`; the names and paths of the
    /// binaries. What cargo has to say goes to standard error.
    pub(crate) async fn build(
        &self,
        command: &[&str],
        environment: &[(String, String)],
    ) -> Result<Vec<(String, PathBuf)>, Failure> {
        eprintln!("building {}", self.manifest.display());
        let mut cargo = self.cargo();
        cargo.args(command).args(["--message-format=json-render-diagnostics", "--manifest-path"]);
        cargo.arg(&self.manifest);
        cargo.envs(environment.iter().map(|(name, value)| (name, value)));
        let output = output(cargo).await?;
        if !output.status.success() {
            return Err(Failure::new("the actor does not compile; see above"));
        }
        let lines = output.stdout.split(|byte| *byte == b'\n').filter_map(parse::<Line>);
        let binaries: Vec<_> = lines
            .filter(|line| line.reason == "compiler-artifact")
            .filter(|line| line.manifest_path.as_deref() == Some(self.manifest.as_path()))
            .filter_map(|line| Some((line.target?.name, line.executable?)))
            .collect();
        if binaries.is_empty() { Err(self.no_binary()) } else { Ok(binaries) }
    }

    fn no_binary(&self) -> Failure {
        let manifest = self.manifest.display();
        Failure::new(format!("{manifest} has no binary; an actor is a `src/main.rs`"))
    }

    /// Cargo, as it is run by hand.
    fn cargo(&self) -> Command {
        let mut cargo = Command::new("cargo");
        for (name, _) in std::env::vars_os() {
            let own = |prefix: &&str| name.to_str().is_some_and(|name| name.starts_with(prefix));
            if CARGO_OWN.iter().any(own) {
                cargo.env_remove(&name);
            }
        }
        cargo
    }
}

/// Runs it to its end.
async fn output(mut cargo: Command) -> Result<Output, Failure> {
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true).output();
    output.await.map_err(|error| {
        Failure::new(format!("cannot run cargo: {error}; install Rust from https://rustup.rs"))
    })
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    serde_json::from_slice(json).ok()
}
