//! `callboard health --live`: does the gateway's program run?
//!
//! What it asks is the private port's `/livez`, and not the health that callers see: that turns
//! when the database is lost, or when the gateway is told to stop, and neither is mended by
//! starting it again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;
use http::{StatusCode, Uri};
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use super::TIMEOUT;
use crate::command::Failure;
use crate::command::serving::beside;

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Arguments {
    /// For --live: the gateway's private port [default: the one after that of --listen].
    #[arg(long, env = "CALLBOARD_PRIVATE_LISTEN", value_name = "ADDRESS")]
    private_listen: Option<SocketAddr>,
    /// For --live: where the gateway listens.
    #[arg(long, env = "CALLBOARD_LISTEN", default_value = "127.0.0.1:7070")]
    #[arg(value_name = "ADDRESS")]
    listen: SocketAddr,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let address = reached_at(arguments.private_listen.unwrap_or_else(|| beside(arguments.listen)));
    let uri: Uri = format!("http://{address}/livez").parse().expect("an address makes a URL");
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let no = |why: &str| {
        Failure::new(format!(
            "no gateway is alive at {address}: {why}; name its private port with --private-listen"
        ))
    };
    match timeout(TIMEOUT, client.get(uri)).await {
        Ok(Ok(answer)) if answer.status() == StatusCode::OK => {
            println!("alive");
            Ok(())
        }
        Ok(Ok(answer)) => Err(no(&format!("it answers {}", answer.status()))),
        Ok(Err(error)) => {
            let cause = std::error::Error::source(&error);
            Err(no(&cause.map_or_else(|| error.to_string(), ToString::to_string)))
        }
        Err(_) => Err(no(&format!("no answer within {TIMEOUT:?}"))),
    }
}

/// Who listens on all addresses is reached on this machine's own.
fn reached_at(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_that_listens_everywhere_is_asked_here() {
        for (listen, reached) in [
            ("0.0.0.0:7071", "127.0.0.1:7071"),
            ("[::]:7071", "[::1]:7071"),
            ("10.0.0.7:1", "10.0.0.7:1"),
        ] {
            let listen = listen.parse().expect("an address");
            assert_eq!(reached_at(listen).to_string(), reached);
        }
    }
}
