//! `callboard protos`: the files that users' .proto files import. Callboard
//! itself has them built in; code generators of other languages want files.

use std::path::PathBuf;

use callboard_proto::PROTO_FILES;

use super::Failure;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder to write to; give it to your code generator as an import path.
    dir: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    for (name, source) in PROTO_FILES {
        let path = arguments.dir.join(name);
        let cannot = |error| Failure::new(format!("cannot write {}: {error}", path.display()));
        std::fs::create_dir_all(path.parent().expect("it lies in the folder")).map_err(cannot)?;
        std::fs::write(&path, source).map_err(cannot)?;
        println!("{}", path.display());
    }
    Ok(())
}
