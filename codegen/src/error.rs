//! Why no code could be generated.

use std::path::PathBuf;
use std::{fmt, io};

use callboard_proto::schema;

/// Why no code could be generated.
///
/// `Debug` prints what `Display` prints, because that is what cargo shows of a
/// build script whose `main` returns an error.
pub enum Error {
    /// Something is wrong with the .proto files.
    Schema(schema::Errors),
    /// prost-build does not take them.
    Generate(io::Error),
    /// A message or an enum has a name that is generated for an actor.
    NameTaken {
        /// The name in Rust: `AccountRef`.
        name: String,
        /// The full name of the service.
        service: String,
        /// The full name of the message or the enum.
        by: String,
    },
    /// The code cannot be written.
    Write {
        /// The file.
        path: PathBuf,
        /// Why it cannot be written.
        source: io::Error,
    },
    /// The variable `OUT_DIR` is not set: this is no build script.
    NoOutDir,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Schema(errors) => write!(f, "the .proto files are not valid\n\n{errors}"),
            Error::Generate(source) => write!(f, "no code can be generated: {source}"),
            Error::NameTaken { name, service, by } => write!(
                f,
                "`{name}` is generated for the actor `{service}`, but `{by}` has that name in Rust \
                 too: rename it, or the service"
            ),
            Error::Write { path, source } => {
                write!(f, "cannot write `{}`: {source}", path.display())
            }
            Error::NoOutDir => f.write_str(
                "OUT_DIR is not set: call this from a build script, or set Config::out_dir",
            ),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Schema(errors) => Some(errors),
            Error::Generate(source) | Error::Write { source, .. } => Some(source),
            Error::NameTaken { .. } | Error::NoOutDir => None,
        }
    }
}
