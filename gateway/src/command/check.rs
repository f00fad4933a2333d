//! `callboard check`: do .proto files compile, do they describe actors, and what
//! would they break that is in use?

use std::path::{Path, PathBuf};

use callboard_proto::schema::{Finding, Kind, Method, Schema, Weight, Whom, compare};

use super::Failure;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder with the .proto files, or a file with a descriptor set.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// What is in use: a folder or a descriptor set too. Tells what DIR would break for callers,
    /// queued messages and stored state, and fails if that is anything.
    #[arg(long, value_name = "OLD")]
    against: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let schema = compile(&arguments.dir)?;
    // The rules for requests too.
    super::schema::catalog(schema.clone())?;
    let Some(old) = &arguments.against else {
        print!("{}", describe(&schema));
        return Ok(());
    };
    let findings = compare(&compile(old)?, &schema);
    print!("{}", report(&findings));
    match findings.iter().filter(|finding| finding.weight == Weight::Breaks).count() {
        0 => {
            println!("nothing breaks");
            Ok(())
        }
        1 => Err(Failure::new("1 change breaks something")),
        count => Err(Failure::new(format!("{count} changes break something"))),
    }
}

pub(crate) fn compile(dir: &Path) -> Result<Schema, Failure> {
    Schema::load(dir).map_err(|errors| Failure(errors.to_string()))
}

/// The findings, below whom they concern.
fn report(findings: &[Finding]) -> String {
    const GROUPS: [(Weight, Whom, &str); 6] = [
        (Weight::Breaks, Whom::Callers, "breaks callers"),
        (Weight::Breaks, Whom::Queued, "breaks queued messages"),
        (Weight::Breaks, Whom::State, "breaks stored state"),
        (Weight::Notice, Whom::Callers, "worth knowing, for callers"),
        (Weight::Notice, Whom::Queued, "worth knowing, for queued messages"),
        (Weight::Notice, Whom::State, "worth knowing, for stored state"),
    ];
    let mut text = String::new();
    for (weight, whom, title) in GROUPS {
        let is_here = |finding: &&Finding| (finding.weight, finding.whom) == (weight, whom);
        let mut here = findings.iter().filter(is_here).peekable();
        if here.peek().is_some() {
            text += &format!("{title}:\n");
        }
        for finding in here {
            for line in finding.what.to_string().lines() {
                text += &format!("  {line}\n");
            }
        }
    }
    text
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
