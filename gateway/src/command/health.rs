//! `callboard health`: is a gateway, or one of its services, serving?

use std::time::Duration;

use tonic::{Code, Request};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::{Failure, call, client};

/// How long the answer may take: a container's health check has seconds.
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    client: client::Arguments,
    /// The service, bank.v1.Account, which is serving when its function can be reached [default:
    /// the whole, which is serving when messages get through to the database].
    #[arg(long, default_value = "", hide_default_value = true)]
    service: String,
}

/// Prints the status. It is an error when it is not SERVING.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { client, service } = arguments;
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
