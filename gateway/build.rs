//! Makes the server's side of Callboard's own services, without protoc, and the
//! descriptors that reflection tells of them. Their messages are those of
//! `callboard_proto`.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message;

const SERVICES: [&str; 2] = ["callboard/v1/admin.proto", "callboard/v1/gateway.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=../proto/callboard");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    // Each by itself: not every gateway serves all of them.
    for service in SERVICES {
        let name = service.replace('/', ".").replace(".proto", ".bin");
        fs::write(out.join(name), protox::compile([service], ["../proto"])?.encode_to_vec())?;
    }
    let descriptors = protox::compile(SERVICES, ["../proto"])?;
    tonic_prost_build::configure()
        .build_client(false)
        .extern_path(".callboard.v1", "::callboard_proto::pb")
        .compile_fds(descriptors)?;
    Ok(())
}
