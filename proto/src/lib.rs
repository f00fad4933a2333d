//! What passes between the parts of Callboard, and what its users import.
//!
//! - [`pb`]: the messages of `callboard/v1`, as Rust types
//! - [`PROTO_FILES`]: the .proto files that users import, so that nobody has to
//!   copy them
//! - [`ERROR_DOMAIN`]: whose error reasons these are
//! - [`key`](key()): several parts of an actor's key, joined into one
//! - [`schema`], with the feature of that name: the actors that a folder of
//!   .proto files describes
//!
//! Nothing here does I/O, except that `schema` reads .proto files.

pub mod key;
#[cfg(feature = "schema")]
pub mod schema;

pub use key::key;

/// The messages and enums of the protobuf package `callboard.v1`.
#[expect(clippy::large_enum_variant, reason = "it is generated")]
pub mod pb {
    include!(concat!(env!("OUT_DIR"), "/callboard.v1.rs"));
}

/// The domain of the `google.rpc.ErrorInfo` that Callboard's errors carry.
pub const ERROR_DOMAIN: &str = "callboard.dev";

impl pb::ErrorReason {
    /// The reason as it stands in `google.rpc.ErrorInfo`: `ASK_TIMEOUT`.
    #[must_use]
    pub fn reason(self) -> &'static str {
        let name = self.as_str_name();
        name.strip_prefix("ERROR_REASON_").unwrap_or(name)
    }
}

/// The source of `callboard/v1/options.proto`: the options that turn a service
/// into an actor type.
pub const OPTIONS_PROTO: &str = include_str!("../callboard/v1/options.proto");

/// The files that a user's .proto file may import, each as its import path and
/// its source.
///
/// `buf/validate/validate.proto` is not Callboard's: it has the options of
/// protovalidate, whose rules the gateway checks.
pub const PROTO_FILES: &[(&str, &str)] = &[
    ("buf/validate/validate.proto", include_str!("../buf/validate/validate.proto")),
    ("callboard/v1/admin.proto", include_str!("../callboard/v1/admin.proto")),
    ("callboard/v1/error_reason.proto", include_str!("../callboard/v1/error_reason.proto")),
    ("callboard/v1/gateway.proto", include_str!("../callboard/v1/gateway.proto")),
    ("callboard/v1/options.proto", OPTIONS_PROTO),
];
