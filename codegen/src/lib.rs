//! Generates the Rust side of an actor from its .proto file, in a build script.
//!
//! ```no_run
//! // build.rs
//! fn main() -> Result<(), callboard_build::Error> {
//!     callboard_build::compile_dir("proto")
//! }
//! ```
//!
//! For the service `Counter` of the package `counter.v1`, this makes
//!
//! - a trait `CounterActor` with a method for each rpc, to implement for the
//!   actor: with `&mut self` and the request, with `&self` where the option
//!   `read_only` is set, with an `Answer` where `answer` is
//! - a type `CounterService` that ties the trait to the actor type. It has a
//!   constant for each rpc that takes answers, `CounterService::ON_PAID`
//! - a type `CounterRef` for one such actor: `CounterRef::new("visits")` takes the
//!   key, and its methods make messages for that actor, with the key filled in.
//!   Those of the rpcs `New` and `Key` are `new_` and `key_`
//!
//! Messages become structs, as prost-build makes them; the one that the option
//! `state` names can be the actor itself, and needs nothing of serde. A service
//! without `option (callboard.v1.actor)` makes nothing.
//!
//! Each protobuf package becomes a file in `OUT_DIR`, `counter.v1.rs`, and all
//! of them together a tree of modules, `callboard_protos.rs`. Include the tree,
//! or place a package yourself:
//!
//! ```text
//! include!(concat!(env!("OUT_DIR"), "/callboard_protos.rs")); // counter::v1
//!
//! mod counter_v1 {
//!     callboard_lambda_sdk::include_proto!("counter.v1");
//! }
//! ```
//!
//! The generated code needs no crate but `callboard-lambda-sdk`. There is no
//! need for protoc, nor for a copy of `callboard/v1/options.proto`.

mod actor;
mod comments;
mod config;
mod error;
mod ident;
mod output;
mod reference;
mod service;

use std::path::Path;

pub use config::Config;
pub use error::Error;

/// Generates code from all .proto files below a folder, which is their import
/// root, into `OUT_DIR`. Cargo runs the build script again when one changes.
///
/// # Errors
///
/// All that is wrong with the files, with file, line and advice; or a file that
/// cannot be written. Return the error from `main`: it prints readably.
pub fn compile_dir(folder: impl AsRef<Path>) -> Result<(), Error> {
    Config::new().compile_dir(folder)
}

/// Generates code from .proto files, and from all that they import, into
/// `OUT_DIR`. Import paths are relative to `includes`; where there are none, to
/// the folder of each file.
///
/// # Errors
///
/// As [`compile_dir`].
pub fn compile(protos: &[impl AsRef<Path>], includes: &[impl AsRef<Path>]) -> Result<(), Error> {
    Config::new().compile(protos, includes)
}
