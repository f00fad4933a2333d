//! What can be set, and the way from .proto files to Rust files.

use std::env;
use std::path::{Path, PathBuf};

use callboard_proto::schema::Schema;
use prost_build::Module;

use crate::actor::Actors;
use crate::{Error, comments, output};

/// The crate that the generated code needs, and the only one.
pub(crate) const SDK: &str = "::callboard_lambda_sdk";

/// Settings, for those who need more than [`compile_dir`](crate::compile_dir).
///
/// ```no_run
/// # fn main() -> Result<(), callboard_build::Error> {
/// callboard_build::Config::new()
///     // A message that is part of an actor's state.
///     .type_attribute("bank.v1.Money", "#[derive(serde::Serialize, serde::Deserialize)]")
///     .compile_dir("proto")
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Config {
    out_dir: Option<PathBuf>,
    type_attributes: Vec<(String, String)>,
}

impl Config {
    /// The settings of [`compile_dir`](crate::compile_dir).
    pub fn new() -> Self {
        Self::default()
    }

    /// Where to write the files. Default: the environment's `OUT_DIR`. The
    /// folder must exist.
    pub fn out_dir(&mut self, folder: impl Into<PathBuf>) -> &mut Self {
        self.out_dir = Some(folder.into());
        self
    }

    /// Puts an attribute on the messages, enums and oneofs whose full protobuf
    /// name is `path` or ends in it; on those of a package or in a message with
    /// a `path` like `.bank.v1`; on all with `.`. Adds to those given before.
    pub fn type_attribute(
        &mut self,
        path: impl Into<String>,
        attribute: impl Into<String>,
    ) -> &mut Self {
        self.type_attributes.push((path.into(), attribute.into()));
        self
    }

    /// As [`compile_dir`](crate::compile_dir).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn compile_dir(&self, folder: impl AsRef<Path>) -> Result<(), Error> {
        self.compile::<_, &Path>(&[folder], &[])
    }

    /// As [`compile`](crate::compile()).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn compile<P, I>(&self, protos: &[P], includes: &[I]) -> Result<(), Error>
    where
        P: AsRef<Path>,
        I: AsRef<Path>,
    {
        // A folder is watched as a whole, so that a new file is noticed.
        for path in protos {
            println!("cargo:rerun-if-changed={}", path.as_ref().display());
        }
        let schema = Schema::compile(protos, includes).map_err(Error::Schema)?;
        for path in schema.sources() {
            println!("cargo:rerun-if-changed={}", path.display());
        }
        let out_dir = match &self.out_dir {
            Some(folder) => folder.clone(),
            None => env::var_os("OUT_DIR").ok_or(Error::NoOutDir)?.into(),
        };
        output::write(&out_dir, &self.generate(&schema)?)
    }

    /// The modules and their code.
    fn generate(&self, schema: &Schema) -> Result<Vec<(Module, String)>, Error> {
        Actors::check_names(schema)?;
        let mut config = prost_build::Config::new();
        config
            .prost_path(format!("{SDK}::prost"))
            .prost_types_path(format!("{SDK}::prost_types"))
            .extern_path(".callboard.v1", format!("{SDK}::pb"))
            .service_generator(Box::new(Actors::of(schema)));
        for (path, attribute) in &self.type_attributes {
            config.type_attribute(path, attribute);
        }
        let files = schema.pool().file_descriptor_protos();
        // Its options are for the gateway. Nothing that is generated needs them.
        let files = files.filter(|file| file.package() != "buf.validate").map(|file| {
            let mut file = file.clone();
            comments::tame(&mut file);
            (Module::from_protobuf_package_name(file.package()), file)
        });
        let modules = config.generate(files.collect()).map_err(Error::Generate)?;
        let mut modules: Vec<_> = modules.into_iter().collect();
        modules.sort();
        Ok(modules)
    }
}
