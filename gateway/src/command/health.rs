//! `callboard health`: is a gateway, or one of its services, serving? Is it alive?

mod live;

use std::time::Duration;

use tonic::{Code, Request};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::{Failure, call, client};

/// How long the answer may take: a container's health check has seconds.
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  callboard health --gateway https://callboard.example.com\n  \
    callboard health --service bank.v1.Account\n  callboard health --live")]
pub(crate) struct Arguments {
    #[command(flatten)]
    client: client::Arguments,
    /// The service, bank.v1.Account, which is serving when its function can be reached [default:
    /// the whole, which is serving when messages get through to the database].
    #[arg(long, default_value = "", hide_default_value = true)]
    service: String,
    /// Ask only whether the program of a gateway on this machine runs, at its private port: for
    /// what starts it again when it does not. That the database is lost makes no difference.
    #[arg(long, conflicts_with = "service")]
    live: bool,
    #[command(flatten)]
    private: live::Arguments,
}

/// Prints the status. It is an error when it is not SERVING, or the gateway is not alive.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { client, service, live, private } = arguments;
    if live {
        return live::run(private).await;
    }
    let channel = client.connect().await?;
    let mut request = Request::new(HealthCheckRequest { service: service.clone() });
    request.set_timeout(TIMEOUT);
    match HealthClient::new(channel).check(request).await {
        Ok(answer) => match answer.into_inner().status() {
            status if status as i32 == ServingStatus::Serving as i32 => {
                println!("SERVING");
                Ok(())
            }
            status => Err(Failure(status.as_str_name().to_owned())),
        },
        Err(status) if status.code() == Code::NotFound => {
            Err(Failure::new(format!("the gateway has no service {service}")))
        }
        Err(status) => Err(Failure(call::describe(&status))),
    }
}
