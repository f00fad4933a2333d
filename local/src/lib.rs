//! One machine, no AWS: the two stand-ins that `callboard dev` runs in place of AWS.
//!
//! | AWS | here | what talks to it, unmodified |
//! | --- | --- | --- |
//! | DynamoDB | [`EmbeddedDynamoDb`] ([`dynamodb`]) | any AWS SDK; the mailbox store, without HTTP |
//! | Lambda | [`LambdaHost`] ([`lambda`]) | any AWS SDK invokes; a `lambda_runtime` binary runs |
//!
//! Both are libraries without a command line, print nothing, and check no credentials: they
//! therefore listen on loopback only ([`listen`]) and must never serve anything but development
//! and tests.
//!
//! ```
//! use std::time::Duration;
//!
//! use callboard_local::{EmbeddedDynamoDb, FunctionConfig, HostConfig, LambdaHost, Storage};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let any_port = "127.0.0.1:0".parse()?;
//! let dynamodb = EmbeddedDynamoDb::start(Storage::Memory, any_port)?;
//!
//! let mut counter = FunctionConfig::new("counter", "target/debug/counter");
//! counter.env = vec![("AWS_ENDPOINT_URL_DYNAMODB".into(), dynamodb.endpoint_url())];
//! let config = HostConfig { functions: vec![counter], ..HostConfig::default() };
//! let lambda = LambdaHost::start(config, any_port)?;
//!
//! // Point an AWS SDK at `lambda.endpoint_url()` and invoke "counter".
//!
//! lambda.shutdown(Duration::from_secs(5)).await;
//! dynamodb.shutdown().await;
//! # Ok(())
//! # })
//! # }
//! ```

pub mod dynamodb;
pub mod lambda;
pub mod listen;

pub use dynamodb::{EmbeddedDynamoDb, Storage, Sync};
pub use lambda::{FunctionConfig, HostConfig, LambdaHost, LogLine};
