//! What is generated for a service that is an actor: a trait, and what
//! [`service`](crate::service) and [`reference`](crate::reference) add.

use std::collections::{HashMap, HashSet};

use callboard_proto::schema::{self, ActorType, Kind, Schema};
use prost_build::{Comments, Service, ServiceGenerator};

use crate::config::SDK;
use crate::{Error, ident, reference, service};

/// Generates code for the services that are actors.
pub(crate) struct Actors {
    /// By the full names of the services.
    actors: HashMap<String, ActorType>,
    /// The full names of the messages that have been made states.
    states: HashSet<String>,
}

impl Actors {
    pub(crate) fn of(schema: &Schema) -> Self {
        let by_service =
            |actor: &ActorType| (actor.service().full_name().to_owned(), actor.clone());
        let actors = schema.actors().iter().map(by_service).collect();
        Actors { actors, states: HashSet::new() }
    }

    /// Checks that no message or enum has the name of a generated item.
    pub(crate) fn check_names(schema: &Schema) -> Result<(), Error> {
        for actor in schema.actors() {
            let (service, package) = (actor.service(), actor.service().package_name());
            let service_name = ident::upper_camel(service.name());
            let generated = ["Actor", "Service", "Ref"].map(|kind| format!("{service_name}{kind}"));
            let pool = schema.pool();
            let messages = pool.all_messages().map(|message| message.full_name().to_owned());
            let enums = pool.all_enums().map(|r#enum| r#enum.full_name().to_owned());
            for by in messages.chain(enums) {
                // Those in a message are in a module of their own.
                let outer = match package {
                    "" => Some(by.as_str()),
                    package => by.strip_prefix(package).and_then(|name| name.strip_prefix('.')),
                };
                let Some(outer) = outer.filter(|name| !name.contains('.')) else {
                    continue;
                };
                let name = ident::upper_camel(outer);
                if generated.contains(&name) {
                    let service = service.full_name().to_owned();
                    return Err(Error::NameTaken { name, service, by });
                }
            }
        }
        Ok(())
    }

    /// Makes the message a state that the actor names, unless it is one already:
    /// two actors may name the same.
    fn append_state(&mut self, actor: &Actor, code: &mut String) {
        let Some(state) = actor.schema.state() else {
            return;
        };
        if !self.states.insert(state.full_name().to_owned()) {
            return;
        }
        let name =
            state.full_name().strip_prefix(state.package_name()).unwrap_or(state.full_name());
        let mut parents: Vec<_> = name.trim_start_matches('.').split('.').collect();
        let message = parents.pop().map(ident::upper_camel);
        let path: Vec<_> = parents.into_iter().map(ident::snake).chain(message).collect();
        code.push_str(&format!("{SDK}::protobuf_state!({});\n", path.join("::")));
    }
}

impl ServiceGenerator for Actors {
    fn generate(&mut self, service: Service, code: &mut String) {
        let full_name = match service.package.as_str() {
            "" => service.proto_name.clone(),
            package => format!("{package}.{}", service.proto_name),
        };
        if let Some(schema) = self.actors.get(&full_name).cloned() {
            let actor = Actor::new(service, schema);
            self.append_state(&actor, code);
            append_trait(&actor, code);
            service::append(&actor, code);
            reference::append(&actor, code);
        }
    }
}

/// An actor: its names in Rust, and what the schema says of it.
pub(crate) struct Actor {
    /// The name of the service.
    pub(crate) name: String,
    pub(crate) schema: ActorType,
    pub(crate) methods: Vec<Method>,
    comments: Comments,
}

/// A method: its names in Rust, and what the schema says of it.
pub(crate) struct Method {
    pub(crate) name: String,
    /// The type of the request.
    pub(crate) request: String,
    /// The type of what is answered, `()` where that is nothing.
    pub(crate) response: String,
    pub(crate) schema: schema::Method,
    pub(crate) comments: Comments,
}

impl Actor {
    fn new(service: Service, schema: ActorType) -> Self {
        let method = |method: prost_build::Method| {
            let schema = schema.method(&method.proto_name);
            let schema = schema.expect("the schema has the methods of the service").clone();
            let response = match schema.kind() {
                Kind::Ask => method.output_type,
                Kind::Tell | Kind::Answer => "()".to_owned(),
            };
            Method {
                name: method.name,
                request: method.input_type,
                response,
                schema,
                comments: method.comments,
            }
        };
        Actor {
            methods: service.methods.into_iter().map(method).collect(),
            name: service.name,
            comments: service.comments,
            schema,
        }
    }
}

impl Method {
    /// What it is, with an article.
    pub(crate) fn kind(&self) -> &'static str {
        match self.schema.kind() {
            Kind::Ask if self.schema.is_read_only() => "a read-only ask",
            Kind::Ask => "an ask",
            Kind::Tell => "a tell",
            Kind::Answer => "the answer to an ask",
        }
    }
}

fn append_trait(actor: &Actor, code: &mut String) {
    let (name, type_name) = (&actor.name, actor.schema.type_name());
    let fallback = format!("What an actor of the type `{type_name}` understands.");
    append_docs(actor.comments.clone(), &fallback, 0, code);
    code.push_str(&format!(
        "#[diagnostic::on_unimplemented(
    message = \"`{{Self}}` has no handlers for the messages of `{type_name}`\",
    label = \"`{name}Actor` is not implemented for this type\",
    note = \"add `impl {name}Actor for {{Self}} {{{{ … }}}}` with an `async fn` for each method: {methods}\"
)]
pub trait {name}Actor: {SDK}::Actor {{\n",
        methods = names(actor),
    ));
    for method in &actor.methods {
        let fallback = format!("Handles `{}`, {}.", method.schema.name(), method.kind());
        append_docs(method.comments.clone(), &fallback, 1, code);
        let (this, context) = match method.schema.is_read_only() {
            true => ("&self, // `read_only` in the .proto: it changes nothing", "&"),
            false => ("&mut self,", "&mut "),
        };
        // rustc shows the line when a handler is not like it, and cuts a long one.
        let remark = match method.schema.kind() {
            Kind::Ask => "async fn",
            Kind::Tell => "a tell: async fn",
            Kind::Answer => "an answer: async fn",
        };
        let argument = match method.schema.kind() {
            Kind::Answer => format!("answer: {SDK}::Answer<{}>", method.request),
            Kind::Ask | Kind::Tell => format!("request: {}", method.request),
        };
        code.push_str(&format!(
            "    fn {name}(
        {this}
        {argument},
        ctx: {context}{SDK}::Context<'_>,
    ) -> impl ::core::future::Future<Output = {SDK}::Result<{response}>> + ::core::marker::Send; // {remark}
",
            name = method.name,
            response = method.response,
        ));
    }
    code.push_str("}\n");
}

/// The names of the handlers, for an error.
fn names(actor: &Actor) -> String {
    let names: Vec<_> = actor.methods.iter().map(|method| format!("`{}`", method.name)).collect();
    names.join(", ")
}

/// The comment, or the fallback where there is none.
pub(crate) fn append_docs(mut comments: Comments, fallback: &str, indent: u8, code: &mut String) {
    comments.leading_detached.clear();
    if comments.leading.is_empty() && comments.trailing.is_empty() {
        comments.leading.push(format!(" {fallback}"));
    }
    comments.append_with_indent(indent, code);
}
