//! `callboard config show`: each setting with the value in force, and where it is from.
//!
//! What it prints is a file of settings.

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command};

use super::{Parsed, definition, innermost, is_setting};
use crate::command::serve;

/// Under what settings stand that have no heading.
const NO_HEADING: &str = "Other";

/// `callboard config`.
pub(crate) fn command() -> Command {
    let show = serve::Arguments::augment_args(Command::new("show"))
        .about("Print each setting of `serve` with its value and where that is from")
        .after_help(
            "It takes what `callboard serve` takes, and what it prints can be the file of --config.",
        )
        .mut_args(|argument| argument.required(false))
        .args_conflicts_with_subcommands(true);
    #[cfg(feature = "local")]
    let show = show.subcommand(
        crate::command::dev::Arguments::augment_args(Command::new("dev"))
            .about("Print those of `dev`"),
    );
    Command::new("config")
        .about("Show the settings of a gateway")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(show)
}

pub(super) fn text(parsed: &Parsed) -> String {
    let settings = definition(&parsed.command, &parsed.path);
    let (_, matches) = innermost(&parsed.matches);
    let (mut headings, mut lines): (Vec<&str>, Vec<(&str, String)>) = Default::default();
    for argument in settings.get_arguments().filter(|argument| is_setting(argument)) {
        let heading = argument.get_help_heading().unwrap_or(NO_HEADING);
        if !headings.contains(&heading) {
            headings.push(heading);
        }
        lines.push((heading, line(argument, matches, parsed)));
    }
    let section = |heading: &&str| {
        let lines = lines.iter().filter(|(of, _)| of == heading);
        let lines: Vec<_> = lines.map(|(_, line)| line.as_str()).collect();
        format!("# {heading}\n{}", lines.join("\n"))
    };
    headings.iter().map(section).collect::<Vec<_>>().join("\n\n")
}

fn line(argument: &Arg, matches: &ArgMatches, parsed: &Parsed) -> String {
    let (id, name) = (argument.get_id().as_str(), argument.get_long().unwrap_or_default());
    let in_file = parsed.from_file.get(id);
    let origin = match (in_file, matches.value_source(id)) {
        (Some(place), _) => place.clone(),
        (None, Some(ValueSource::CommandLine)) => "flag".to_owned(),
        (None, Some(ValueSource::EnvVariable)) => {
            argument.get_env().unwrap_or_default().to_string_lossy().into_owned()
        }
        (None, Some(_)) => "default".to_owned(),
        (None, None) => return format!("# {name} is not set"),
    };
    if argument.is_hide_env_values_set() {
        return format!("# {name} is set, and not shown; {origin}");
    }
    let values = matches.get_raw(id).into_iter().flatten();
    let values: Vec<_> = values.map(|value| value.to_string_lossy().into_owned()).collect();
    let is_number = |text: &str| text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
    let written = |text: &String| match is_number(text) {
        true => text.clone(),
        // JSON's strings are TOML's.
        false => serde_json::Value::from(text.as_str()).to_string(),
    };
    let value = match (argument.get_action(), values.as_slice()) {
        (ArgAction::SetTrue, [value]) => value.clone(),
        (ArgAction::SetTrue, _) => "false".to_owned(),
        (ArgAction::Append, values) => {
            format!("[{}]", values.iter().map(written).collect::<Vec<_>>().join(", "))
        }
        (_, values) => values.first().map(written).unwrap_or_default(),
    };
    format!("{name} = {value}  # {origin}")
}
