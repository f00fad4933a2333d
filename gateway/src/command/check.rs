//! `callboard check`: do .proto files compile, and do they describe actors?

use std::path::PathBuf;

use callboard_proto::schema::{Kind, Schema};

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

/// The actor types with their methods, a line each.
pub(crate) fn describe(schema: &Schema) -> String {
    let mut text = String::new();
    for actor in schema.actors() {
        text += &format!("  {}\n", actor.type_name());
        let width = actor.methods().iter().map(|method| method.name().len()).max().unwrap_or(0);
        for method in actor.methods() {
            let kind = match method.kind() {
                Kind::Tell => "tell",
                Kind::Ask => "ask ",
            };
            let (name, input, output) =
                (method.name(), method.input().name(), method.output().name());
            text += &format!("    {kind}  {name:width$}  {input} → {output}\n");
        }
    }
    text
}
