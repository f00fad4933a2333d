//! The local Lambda host with a real `lambda_runtime` process and the real AWS SDK client.

mod environments;
mod invoke_api;
mod shutdown;
mod support;
