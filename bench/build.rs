//! Makes the counter's stub, and what a server of it implements; and the stub of the
//! calls by name.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let folders = ["../examples/counter/proto", "../proto"];
    for folder in folders {
        println!("cargo:rerun-if-changed={folder}");
    }
    let descriptors = protox::compile(["counter.proto", "callboard/v1/gateway.proto"], folders)?;
    tonic_prost_build::configure()
        .extern_path(".callboard.v1", "::callboard_proto::pb")
        .compile_fds(descriptors)?;
    Ok(())
}
