//! .proto files → a pool of descriptors, or all that is wrong with the files.
//!
//! protox parses and prost-reflect resolves. The loop over files and imports is
//! here, and not protox's own, which ends at the first error.

use std::collections::HashMap;

use miette::Diagnostic;
use prost_reflect::prost_types::FileDescriptorProto;
use prost_reflect::{DescriptorError, DescriptorPool};
use protox::file::File;

use super::error::{Error, Errors};
use super::place::place;
use super::source::Sources;

/// The number of `dependency` in a FileDescriptorProto.
const DEPENDENCY: i32 = 3;

/// Compiles the files of these import paths and all that they import.
pub(super) fn compile(names: &[String], sources: &Sources) -> Result<DescriptorPool, Errors> {
    let mut compiler = Compiler {
        sources,
        pool: DescriptorPool::new(),
        added: Vec::new(),
        states: HashMap::new(),
        errors: Vec::new(),
    };
    for name in names {
        if compiler.load(name) == State::Missing {
            let error = Error::new(sources.display(name), "there is no such file or folder");
            compiler.errors.push(error);
        }
    }
    if compiler.errors.is_empty() { Ok(compiler.pool) } else { Err(Errors::new(compiler.errors)) }
}

struct Compiler<'a> {
    sources: &'a Sources,
    pool: DescriptorPool,
    /// What is in the pool.
    added: Vec<FileDescriptorProto>,
    states: HashMap<String, State>,
    errors: Vec<Error>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Its imports are being loaded.
    Open,
    /// In the pool.
    Good,
    /// Its errors, or those of one of its imports, are recorded.
    Bad,
    Missing,
}

impl Compiler<'_> {
    /// Loads the file after its imports. A file with a bad import is not looked
    /// at any further: what it would miss is no news.
    fn load(&mut self, name: &str) -> State {
        if let Some(state) = self.states.get(name) {
            return *state;
        }
        self.states.insert(name.to_owned(), State::Open);
        let state = match self.sources.open(name) {
            None => State::Missing,
            Some(Err(errors)) => {
                self.errors.extend(errors);
                State::Bad
            }
            Some(Ok(file)) if self.load_imports(&file) => self.add(file),
            Some(Ok(_)) => State::Bad,
        };
        self.states.insert(name.to_owned(), state);
        state
    }

    /// Whether all imports of the file are good.
    fn load_imports(&mut self, file: &File) -> bool {
        let descriptor = file.file_descriptor_proto();
        let mut good = true;
        for (index, import) in (0..).zip(&descriptor.dependency) {
            let (message, help) = match self.load(import) {
                State::Good => continue,
                State::Bad => {
                    good = false;
                    continue;
                }
                State::Open => (
                    format!("the import of `{import}` leads back to this file"),
                    "move what both need to a third file".to_owned(),
                ),
                State::Missing => (
                    format!("the import `{import}` is not found"),
                    match self.sources.searched() {
                        searched if searched.is_empty() => "add the file".to_owned(),
                        searched => format!("an import path is relative to {searched}"),
                    },
                ),
            };
            let error = Error::new(self.sources.display(file.name()), message)
                .at(place(descriptor, &[DEPENDENCY, index]))
                .help(help);
            self.errors.push(error);
            good = false;
        }
        good
    }

    fn add(&mut self, file: File) -> State {
        let source = file.source().unwrap_or_default().to_owned();
        let descriptor = FileDescriptorProto::from(file);
        match self.pool.add_file_descriptor_proto(descriptor.clone()) {
            Ok(()) => {
                self.added.push(descriptor);
                State::Good
            }
            Err(error) => {
                let error = error.with_source_code(&source);
                let name = self.sources.display(descriptor.name());
                self.errors.extend(descriptor_errors(&error, &source, &name));
                // A pool that has refused a file may keep traces of its extensions.
                self.pool = DescriptorPool::new();
                self.pool
                    .add_file_descriptor_protos(self.added.iter().cloned())
                    .expect("the pool has taken these files before");
                State::Bad
            }
        }
    }
}

/// All that the parser finds wrong with one file.
pub(super) fn parse_errors(error: &protox::Error, source: &str, file: &str) -> Vec<Error> {
    diagnoses(error, source, file).collect()
}

/// All that the resolver finds wrong with one file.
pub(super) fn descriptor_errors(error: &DescriptorError, source: &str, file: &str) -> Vec<Error> {
    let mut errors: Vec<_> = diagnoses(error, source, file).collect();
    // Known even where there is no source: in a descriptor set.
    if let (None, Some(line), Some(column)) = (errors[0].line, error.line(), error.column()) {
        let from_one = |number: usize| u32::try_from(number + 1).ok();
        errors[0] = errors[0].clone().at(from_one(line).zip(from_one(column)));
    }
    errors
}

fn diagnoses<'a>(
    diagnostic: &'a dyn Diagnostic,
    source: &'a str,
    file: &'a str,
) -> impl Iterator<Item = Error> + 'a {
    let related = diagnostic.related().into_iter().flatten();
    std::iter::once(diagnostic).chain(related).map(move |one| {
        let mut message = one.to_string();
        let mut cause = std::error::Error::source(one);
        while let Some(deeper) = cause {
            message += &format!(": {deeper}");
            cause = deeper.source();
        }
        let error = Error::new(file, message).at(label(one, source));
        match one.help() {
            Some(help) => error.help(help.to_string()),
            None => error,
        }
    })
}

/// Where an error says that it is. Of several labels the one at the offender,
/// rather than the one at what it is in conflict with. An error without label
/// is one at the end of the file.
fn label(diagnostic: &dyn Diagnostic, source: &str) -> Option<(u32, u32)> {
    let rank = |text: Option<&str>| match text.unwrap_or_default() {
        text if text.contains("found") || text.contains("again") => 0,
        "defined here" => 1,
        _ => 2,
    };
    let mut labels = diagnostic.labels().into_iter().flatten();
    let best = labels.by_ref().min_by_key(|label| rank(label.label()));
    let offset = match best {
        Some(label) => label.offset(),
        None if diagnostic.to_string().ends_with("end of file") => source.trim_end().len(),
        None => return None,
    };
    let before = source.get(..offset)?;
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    u32::try_from(line).ok().zip(u32::try_from(column).ok())
}
