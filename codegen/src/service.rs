//! What ties the trait of an actor to its actor type: from a method's name and
//! bytes to a handler.

use callboard_proto::schema::Kind;

use crate::actor::{Actor, Method};
use crate::config::SDK;
use crate::ident;

pub(crate) fn append(actor: &Actor, code: &mut String) {
    let (name, type_name) = (&actor.name, actor.schema.type_name());
    code.push_str(&format!(
        "/// Ties [`{name}Actor`] to its actor type, `{type_name}`.
#[derive(Clone, Copy, Debug)]
pub struct {name}Service;
"
    ));
    append_answers(actor, code);
    let answers = names_of_answers(actor);
    code.push_str(&format!(
        "impl<A: {name}Actor> {SDK}::Service<A> for {name}Service {{
    const TYPE: &'static str = \"{type_name}\";
{answers}    async fn dispatch(
        actor: &mut A,
        method: &str,
        payload: &[u8],
        ctx: &mut {SDK}::Context<'_>,
    ) -> {SDK}::Result<{SDK}::Payload> {{
        match method {{
"
    ));
    for method in &actor.methods {
        let arguments = match method.schema.is_read_only() {
            true => ("&*actor", "&*ctx"),
            false => ("actor", "ctx"),
        };
        append_arm(actor, method, arguments, code);
    }
    append_unknown(code);
    code.push_str(&format!(
        "    async fn read(
        actor: &A,
        method: &str,
        payload: &[u8],
        ctx: &{SDK}::Context<'_>,
    ) -> {SDK}::Result<{SDK}::Payload> {{
"
    ));
    let mut read_only =
        actor.methods.iter().filter(|method| method.schema.is_read_only()).peekable();
    if read_only.peek().is_none() {
        code.push_str("        let _ = (actor, payload, ctx);\n");
    }
    code.push_str("        match method {\n");
    for method in read_only {
        append_arm(actor, method, ("actor", "ctx"), code);
    }
    append_unknown(code);
    code.push_str("}\n");
}

/// A constant for each method that takes answers: what an ask is given.
fn append_answers(actor: &Actor, code: &mut String) {
    let is_answer = |method: &&Method| method.schema.kind() == Kind::Answer;
    let mut answers = actor.methods.iter().filter(is_answer).peekable();
    if answers.peek().is_none() {
        return;
    }
    code.push_str(&format!("impl {}Service {{\n", actor.name));
    for method in answers {
        let (request, method_name) = (&method.request, method.schema.name());
        let constant = match ident::screaming(&method.name) {
            // The actor type is called so.
            taken if taken == "TYPE" => "TYPE_".to_owned(),
            free => free,
        };
        code.push_str(&format!(
            "    /// Takes answers with [`{actor}Actor::{name}`].
    pub const {constant}: {SDK}::AnswerHandler<{request}> =
        {SDK}::AnswerHandler::new(\"{type_name}\", \"{method_name}\");
",
            actor = actor.name,
            name = method.name,
            type_name = actor.schema.type_name(),
        ));
    }
    code.push_str("}\n");
}

/// The methods that take answers, by their names, if there are any.
fn names_of_answers(actor: &Actor) -> String {
    let is_answer = |method: &&Method| method.schema.kind() == Kind::Answer;
    let names = actor.methods.iter().filter(is_answer);
    let names: Vec<_> = names.map(|method| format!("\"{}\"", method.schema.name())).collect();
    match names[..] {
        [] => String::new(),
        _ => format!("    const ANSWERS: &'static [&'static str] = &[{}];\n", names.join(", ")),
    }
}

/// The arm of one method; the names of actor and context come with what the
/// handler needs before them.
fn append_arm(actor: &Actor, method: &Method, (this, ctx): (&str, &str), code: &mut String) {
    const OPTION: &str = "::core::option::Option";
    const DONE: &str = "::core::result::Result::Ok(::callboard_lambda_sdk::Payload::new())";
    // Called by the trait's name: `Actor` may have a method of this name.
    let call = format!("{}Actor::{}", actor.name, method.name);
    let decode = format!("let request = {SDK}::decode(payload)?;");
    let body = match method.schema.kind() {
        Kind::Ask => {
            format!(
                "{decode}
                {SDK}::encode(&{call}({this}, request, {ctx}).await?)"
            )
        }
        Kind::Tell => format!(
            "{decode}
                {call}({this}, request, {ctx}).await?;
                {DONE}"
        ),
        Kind::Answer => format!(
            "if let {OPTION}::Some(answer) = {SDK}::answer({ctx}, payload)? {{
                    {call}({this}, answer, {ctx}).await?;
                }}
                {DONE}"
        ),
    };
    let name = method.schema.name();
    code.push_str(&format!(
        "            \"{name}\" => {{
                {body}
            }}
"
    ));
}

fn append_unknown(code: &mut String) {
    code.push_str(&format!(
        "            other => {{
                let actor_type = <Self as {SDK}::Service<A>>::TYPE;
                ::core::result::Result::Err({SDK}::Error::unknown_method(actor_type, other))
            }}
        }}
    }}
"
    ));
}
