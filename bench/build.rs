//! Makes the counter's stub.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let folders = ["../examples/counter/proto", "../proto"];
    for folder in folders {
        println!("cargo:rerun-if-changed={folder}");
    }
    let descriptors = protox::compile(["counter.proto"], folders)?;
    tonic_prost_build::configure().build_server(false).compile_fds(descriptors)?;
    Ok(())
}
