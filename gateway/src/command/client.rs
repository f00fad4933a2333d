//! How the commands that call a gateway find it, and show who calls.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use callboard_gateway::access::api_key;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{self, Certificate, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};

use super::Failure;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Arguments {
    /// The gateway.
    #[arg(long, global = true, env = "CALLBOARD_GATEWAY", default_value = "http://127.0.0.1:7070")]
    #[arg(value_name = "URL")]
    pub(crate) gateway: String,
    /// The authority of the gateway's certificate, in PEM [default: those that this machine
    /// trusts].
    #[arg(long, global = true, env = "CALLBOARD_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// A token that shows who calls. Better in the environment: others on this machine may see
    /// the arguments of programs.
    #[arg(long, global = true, env = "CALLBOARD_TOKEN", hide_env_values = true)]
    token: Option<Secret>,
    /// An API key that shows who calls. Better in the environment, too.
    #[arg(long, global = true, env = "CALLBOARD_API_KEY", hide_env_values = true)]
    #[arg(conflicts_with = "token", value_name = "KEY")]
    api_key: Option<Secret>,
}

/// A text that nothing prints.
#[derive(Clone)]
struct Secret(String);

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// A connection on which calls show who makes them.
pub(crate) type Channel = InterceptedService<transport::Channel, Credentials>;

/// What shows who calls.
#[derive(Clone)]
pub(crate) struct Credentials(Option<(&'static str, MetadataValue<Ascii>)>);

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some((name, value)) = &self.0 {
            request.metadata_mut().insert(*name, value.clone());
        }
        Ok(request)
    }
}

impl Arguments {
    /// Connects to the gateway.
    pub(crate) async fn connect(&self) -> Result<Channel, Failure> {
        let gateway = &self.gateway;
        let bad = |error| Failure::new(format!("{gateway} is no URL of a gateway: {error}"));
        let mut endpoint = Endpoint::from_shared(gateway.clone()).map_err(bad)?;
        if gateway.starts_with("https://") {
            let tls = match &self.ca {
                None => ClientTlsConfig::new().with_native_roots(),
                Some(path) => {
                    let pem = std::fs::read(path);
                    let unread = |error| format!("{}: {error}", path.display());
                    let pem = pem.map_err(|error| Failure::new(unread(error)))?;
                    ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem))
                }
            };
            endpoint = endpoint.tls_config(tls).map_err(bad)?;
        } else if self.ca.is_some() {
            return Err(Failure::new("--ca is for a gateway with https://"));
        }
        let endpoint = endpoint.connect_timeout(CONNECT_TIMEOUT).tcp_nodelay(true);
        let channel = endpoint.connect().await.map_err(|error| unreachable(gateway, &error))?;
        Ok(InterceptedService::new(channel, self.credentials()?))
    }

    fn credentials(&self) -> Result<Credentials, Failure> {
        let (name, text, flag) = match (&self.token, &self.api_key) {
            (Some(Secret(token)), _) => ("authorization", format!("Bearer {token}"), "--token"),
            (None, Some(Secret(key))) => (api_key::HEADER, key.clone(), "--api-key"),
            (None, None) => return Ok(Credentials(None)),
        };
        let value = MetadataValue::try_from(text);
        let mut value = value.map_err(|_| Failure::new(format!("{flag} is not visible ASCII")))?;
        value.set_sensitive(true);
        Ok(Credentials(Some((name, value))))
    }
}

/// What is printed when no gateway answers.
pub(crate) fn unreachable(gateway: &str, error: &dyn std::error::Error) -> Failure {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    Failure::new(format!(
        "no gateway answers at {gateway}{cause}; start one with `callboard dev DIR`, or name \
         another with --gateway"
    ))
}
