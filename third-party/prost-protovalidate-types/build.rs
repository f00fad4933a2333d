//! Makes the Rust form of `buf/validate/validate.proto`, without protoc.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

const ROOT: &str = "../../proto";
const FILE: &str = "buf/validate/validate.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={ROOT}/{FILE}");
    let mut compiler = protox::Compiler::new([ROOT])?;
    compiler.include_imports(true).open_file(FILE)?;
    // Encoded by protox, since prost's own types would lose the options, and the
    // rules of the rules are options.
    let encoded = compiler.encode_file_descriptor_set();
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out_dir.join("file_descriptor_set.bin"), &encoded)?;

    let mut config = prost_build::Config::new();
    if env::var_os("CARGO_FEATURE_REFLECT").is_some() {
        let pool = prost_reflect::DescriptorPool::decode(encoded.as_slice())?;
        for message in pool.all_messages() {
            let name = message.full_name();
            for attribute in [
                "#[derive(::prost_reflect::ReflectMessage)]".to_owned(),
                format!("#[prost_reflect(message_name = \"{name}\")]"),
                "#[prost_reflect(descriptor_pool = \"DESCRIPTOR_POOL\")]".to_owned(),
            ] {
                config.type_attribute(name, attribute);
            }
        }
    }
    config.compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
