//! The client, against a gateway in this process that answers as it is told.
//! What it does with a real one, the conformance cases show.

mod calls;
mod connecting;
mod errors;
mod gateway;
mod messages;
mod streams;
