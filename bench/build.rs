//! Makes the counter's stub, and what a server of it implements.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let folders = ["../examples/counter/proto", "../proto"];
    for folder in folders {
        println!("cargo:rerun-if-changed={folder}");
    }
    let descriptors = protox::compile(["counter.proto"], folders)?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
