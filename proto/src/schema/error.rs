//! What is wrong with a user's .proto files, where, and what to do about it.

use std::fmt;

/// One thing that is wrong with the .proto files.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Error {
    /// The file, as a path that the user can open; the folder where no file is
    /// to blame; the import path where the file was read from a descriptor set.
    pub file: String,
    /// The line, from 1. None where no line is to blame, or where a descriptor
    /// set was built without source locations.
    pub line: Option<u32>,
    /// The column, from 1.
    pub column: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Error {
    /// An error of a whole file or folder.
    pub(super) fn new(file: impl Into<String>, message: impl Into<String>) -> Self {
        Error { file: file.into(), line: None, column: None, message: message.into(), help: None }
    }

    /// Adds the place, as line and column from 1.
    pub(super) fn at(mut self, place: Option<(u32, u32)>) -> Self {
        (self.line, self.column) = place.unzip();
        self
    }

    /// Adds what to do.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// `file:line:column: message`, and a `help:` line where there is help.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Everything that is wrong with the .proto files: at least one error, sorted
/// by place.
#[derive(Clone, PartialEq, Eq)]
pub struct Errors(Vec<Error>);

impl Errors {
    /// # Panics
    ///
    /// When there are none.
    pub(super) fn new(mut errors: Vec<Error>) -> Self {
        assert!(!errors.is_empty(), "a failure has a reason");
        errors.sort();
        errors.dedup();
        Errors(errors)
    }

    /// The errors, sorted by place.
    pub fn iter(&self) -> std::slice::Iter<'_, Error> {
        self.0.iter()
    }
}

impl From<Error> for Errors {
    fn from(error: Error) -> Self {
        Errors(vec![error])
    }
}

impl<'a> IntoIterator for &'a Errors {
    type Item = &'a Error;
    type IntoIter = std::slice::Iter<'a, Error>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Each error as [`Error`] prints it, one below the other.
impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

/// As `Display`: this is what `unwrap` and a failing `main` print.
impl fmt::Debug for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Errors {}
