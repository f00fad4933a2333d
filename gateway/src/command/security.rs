//! The settings of `dev` and `serve` about who may call, and who may listen in.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use callboard_gateway::Settings;
use callboard_gateway::access::{self, Access, Place, jwt};
use callboard_gateway::serve::{Tls, TlsFiles};
use clap::ValueEnum;
use jsonwebtoken::Algorithm;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use super::Failure;
use super::duration::{DAY, seconds, within, zero_or_within};

/// How often it is looked whether files have changed.
const PERIOD: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
#[command(next_help_heading = "Security")]
pub(crate) struct Security {
    /// Listen beyond this machine though nobody is asked who he is. Whoever reaches the gateway
    /// may then do everything.
    #[arg(long, env = "CALLBOARD_INSECURE_NO_AUTH")]
    insecure_no_auth: bool,
    /// The gateway's certificate and those up to its authority, in PEM: serves TLS.
    #[arg(long, env = "CALLBOARD_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[arg(long, env = "CALLBOARD_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The authorities of the clients' certificates, in PEM: clients show with one who they are.
    #[arg(long, env = "CALLBOARD_TLS_CLIENT_CA", value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
    /// Whether clients without a certificate may connect, and show in another way who they are.
    #[arg(long, env = "CALLBOARD_TLS_CLIENT_AUTH", value_enum, default_value = "required")]
    #[arg(value_name = "WHETHER")]
    tls_client_auth: ClientAuth,
    /// The keys that tokens are signed with, as a JSON web key set: a file or a URL. Callers show
    /// with a token who they are.
    #[arg(long, env = "CALLBOARD_JWT_JWKS", value_name = "FILE|URL")]
    #[arg(value_hint = clap::ValueHint::FilePath)]
    #[arg(requires = "jwt_issuer", requires = "jwt_audience")]
    jwt_jwks: Option<String>,
    /// Who gives the tokens out, as they say in `iss`.
    #[arg(long, env = "CALLBOARD_JWT_ISSUER", value_name = "ISSUER", requires = "jwt_jwks")]
    jwt_issuer: Option<String>,
    /// Whom the tokens are for, as they say in `aud`. Repeat it, or separate by commas.
    #[arg(long, env = "CALLBOARD_JWT_AUDIENCE", value_name = "AUDIENCE", requires = "jwt_jwks")]
    #[arg(value_delimiter = ',')]
    jwt_audience: Vec<String>,
    /// How tokens may be signed. Repeat it, or separate by commas.
    #[arg(long, env = "CALLBOARD_JWT_ALGORITHMS", value_name = "ALGORITHM", value_delimiter = ',')]
    #[arg(default_value = "RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,EdDSA")]
    #[arg(value_parser = algorithm)]
    jwt_algorithms: Vec<Algorithm>,
    /// By how much the clocks of those who give tokens out may differ.
    #[arg(long, env = "CALLBOARD_JWT_LEEWAY", value_name = "DURATION", default_value = "30s")]
    #[arg(value_parser = zero_or_within(seconds(1)..=seconds(300)))]
    jwt_leeway: Duration,
    /// How often the keys at a URL are read again.
    #[arg(long, env = "CALLBOARD_JWT_REFRESH", value_name = "DURATION", default_value = "5m")]
    #[arg(value_parser = within(seconds(10)..=DAY))]
    jwt_refresh: Duration,
    /// The file of the API keys: callers show with one who they are. `callboard api-key new`
    /// makes them.
    #[arg(long, env = "CALLBOARD_API_KEYS", value_name = "FILE")]
    api_keys: Option<PathBuf>,
    /// What callers may do who have shown who they are.
    #[arg(long, env = "CALLBOARD_POLICY", value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Do not tell by reflection what is served.
    #[arg(long, env = "CALLBOARD_NO_REFLECTION")]
    no_reflection: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ClientAuth {
    /// They may not.
    Required,
    /// They may.
    Optional,
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    text.parse().map_err(|_| "this is no algorithm for tokens; RS256, ES256 or EdDSA are".into())
}

impl Security {
    /// Reads files and keys, and puts them into the settings of a gateway that listens
    /// on an address. They are read again when they change.
    pub(crate) async fn apply(
        &self,
        listen: SocketAddr,
        settings: Settings,
    ) -> Result<Settings, Failure> {
        let tls = self.tls()?.map(Arc::new);
        let access = Access::open(self.terms()?).await?;
        if !access.is_guarded() && !listen.ip().to_canonical().is_loopback() {
            if !self.insecure_no_auth {
                return Err(Failure::new(format!(
                    "nobody is asked who he is, and whoever reaches {listen} could do \
                     everything; add --jwt-jwks, --api-keys or --tls-client-ca, or listen on \
                     127.0.0.1, or say --insecure-no-auth if this is meant"
                )));
            }
            tracing::warn!(%listen, "whoever reaches the gateway may do everything");
        }
        if access.is_guarded() && tls.is_none() && !listen.ip().to_canonical().is_loopback() {
            tracing::warn!(
                %listen,
                "tokens and keys come without TLS; let it end before the gateway, or add --tls-cert"
            );
        }
        let access = Arc::new(access);
        if access.is_guarded() || tls.is_some() {
            keep_fresh(Arc::clone(&access), tls.clone())?;
        }
        Ok(Settings { access, tls, reflection: !self.no_reflection, ..settings })
    }

    fn tls(&self) -> Result<Option<Tls>, Failure> {
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        Ok(Some(Tls::open(TlsFiles {
            certificate: certificate.clone(),
            key: key.clone(),
            client_authorities: self.tls_client_ca.clone(),
            is_client_required: self.tls_client_auth == ClientAuth::Required,
        })?))
    }

    fn terms(&self) -> Result<access::Terms, Failure> {
        let jwt = match (&self.jwt_jwks, &self.jwt_issuer) {
            (Some(jwks), Some(issuer)) => Some(jwt::Terms {
                jwks: Place::parse(jwks)?,
                issuer: issuer.clone(),
                audiences: self.jwt_audience.clone(),
                algorithms: self.jwt_algorithms.clone(),
                leeway: self.jwt_leeway,
                refresh: self.jwt_refresh,
            }),
            _ => None,
        };
        Ok(access::Terms {
            jwt,
            api_keys: self.api_keys.clone(),
            certificates: self.tls_client_ca.is_some(),
            policy: self.policy.clone(),
        })
    }
}

/// Looks at files and keys again and again, and at once on SIGHUP.
fn keep_fresh(access: Arc<Access>, tls: Option<Arc<Tls>>) -> Result<(), Failure> {
    let mut told = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            let is_told = tokio::select! {
                () = sleep(PERIOD) => false,
                _ = told.recv() => true,
            };
            // A file system may take its time.
            let (files, of_tls) = (Arc::clone(&access), tls.clone());
            let looked = tokio::task::spawn_blocking(move || {
                files.refresh_files();
                if let Some(tls) = of_tls {
                    tls.refresh();
                }
            });
            let _ = tokio::join!(looked, access.refresh_keys(is_told));
        }
    });
    Ok(())
}
