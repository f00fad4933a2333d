//! The folder that `callboard dev` is given, and its `callboard.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_config::SdkConfig;
use callboard_gateway::Functions;
use callboard_local::FunctionConfig;
use callboard_proto::schema::{ActorType, Schema};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::command::Failure;

/// The name of the file that says which function serves which actor types.
const FILE: &str = "callboard.toml";

/// A user's folder.
pub(super) struct Project {
    pub(super) dir: PathBuf,
    /// The folder with the .proto files.
    pub(super) protos: PathBuf,
    /// The functions that callboard.toml names; without any, every binary of
    /// the crate is one.
    pub(super) functions: BTreeMap<String, FunctionEntry>,
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
pub(super) struct FunctionEntry {
    /// The actor types that it serves. Default: it is asked.
    pub(super) actors: Vec<String>,
    /// The binary of the crate in this folder. Default: the function's name.
    pub(super) bin: Option<String>,
    /// A binary that is there already, instead of one that is built.
    pub(super) command: Option<PathBuf>,
    /// How many processes at once, 1 to 1,000. Default: 4.
    pub(super) concurrency: Option<usize>,
    /// How long an invocation may take, in seconds, 1 to 900. Default: 30.
    pub(super) timeout_seconds: Option<u64>,
    /// Environment variables.
    pub(super) env: BTreeMap<String, String>,
}

/// An actor type and the function that serves it.
pub(super) struct Served {
    pub(super) actor_type: String,
    /// `None`: its callers get ACTOR_NOT_DEPLOYED.
    pub(super) function: Option<FunctionConfig>,
}

impl Project {
    pub(super) fn open(dir: &Path) -> Result<Self, Failure> {
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
    pub(super) fn config(&self, name: &str, command: PathBuf) -> FunctionConfig {
        let mut config = FunctionConfig::new(name, command);
        config.env = self.env.clone().into_iter().collect();
        config.concurrency = self.concurrency.unwrap_or(config.concurrency);
        config.timeout = self.timeout_seconds.map_or(config.timeout, Duration::from_secs);
        config
    }
}

/// What finds out which function serves which actor type.
pub(super) struct Assign {
    pub(super) project: Project,
    pub(super) functions: Vec<FunctionConfig>,
    pub(super) config: SdkConfig,
    /// Where the functions are.
    pub(super) lambda: String,
}

impl Assign {
    /// The actor types of a schema with their functions: as callboard.toml says, or
    /// as the functions themselves answer.
    pub(super) async fn types(&self, schema: &Schema) -> Result<Vec<Served>, Failure> {
        let mut by_type: BTreeMap<String, Vec<&FunctionConfig>> = BTreeMap::new();
        for function in &self.functions {
            for actor_type in self.types_of(schema, function).await? {
                by_type.entry(actor_type).or_default().push(function);
            }
        }
        let of = |actor: &ActorType| {
            let name = actor.type_name();
            match by_type.get(name).map(Vec::as_slice).unwrap_or_default() {
                [] => Ok(Served { actor_type: name.to_owned(), function: None }),
                [one] => {
                    let function = Some((*one).clone());
                    Ok(Served { actor_type: name.to_owned(), function })
                }
                [one, other, ..] => Err(Failure::new(format!(
                    "the functions {} and {} both serve {name}; let {FILE} say which one does, with \
                     `actors = [\"{name}\"]` in its [functions.…]",
                    one.name, other.name
                ))),
            }
        };
        schema.actors().iter().map(of).collect()
    }

    async fn types_of(
        &self,
        schema: &Schema,
        function: &FunctionConfig,
    ) -> Result<Vec<String>, Failure> {
        let Self { project, functions, config, lambda } = self;
        let known = |name: &String| schema.actor(name).is_some();
        let said = project.functions.get(&function.name).map(|entry| entry.actors.as_slice());
        if let Some(said @ [_, ..]) = said {
            if let Some(unknown) = said.iter().find(|name| !known(name)) {
                let known: Vec<_> = schema.actors().iter().map(ActorType::type_name).collect();
                return Err(Failure::new(format!(
                    "{FILE}: function {} is to serve {unknown}, and the .proto files have {}",
                    function.name,
                    known.join(", ")
                )));
            }
            return Ok(said.to_vec());
        }
        let name = function.name.clone();
        let asked = Functions::new(config, Some(lambda), [(name.clone(), name)]);
        let function = asked.of(&function.name).expect("it was just put in");
        match function.ping().await {
            Ok(pong) => {
                let (served, others): (Vec<_>, Vec<_>) =
                    pong.actor_types.into_iter().partition(|name| known(name));
                for other in others {
                    tracing::warn!(
                        function = function.name(),
                        actor_type = other,
                        "the function serves an actor type that the .proto files do not have"
                    );
                }
                Ok(served)
            }
            Err(failure) => {
                tracing::error!(function = function.name(), %failure, "the function does not run");
                // With one function there is no doubt whose messages wait for it.
                let all = schema.actors().iter().map(|actor| actor.type_name().to_owned());
                Ok(if functions.len() == 1 { all.collect() } else { Vec::new() })
            }
        }
    }
}
