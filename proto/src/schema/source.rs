//! Where .proto files come from: folders, single files, memory, and the files
//! that are built in.

use std::collections::BTreeMap;
use std::path::{self, Path, PathBuf};
use std::{fs, io};

use protox::file::{File, FileResolver as _, GoogleFileResolver};

use super::compile::parse_errors;
use super::error::Error;
use crate::PROTO_FILES;

/// How deep folders of .proto files may be nested. It ends a walk that a
/// symbolic link leads in circles.
const DEPTH_MAX: usize = 64;

/// The largest file that is read as a descriptor set.
const DESCRIPTOR_SET_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The files that a compilation may read, by import path.
///
/// Callboard's own files and Google's well-known types are built in and come
/// first: a user who keeps a copy of them, for other tools, gets no second
/// version of the options.
#[derive(Default)]
pub(super) struct Sources {
    /// The folders that import paths are relative to, in order.
    roots: Vec<PathBuf>,
    /// Sources that are held in memory.
    memory: BTreeMap<String, String>,
}

impl Sources {
    pub(super) fn in_folders(roots: Vec<PathBuf>) -> Self {
        Sources { roots, memory: BTreeMap::new() }
    }

    pub(super) fn in_memory(files: &[(&str, &str)]) -> Self {
        let owned = |(name, source): &(&str, &str)| ((*name).to_owned(), (*source).to_owned());
        Sources { roots: Vec::new(), memory: files.iter().map(owned).collect() }
    }

    /// The path of the file on disk; None for one that is built in, in memory,
    /// or not there.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        if is_built_in(name) || self.memory.contains_key(name) {
            return None;
        }
        let mut paths = self.roots.iter().map(|root| root.join(name));
        paths.find(|path| path.is_file())
    }

    /// What an error calls the file.
    pub(super) fn display(&self, name: &str) -> String {
        match self.path(name) {
            Some(path) => path.display().to_string(),
            None => name.to_owned(),
        }
    }

    /// The folders that are searched, for an error's help.
    pub(super) fn searched(&self) -> String {
        let quote = |root: &PathBuf| format!("`{}`", root.display());
        let roots: Vec<_> = self.roots.iter().map(quote).collect();
        roots.join(", ")
    }

    /// Reads and parses a file; None if there is none of this name.
    pub(super) fn open(&self, name: &str) -> Option<Result<File, Vec<Error>>> {
        if let Ok(file) = GoogleFileResolver::new().open_file(name) {
            return Some(Ok(file));
        }
        let built_in = PROTO_FILES.iter().find(|(path, _)| *path == name);
        let source = match (built_in, self.memory.get(name)) {
            (Some((_, source)), _) => (*source).to_owned(),
            (None, Some(source)) => source.clone(),
            (None, None) => match read(&self.path(name)?) {
                Ok(source) => source,
                Err(error) => return Some(Err(vec![error])),
            },
        };
        let parsed = File::from_source(name, &source);
        Some(parsed.map_err(|error| parse_errors(&error, &source, &self.display(name))))
    }
}

fn is_built_in(name: &str) -> bool {
    PROTO_FILES.iter().any(|(path, _)| *path == name)
        || GoogleFileResolver::new().open_file(name).is_ok()
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::new(path.display().to_string(), format!("cannot be read: {error}"))
}

/// Reads a file that holds a descriptor set.
pub(super) fn descriptor_set(path: &Path) -> Result<Vec<u8>, Error> {
    let unreadable = |error| unreadable(path, &error);
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > DESCRIPTOR_SET_BYTES_MAX {
        let message =
            format!("it has {size} bytes, and a descriptor set at most {DESCRIPTOR_SET_BYTES_MAX}");
        return Err(Error::new(path.display().to_string(), message));
    }
    fs::read(path).map_err(unreadable)
}

/// All files below the folder whose name ends in `.proto`, sorted. Entries
/// whose name starts with a dot are left out.
///
/// # Errors
///
/// When a folder cannot be read, or there is no such file.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    walk(folder, 0, &mut found)?;
    if found.is_empty() {
        let error = Error::new(folder.display().to_string(), "there is no .proto file here");
        return Err(error.help("give the folder that holds your .proto files"));
    }
    found.sort();
    Ok(found)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    if depth > DEPTH_MAX {
        let message = format!("folders are nested more than {DEPTH_MAX} deep");
        return Err(Error::new(folder.display().to_string(), message)
            .help("look for a symbolic link that leads back to its own folder"));
    }
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if path.is_dir() {
            walk(&path, depth + 1, found)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
    Ok(())
}

/// The import path of a file: its path below the first root that holds it.
///
/// # Errors
///
/// When no root holds it, its name is not UTF-8, or a file of an earlier root
/// has the same import path.
pub(super) fn import_path(file: &Path, sources: &Sources) -> Result<String, Error> {
    let error = |message: &str| Error::new(file.display().to_string(), message);
    let below = |root: &PathBuf| {
        let (file, root) = (path::absolute(file).ok()?, path::absolute(root).ok()?);
        Some(file.strip_prefix(root).ok()?.to_owned())
    };
    let Some(relative) = sources.roots.iter().find_map(below) else {
        let help = format!("add its import root to those given: {}", sources.searched());
        return Err(error("the file is below none of the import roots").help(help));
    };
    let names: Option<Vec<_>> = relative.iter().map(|name| name.to_str()).collect();
    let Some(names) = names else {
        return Err(error("the path is not UTF-8"));
    };
    let name = names.join("/");
    match sources.path(&name) {
        Some(path) if path::absolute(&path).ok() != path::absolute(file).ok() => {
            let message = format!("`{}` has the same import path", path.display());
            Err(error(&message).help(format!("rename one of the two, or give only one `{name}`")))
        }
        _ => Ok(name),
    }
}
