//! Makes the stub with tonic's ordinary code generation, without protoc.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    // The counter's own .proto file, and Callboard's, which it imports. In a
    // project of your own both are in one folder: `callboard protos proto`
    // writes the latter there.
    let folders = ["../../../examples/counter/proto", "../../../proto"];
    for folder in folders {
        println!("cargo:rerun-if-changed={folder}");
    }
    let descriptors = protox::compile(["counter.proto"], folders)?;
    tonic_prost_build::configure().build_server(false).compile_fds(descriptors)?;
    Ok(())
}
