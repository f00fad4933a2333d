//! What the examples share: the counter's stub, and where the gateway is.

/// The counter's stub, as tonic's code generation makes it.
pub mod counter {
    #![expect(missing_docs, reason = "it is generated")]
    tonic::include_proto!("counter.v1");
}

/// The gateway that `CALLBOARD_URL` names, or that of `callboard dev`.
#[must_use]
pub fn url() -> String {
    std::env::var("CALLBOARD_URL").unwrap_or_else(|_| "http://127.0.0.1:7070".to_owned())
}
