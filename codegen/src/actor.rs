//! The trait of an actor, and what ties it to its actor type.

use std::collections::HashMap;

use callboard_proto::schema::{ActorType, Kind, Schema};
use prost_build::{Comments, Method, Service, ServiceGenerator};

use crate::config::SDK;

/// Generates code for the services that are actors.
pub(crate) struct Actors {
    /// By the full names of the services.
    actors: HashMap<String, ActorType>,
}

impl Actors {
    pub(crate) fn of(schema: &Schema) -> Self {
        let by_service =
            |actor: &ActorType| (actor.service().full_name().to_owned(), actor.clone());
        Actors { actors: schema.actors().iter().map(by_service).collect() }
    }
}

impl ServiceGenerator for Actors {
    fn generate(&mut self, service: Service, code: &mut String) {
        let full_name = match service.package.as_str() {
            "" => service.proto_name.clone(),
            package => format!("{package}.{}", service.proto_name),
        };
        if let Some(actor) = self.actors.get(&full_name) {
            append_trait(&service, actor, code);
            append_service(&service, actor, code);
        }
    }
}

fn kind(actor: &ActorType, method: &Method) -> Kind {
    let method = actor.method(&method.proto_name);
    method.expect("the schema has the methods of the service").kind()
}

fn append_trait(service: &Service, actor: &ActorType, code: &mut String) {
    let fallback = format!("What an actor of the type `{}` understands.", actor.type_name());
    append_docs(service.comments.clone(), &fallback, 0, code);
    code.push_str(&format!("pub trait {}Actor: {SDK}::Actor {{\n", service.name));
    for method in &service.methods {
        let (response, fallback) = match kind(actor, method) {
            Kind::Ask => (method.output_type.as_str(), "an ask"),
            Kind::Tell => ("()", "a tell"),
        };
        let fallback = format!("Handles `{}`, {fallback}.", method.proto_name);
        append_docs(method.comments.clone(), &fallback, 1, code);
        code.push_str(&format!(
            "    fn {name}(
        &mut self,
        request: {request},
        ctx: &mut {SDK}::Context<'_>,
    ) -> impl ::core::future::Future<Output = {SDK}::Result<{response}>> + ::core::marker::Send;
",
            name = method.name,
            request = method.input_type,
        ));
    }
    code.push_str("}\n");
}

fn append_service(service: &Service, actor: &ActorType, code: &mut String) {
    let (name, type_name) = (&service.name, actor.type_name());
    code.push_str(&format!(
        "/// Ties [`{name}Actor`] to its actor type, `{type_name}`.
#[derive(Clone, Copy, Debug)]
pub struct {name}Service;
impl<A: {name}Actor> {SDK}::Service<A> for {name}Service {{
    const TYPE: &'static str = \"{type_name}\";
    async fn dispatch(
        actor: &mut A,
        method: &str,
        payload: &[u8],
        ctx: &mut {SDK}::Context<'_>,
    ) -> {SDK}::Result<{SDK}::Payload> {{
        match method {{
"
    ));
    for method in &service.methods {
        // Called by the trait's name: `Actor` may have a method of this name.
        let call = format!("{name}Actor::{}(actor, request, ctx).await?", method.name);
        let respond = match kind(actor, method) {
            Kind::Ask => format!("{SDK}::encode(&{call})"),
            Kind::Tell => format!(
                "{call};\n                ::core::result::Result::Ok({SDK}::Payload::new())"
            ),
        };
        code.push_str(&format!(
            "            \"{}\" => {{
                let request = {SDK}::decode(payload)?;
                {respond}
            }}
",
            method.proto_name
        ));
    }
    code.push_str(&format!(
        "            other => {{
                let actor_type = <Self as {SDK}::Service<A>>::TYPE;
                ::core::result::Result::Err({SDK}::Error::unknown_method(actor_type, other))
            }}
        }}
    }}
}}
"
    ));
}

/// The comment, or the fallback where there is none.
fn append_docs(mut comments: Comments, fallback: &str, indent: u8, code: &mut String) {
    comments.leading_detached.clear();
    if comments.leading.is_empty() && comments.trailing.is_empty() {
        comments.leading.push(format!(" {fallback}"));
    }
    comments.append_with_indent(indent, code);
}
