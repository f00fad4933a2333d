//! Which function serves which actor type.

use std::collections::BTreeMap;
use std::sync::Arc;

use callboard_gateway::Functions;
use callboard_gateway::functions::Invoker;
use callboard_local::FunctionConfig;
use callboard_proto::schema::{ActorType, Schema};

use crate::command::Failure;
use crate::command::project::{FILE, Project};

/// An actor type and the function that serves it.
pub(super) struct Served {
    pub(super) actor_type: String,
    /// `None`: its callers get ACTOR_NOT_DEPLOYED.
    pub(super) function: Option<FunctionConfig>,
}

/// What finds out which function serves which actor type.
pub(super) struct Assign {
    pub(super) project: Project,
    pub(super) functions: Vec<FunctionConfig>,
    pub(super) invoker: Arc<dyn Invoker>,
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
        let Self { project, functions, invoker } = self;
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
        let asked = Functions::invoked_by(Arc::clone(invoker), [(name.clone(), name)]);
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
