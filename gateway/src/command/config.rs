//! Where settings come from: a flag goes before a variable of the environment, that
//! before the file of `--config`, and that before the default.
//!
//! The flags are the one definition of the settings. What the file says is given to
//! clap as flags, where neither a flag nor a variable is; so a setting is read in the
//! same way wherever it stands, and a new flag is a setting without further ado.

mod environment;
mod file;
mod show;

use std::collections::BTreeMap;
use std::ffi::OsString;
#[cfg(feature = "local")]
use std::path::Path;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::Failure;
use file::{File, Layout, Setting};

pub(crate) use show::command;

/// The flag that names the file. Subcommands that have it have settings.
const CONFIG: &str = "config";

/// The argument of `dev` that names its folder.
#[cfg(feature = "local")]
const FOLDER: &str = "dir";

/// The project's file in that folder.
#[cfg(feature = "local")]
const PROJECT: &str = "callboard.toml";

/// Why there are no arguments.
pub(crate) enum Error {
    /// clap says so, or help was asked for.
    Clap(clap::Error),
    /// A setting is not valid that is no flag.
    Setting(Failure),
}

impl From<clap::Error> for Error {
    fn from(error: clap::Error) -> Self {
        Self::Clap(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Setting(failure)
    }
}

/// Arguments, and where those came from that the file has.
pub(crate) struct Parsed {
    pub(crate) matches: ArgMatches,
    /// The subcommands that were named, as they are defined.
    path: Vec<String>,
    command: Command,
    /// The arguments that the file has, with their places in it.
    from_file: BTreeMap<String, String>,
}

/// Reads the command line, and the settings that are not on it.
pub(crate) fn parse(command: &Command, arguments: &[OsString]) -> Result<Parsed, Error> {
    let Ok(given) = without_requirements(command.clone()).try_get_matches_from(arguments) else {
        // Again with what is required, so that help tells it.
        let matches = command.clone().try_get_matches_from(arguments)?;
        return Ok(Parsed::of(command, matches));
    };
    let (path, innermost) = innermost(&given);
    let settings = definition(command, &path);
    if !settings.get_arguments().any(|argument| argument.get_id() == CONFIG) {
        let matches = command.clone().try_get_matches_from(arguments)?;
        return Ok(Parsed::of(command, matches));
    }
    environment::check(command, std::env::vars_os().map(|(name, _)| name))?;
    let mut arguments = arguments.to_vec();
    let mut from_file = BTreeMap::new();
    if let Some(file) = file(settings, innermost)? {
        // After the name of the subcommand, before everything that is given.
        let at = place(&arguments, &path);
        for Setting { argument, place, flags } in file.settings(settings)? {
            let id = argument.get_id().as_str();
            let is_given = matches!(
                innermost.value_source(id),
                Some(ValueSource::CommandLine | ValueSource::EnvVariable)
            );
            if !is_given {
                from_file.insert(id.to_owned(), place);
                arguments.splice(at..at, flags);
            }
        }
    }
    let matches = command.clone().try_get_matches_from(arguments)?;
    Ok(Parsed { from_file, ..Parsed::of(command, matches) })
}

impl Parsed {
    fn of(command: &Command, matches: ArgMatches) -> Self {
        let path = innermost(&matches).0;
        Self { matches, path, command: command.clone(), from_file: BTreeMap::new() }
    }

    /// What `callboard config show` prints, if that is what is wanted.
    pub(crate) fn shown(&self) -> Option<String> {
        let is_show = self.path.starts_with(&["config".to_owned(), "show".to_owned()]);
        is_show.then(|| show::text(self))
    }
}

/// The file with settings, if there is one.
fn file(settings: &Command, given: &ArgMatches) -> Result<Option<File>, Failure> {
    if let Some(path) = given.get_one::<PathBuf>(CONFIG) {
        return File::read(path, Layout::Settings).map(Some);
    }
    #[cfg(feature = "local")]
    if settings.get_arguments().any(|argument| argument.get_id() == FOLDER) {
        let folder = given.get_one::<PathBuf>(FOLDER).map_or(Path::new("."), PathBuf::as_path);
        let path = folder.join(PROJECT);
        // Without it, or without the folder, `dev` says what it needs.
        if path.is_file() {
            return File::read(&path, Layout::Project).map(Some);
        }
    }
    #[cfg(not(feature = "local"))]
    let _ = settings;
    Ok(None)
}

/// A command that takes as little as it is given.
fn without_requirements(command: Command) -> Command {
    let command = command.mut_args(|argument| {
        argument
            .required(false)
            .requires(Resettable::Reset)
            .required_unless_present(Resettable::Reset)
    });
    command.mut_subcommands(without_requirements)
}

/// The names of the subcommands, and the matches of the last one.
fn innermost(matches: &ArgMatches) -> (Vec<String>, &ArgMatches) {
    let (mut path, mut innermost) = (Vec::new(), matches);
    while let Some((name, matches)) = innermost.subcommand() {
        path.push(name.to_owned());
        innermost = matches;
    }
    (path, innermost)
}

fn definition<'a>(command: &'a Command, path: &[String]) -> &'a Command {
    path.iter()
        .fold(command, |command, name| command.find_subcommand(name).expect("it was found before"))
}

/// Where the arguments of a subcommand begin. No value can be taken for its name:
/// the commands around it have no arguments with values that may stand before.
fn place(arguments: &[OsString], path: &[String]) -> usize {
    path.iter().fold(1, |from, name| {
        let after = arguments[from..].iter().position(|argument| argument == name.as_str());
        from + after.expect("it was found before") + 1
    })
}

/// What is known that is most like a name, if it is like it at all.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE_FROM: f64 = 0.7;
    let alike = known.map(|known| (strsim::jaro(name, known), known));
    let nearest = alike.filter(|(alike, _)| *alike > ALIKE_FROM).max_by(|a, b| a.0.total_cmp(&b.0));
    nearest.map(|(_, known)| known)
}

/// Whether an argument is a setting: it has a name, and is not about settings itself.
fn is_setting(argument: &Arg) -> bool {
    let id = argument.get_id().as_str();
    argument.get_long().is_some() && ![CONFIG, "help", "version"].contains(&id)
}

#[cfg(test)]
mod tests;
