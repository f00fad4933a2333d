//! A user's folder, as `callboard dev`, `package` and `deploy plan` take it, and its
//! `callboard.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use callboard_local::FunctionConfig;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::command::Failure;

/// The name of the file that says which function serves which actor types.
pub(crate) const FILE: &str = "callboard.toml";

/// A user's folder.
pub(crate) struct Project {
    pub(crate) dir: PathBuf,
    /// The folder with the .proto files.
    pub(crate) protos: PathBuf,
    /// The functions that callboard.toml names; without any, every binary of
    /// the crate is one.
    pub(crate) functions: BTreeMap<String, FunctionEntry>,
}

/// `callboard.toml`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    /// The folder with the .proto files, relative to this one. Default: `proto`
    /// if there is such a folder, else this one.
    protos: Option<PathBuf>,
    /// The functions by name.
    functions: BTreeMap<String, FunctionEntry>,
    /// Settings of the gateway, which `command::config` has read.
    #[serde(rename = "gateway")]
    _gateway: Option<IgnoredAny>,
}

/// One function in `callboard.toml`.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FunctionEntry {
    /// The actor types that it serves. Default: it is asked.
    pub(crate) actors: Vec<String>,
    /// The binary of the crate in this folder. Default: the function's name.
    pub(crate) bin: Option<String>,
    /// A binary that is there already, instead of one that is built.
    pub(crate) command: Option<PathBuf>,
    /// How many processes at once, 1 to 1,000. Default: 4.
    pub(crate) concurrency: Option<usize>,
    /// How long an invocation may take, in seconds, 1 to 900. Default: 30.
    pub(crate) timeout_seconds: Option<u64>,
    /// Environment variables.
    pub(crate) env: BTreeMap<String, String>,
}

impl Project {
    pub(crate) fn open(dir: &Path) -> Result<Self, Failure> {
        if !dir.is_dir() {
            let dir = dir.display();
            return Err(Failure::new(format!(
                "{dir} is no folder; name the one with your .proto files and your actor's crate"
            )));
        }
        let path = dir.join(FILE);
        let file: File = match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text)
                .map_err(|error| Failure(format!("error: {}: {error}", path.display())))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => File::default(),
            Err(error) => {
                return Err(Failure::new(format!("cannot read {}: {error}", path.display())));
            }
        };
        let protos = file.protos.map(|protos| dir.join(protos)).unwrap_or_else(|| {
            let proto = dir.join("proto");
            if proto.is_dir() { proto } else { dir.to_owned() }
        });
        Ok(Self { dir: dir.to_owned(), protos, functions: file.functions })
    }
}

impl FunctionEntry {
    /// The function that runs a binary as this entry says.
    pub(crate) fn config(&self, name: &str, command: PathBuf) -> FunctionConfig {
        let mut config = FunctionConfig::new(name, command);
        config.env = self.env.clone().into_iter().collect();
        config.concurrency = self.concurrency.unwrap_or(config.concurrency);
        config.timeout = self.timeout_seconds.map_or(config.timeout, Duration::from_secs);
        config
    }
}
