//! The actors that a user's .proto files describe.
//!
//! The one place that knows what a .proto file with Callboard's options means:
//! the gateway asks it at run time, and the code generator when an actor is
//! built. It does not know how a call is made.
//!
//! - [`Schema`]: the files, compiled and checked
//! - [`ActorType`], [`Method`], [`KeyField`]: what is in them; [`Method::check`] and
//!   [`Method::key_of`] look at an encoded request, [`Method::with_key`] puts a
//!   key into one
//! - [`compare`]: what a new version of the files breaks
//! - [`Errors`]: all that is wrong with the files, with places and advice

mod actor;
mod compatibility;
mod compile;
mod error;
mod fill_key;
mod key_field;
mod key_rules;
mod marks;
mod method_rules;
mod options;
mod place;
mod request_key;
mod retry;
mod rules;
mod shape;
mod source;
mod state_rules;
mod wire;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use prost::Message;
use prost_reflect::DescriptorPool;

pub use actor::{ActorType, Kind, Method};
pub use compatibility::{Finding, Weight, Whom, compare};
pub use error::{Error, Errors};
pub use fill_key::FillError;
pub use key_field::KeyField;
pub use request_key::KeyError;
pub use shape::Malformed;
use source::Sources;
pub use source::files_below;

/// The actor types that a set of .proto files describes, at least one.
///
/// Files are compiled without protoc. `callboard/v1/*.proto` and Google's
/// well-known types are built in: nobody needs a copy, and a copy that is there
/// for other tools is not looked at.
#[derive(Clone, Debug)]
pub struct Schema {
    pool: DescriptorPool,
    actors: Vec<ActorType>,
    sources: Vec<PathBuf>,
    /// What errors call the files, by their import paths.
    displays: HashMap<String, String>,
}

impl Schema {
    /// Loads what a path names: a folder with .proto files, as
    /// [`Schema::compile_dir`] does; one .proto file; or any other file as an
    /// encoded descriptor set, as [`Schema::from_descriptor_set`] does.
    ///
    /// # Errors
    ///
    /// As there; and if a descriptor set cannot be read or is larger than 64 MiB.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Errors> {
        let path = path.as_ref();
        let is_proto = path.extension().is_some_and(|extension| extension == "proto");
        match path.is_file() && !is_proto {
            true => Self::from_descriptor_set(&source::descriptor_set(path)?),
            false => Self::compile_dir(path),
        }
    }

    /// Compiles all .proto files below a folder, which is their import root.
    /// Files and folders whose name starts with a dot are left out.
    ///
    /// # Errors
    ///
    /// All that is wrong: a file cannot be read or compiled, an option is where
    /// it does not belong or has no meaning there, or there is no actor at all.
    pub fn compile_dir(folder: impl AsRef<Path>) -> Result<Self, Errors> {
        Self::compile::<_, &Path>(&[folder], &[])
    }

    /// Compiles .proto files, and all that they import. Each of `protos` is a
    /// file, or a folder for all files below it. Import paths are relative to
    /// `includes`, to the folders among `protos`, and, if that makes none, to
    /// the folder of each file.
    ///
    /// # Errors
    ///
    /// As [`Schema::compile_dir`]; and if a file is below none of the import
    /// roots, or two files have the same import path.
    pub fn compile<P, I>(protos: &[P], includes: &[I]) -> Result<Self, Errors>
    where
        P: AsRef<Path>,
        I: AsRef<Path>,
    {
        let protos: Vec<&Path> = protos.iter().map(AsRef::as_ref).collect();
        let includes = includes.iter().map(AsRef::as_ref);
        let folders = protos.iter().copied().filter(|path| path.is_dir());
        let mut roots: Vec<_> = includes.chain(folders).map(Path::to_owned).collect();
        if roots.is_empty() {
            roots = protos.iter().filter_map(|file| Some(file.parent()?.to_owned())).collect();
        }
        let sources = Sources::in_folders(roots);

        let (mut names, mut errors) = (Vec::new(), Vec::new());
        for path in &protos {
            let files = match path.is_dir() {
                _ if !path.exists() => {
                    let error =
                        Error::new(path.display().to_string(), "there is no such file or folder");
                    Err(error.help("name the folder that has your .proto files"))
                }
                true => source::files_below(path),
                false => Ok(vec![path.to_path_buf()]),
            };
            let files = files.unwrap_or_else(|error| {
                errors.push(error);
                Vec::new()
            });
            for file in files {
                match source::import_path(&file, &sources) {
                    Ok(name) => names.push(name),
                    Err(error) => errors.push(error),
                }
            }
        }
        if !errors.is_empty() {
            return Err(Errors::new(errors));
        }
        let origin: Vec<_> = protos.iter().map(|path| path.display().to_string()).collect();
        Self::compile_all(&names, &sources, &origin.join(", "))
    }

    /// Compiles files that are held in memory, each given as its import path
    /// and its source.
    ///
    /// # Errors
    ///
    /// As [`Schema::compile_dir`].
    pub fn compile_sources(files: &[(&str, &str)]) -> Result<Self, Errors> {
        let names: Vec<_> = files.iter().map(|(name, _)| (*name).to_owned()).collect();
        Self::compile_all(&names, &Sources::in_memory(files), "the files given")
    }

    fn compile_all(names: &[String], sources: &Sources, origin: &str) -> Result<Self, Errors> {
        let pool = compile::compile(names, sources)?;
        let actors = rules::actor_types(&pool, &|name| sources.display(name), origin)?;
        let paths = pool.files().filter_map(|file| sources.path(file.name()));
        let paths = paths.collect();
        let displays =
            pool.files().map(|file| (file.name().to_owned(), sources.display(file.name())));
        Ok(Schema { actors, sources: paths, displays: displays.collect(), pool })
    }

    /// Reads an encoded `google.protobuf.FileDescriptorSet`, which must hold
    /// all imports: what `protoc --include_imports --include_source_info
    /// --descriptor_set_out` and `buf build -o` write.
    ///
    /// # Errors
    ///
    /// As [`Schema::compile_dir`]. The errors have lines only if the set has
    /// source locations.
    pub fn from_descriptor_set(encoded: &[u8]) -> Result<Self, Errors> {
        const ORIGIN: &str = "the descriptor set";
        known_syntax(encoded)?;
        let pool = DescriptorPool::decode(encoded).map_err(|error| {
            let file = error.file().unwrap_or(ORIGIN).to_owned();
            let help = "build the set with all its imports: `protoc --include_imports`";
            let errors = compile::descriptor_errors(&error, "", &file);
            let helped = errors.into_iter().map(|error| match error.help {
                Some(_) => error,
                None => error.help(help),
            });
            Errors::new(helped.collect())
        })?;
        Ok(Schema {
            actors: rules::actor_types(&pool, &str::to_owned, ORIGIN)?,
            sources: Vec::new(),
            displays: HashMap::new(),
            pool,
        })
    }

    /// What an error calls a file.
    fn display(&self, import_path: &str) -> String {
        self.displays.get(import_path).map_or(import_path, String::as_str).to_owned()
    }

    /// The actor types, in the order of the files.
    pub fn actors(&self) -> &[ActorType] {
        &self.actors
    }

    /// The actor type of this name, if there is one.
    pub fn actor(&self, type_name: &str) -> Option<&ActorType> {
        let mut actors = self.actors.iter();
        actors.find(|actor| actor.type_name() == type_name)
    }

    /// All descriptors: of the files, of what they import, and of services that
    /// are no actors.
    pub fn pool(&self) -> &DescriptorPool {
        &self.pool
    }

    /// The files and all their imports as an encoded
    /// `google.protobuf.FileDescriptorSet`, imports before importers, custom
    /// options and comments kept. It is what server reflection serves;
    /// `prost_types::FileDescriptorSet` would lose the options.
    pub fn descriptor_set(&self) -> Vec<u8> {
        self.pool.encode_to_vec()
    }

    /// The paths of the files that were read from disk, imports included;
    /// empty for a schema from memory or from a descriptor set.
    pub fn sources(&self) -> &[PathBuf] {
        &self.sources
    }
}

/// Refuses files of a descriptor set that are in another syntax, such as an edition:
/// prost-reflect would panic over the first one.
fn known_syntax(encoded: &[u8]) -> Result<(), Errors> {
    // What cannot be decoded is told by prost-reflect.
    let set = prost_types::FileDescriptorSet::decode(encoded).unwrap_or_default();
    let strange = set.file.iter().filter_map(|file| match file.syntax.as_deref() {
        None | Some("proto2" | "proto3") => None,
        Some(syntax) => {
            let error = Error::new(file.name(), format!("the syntax `{syntax}` is not known"));
            Some(error.help("write it in proto3; editions are not supported yet"))
        }
    });
    match strange.collect::<Vec<_>>() {
        none if none.is_empty() => Ok(()),
        errors => Err(Errors::new(errors)),
    }
}
