//! The ways in: each turns what a client sends into a [`crate::call::Call`],
//! and its answer into what the client expects.

pub(crate) mod grpc;
