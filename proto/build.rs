//! Makes the Rust form of the messages under `callboard/v1`, without protoc.

use std::error::Error;

const FILES: [&str; 5] = [
    "callboard/v1/activation.proto",
    "callboard/v1/admin.proto",
    "callboard/v1/error_reason.proto",
    "callboard/v1/gateway.proto",
    "callboard/v1/options.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=callboard");
    let descriptors = protox::compile(FILES, ["."])?;
    prost_build::Config::new().bytes(["."]).compile_fds(descriptors)?;
    Ok(())
}
