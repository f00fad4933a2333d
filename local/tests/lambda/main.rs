//! The local Lambda host with a real `lambda_runtime` process, and the real AWS SDK client or none.

mod environments;
mod invoke_api;
mod invoker;
mod shutdown;
mod support;
