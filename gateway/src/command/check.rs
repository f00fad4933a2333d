//! `callboard check`: do .proto files compile, and do they describe actors?

use std::path::PathBuf;

use callboard_proto::schema::{Kind, Method, Schema};

use super::Failure;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder with the .proto files.
    #[arg(default_value = ".")]
    dir: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let schema = compile(&arguments.dir)?;
    print!("{}", describe(&schema));
    Ok(())
}

pub(crate) fn compile(dir: &std::path::Path) -> Result<Schema, Failure> {
    Schema::compile_dir(dir).map_err(|errors| Failure(errors.to_string()))
}

/// What a method is to its sender.
fn kind(method: &Method) -> &'static str {
    match method.kind() {
        Kind::Tell => "tell",
        Kind::Ask if method.is_read_only() => "read",
        Kind::Ask => "ask",
        Kind::Answer => "answer",
    }
}

/// The actor types with their methods, a line each.
pub(crate) fn describe(schema: &Schema) -> String {
    let mut text = String::new();
    for actor in schema.actors() {
        text += &format!("  {}\n", actor.type_name());
        let longest = |of: &dyn Fn(&Method) -> &str| {
            actor.methods().iter().map(|method| of(method).len()).max().unwrap_or(0)
        };
        let (kinds, names) = (longest(&|method| kind(method)), longest(&|method| method.name()));
        for method in actor.methods() {
            let (kind, name) = (kind(method), method.name());
            let (input, output) = (method.input().name(), method.output().name());
            // Answers come from actors alone anyway.
            let is_marked = method.is_internal() && method.kind() != Kind::Answer;
            let mark = if is_marked { "  (internal)" } else { "" };
            text += &format!("    {kind:kinds$}  {name:names$}  {input} → {output}{mark}\n");
        }
    }
    text
}
