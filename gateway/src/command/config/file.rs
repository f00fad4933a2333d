//! A file with settings.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::Resettable;
use clap::{Arg, ArgAction, Command, ValueHint};
#[cfg(any(test, feature = "local"))]
use serde::Deserialize;
use toml::{Spanned, Value};

use super::{is_setting, nearest};
use crate::command::Failure;

/// The largest file that is read, in bytes.
const BYTES_MAX: u64 = 1024 * 1024;

type Entries = BTreeMap<Spanned<String>, Spanned<Value>>;

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Settings alone.
    Settings,
    /// A project of `callboard dev`, perhaps with settings in its section `gateway`.
    #[cfg(any(test, feature = "local"))]
    Project,
}

/// The settings in a file, as they are written.
pub(super) struct File {
    path: PathBuf,
    text: String,
    entries: Entries,
}

/// A setting in a file.
pub(super) struct Setting<'a> {
    pub(super) argument: &'a Arg,
    /// The file, and the line in it.
    pub(super) place: String,
    /// How it would be on the command line; empty for a switch that is off.
    pub(super) flags: Vec<OsString>,
}

impl File {
    /// Reads a file.
    pub(super) fn read(path: &Path, layout: Layout) -> Result<Self, Failure> {
        let unreadable = |error: &dyn std::fmt::Display| {
            Failure::new(format!("cannot read the settings in {}: {error}", path.display()))
        };
        let size = std::fs::metadata(path).map_err(|error| unreadable(&error))?.len();
        if size > BYTES_MAX {
            return Err(unreadable(&format!("it has more than {BYTES_MAX} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(&error))?;
        Self::parse(path, text, layout).map_err(|error| unreadable(&error))
    }

    pub(super) fn parse(
        path: &Path,
        text: String,
        layout: Layout,
    ) -> Result<Self, toml::de::Error> {
        let entries = match layout {
            Layout::Settings => toml::from_str(&text)?,
            #[cfg(any(test, feature = "local"))]
            Layout::Project => toml::from_str::<Project>(&text)?.gateway,
        };
        Ok(Self { path: path.to_owned(), text, entries })
    }

    /// The settings of a command.
    ///
    /// # Errors
    /// When the command has no such setting, or its value is not valid.
    pub(super) fn settings<'a>(&self, command: &'a Command) -> Result<Vec<Setting<'a>>, Failure> {
        let known: Vec<_> = command.get_arguments().filter(|a| is_setting(a)).collect();
        let named = |name: &str| known.iter().find(|a| a.get_long() == Some(name)).copied();
        let read = self.entries.iter().map(|(name, value)| {
            let place = self.place(name.span().start);
            let name = name.get_ref().as_str();
            let Some(argument) = named(name) else {
                let known = known.iter().filter_map(|argument| argument.get_long());
                return Err(unknown(&place, name, nearest(name, known), command.get_name()));
            };
            let wrong = |text: &str| Failure::new(format!("{place}: {name}: {text}"));
            let flags = flags(argument, name, value.get_ref(), self.folder()).map_err(wrong)?;
            check(argument, &flags).map_err(|text| wrong(&text))?;
            Ok(Setting { argument, place, flags })
        });
        read.collect()
    }

    /// What paths in it are relative to.
    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    fn place(&self, at: usize) -> String {
        let before = self.text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        format!("{}:{line}", self.path.display())
    }
}

/// A project's file; `dev` reads the rest of it.
#[cfg(any(test, feature = "local"))]
#[derive(Deserialize)]
struct Project {
    #[serde(default)]
    gateway: Entries,
}

fn unknown(place: &str, name: &str, nearest: Option<&str>, command: &str) -> Failure {
    let hint = match nearest {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => format!("`callboard {command} --help` tells all of them"),
    };
    Failure::new(format!("{place}: {name} is no setting; {hint}"))
}

/// A setting as it would be on the command line.
fn flags(
    argument: &Arg,
    name: &str,
    value: &Value,
    folder: &Path,
) -> Result<Vec<OsString>, &'static str> {
    let is_list = matches!(argument.get_action(), ArgAction::Append);
    let texts = match (argument.get_action(), value) {
        (ArgAction::SetTrue, Value::Boolean(true)) => return Ok(vec![format!("--{name}").into()]),
        (ArgAction::SetTrue, Value::Boolean(false)) => return Ok(Vec::new()),
        (ArgAction::SetTrue, _) => return Err("it is true or false"),
        (_, Value::Array(values)) if is_list => {
            values.iter().map(text).collect::<Result<_, _>>()?
        }
        (_, Value::Table(values)) if is_list => values
            .iter()
            .map(|(key, value)| text(value).map(|text| format!("{key}={text}")))
            .collect::<Result<_, _>>()?,
        (_, value) => vec![text(value)?],
    };
    let is_path = matches!(
        argument.get_value_hint(),
        ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath
    );
    let flag = |text: String| {
        let mut flag = OsString::from(format!("--{name}="));
        // Where a URL may stand for a path, it stays as it is.
        match is_path && !text.contains("://") {
            true => flag.push(folder.join(text)),
            false => flag.push(text),
        }
        flag
    };
    Ok(texts.into_iter().map(flag).collect())
}

fn text(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Boolean(value) => Ok(value.to_string()),
        Value::Datetime(_) => Err("it is not a time"),
        Value::Array(_) | Value::Table(_) => Err("it is one value"),
    }
}

/// Has clap read a setting by itself, so that an error is told with its place.
fn check(argument: &Arg, flags: &[OsString]) -> Result<(), String> {
    let alone = argument
        .clone()
        .required(false)
        .env(Resettable::Reset)
        .requires(Resettable::Reset)
        .conflicts_with(Resettable::Reset)
        .overrides_with(Resettable::Reset)
        .required_unless_present(Resettable::Reset)
        .group(Resettable::Reset);
    let command = Command::new("file").no_binary_name(true).disable_help_flag(true).arg(alone);
    command.try_get_matches_from(flags).map(drop).map_err(|error| {
        let text = error.to_string();
        let (first, _) = text.split_once("\n\n").unwrap_or((&text, ""));
        first.trim_start_matches("error: ").trim_end().to_owned()
    })
}
