//! The settings that `dev` and `serve` share.

mod calls;
mod connections;
mod rates;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use callboard_gateway::settings::Pages;
use callboard_gateway::{Gateway, Settings, serve};
use callboard_mailbox::Store;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::security::Security;
use super::{Failure, observing};

#[derive(clap::Args)]
pub(crate) struct Serving {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    listening: Listening,
    #[command(flatten)]
    connections: connections::Arguments,
    #[command(flatten)]
    calls: calls::Arguments,
    #[command(flatten)]
    rates: rates::Arguments,
    #[command(flatten)]
    security: Security,
    #[command(flatten)]
    pub(crate) observing: observing::Arguments,
}

#[derive(clap::Args)]
struct Source {
    /// A file with settings, in TOML, by their names here: `listen = "127.0.0.1:7070"`. Flags and
    /// variables of the environment go before it [default for dev: the section `gateway` of
    /// callboard.toml].
    #[arg(long, env = "CALLBOARD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Listening")]
struct Listening {
    /// Where to answer GET /livez, GET /readyz and GET /metrics, for whoever runs the gateway
    /// [default: for serve the port after that of --listen on 127.0.0.1, for dev none].
    #[arg(long, env = "CALLBOARD_PRIVATE_LISTEN", value_name = "ADDRESS")]
    private_listen: Option<SocketAddr>,
    /// The origin of web pages that may call, `https://app.example.com`, or `*` for all. Repeat
    /// it, or separate by commas.
    #[arg(long, env = "CALLBOARD_ALLOW_ORIGIN", value_delimiter = ',', value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// A name under which browsers reach the gateway, when it is not localhost. Repeat it, or
    /// separate by commas.
    #[arg(long, env = "CALLBOARD_ALLOW_HOST", value_delimiter = ',', value_name = "HOST")]
    allow_host: Vec<String>,
}

impl Serving {
    /// Settings of the gateway that are as the arguments say.
    pub(crate) fn settings(&self) -> Settings {
        let Listening { allow_origin, allow_host, .. } = &self.listening;
        let mut settings = Settings {
            rates: self.rates.settings(),
            connections: self.connections.settings(),
            pages: Pages { origins: allow_origin.clone(), hosts: allow_host.clone() },
            ..Settings::default()
        };
        self.calls.set(&mut settings);
        settings
    }

    /// As [`Serving::settings`], and callers are asked who they are on this address.
    pub(crate) async fn secured(&self, listen: SocketAddr) -> Result<Settings, Failure> {
        self.security.apply(listen, self.settings()).await
    }

    /// Listens on the private address, if there is one.
    #[cfg(feature = "local")]
    pub(crate) async fn listen(&self) -> Result<Option<TcpListener>, Failure> {
        match self.listening.private_listen {
            Some(address) => Ok(Some(serve::listen(address).await?)),
            None => Ok(None),
        }
    }

    /// As [`Serving::listen`], and without an address beside the public port. So
    /// several gateways on one machine do not meet.
    pub(crate) async fn listen_beside(&self, public: SocketAddr) -> Result<TcpListener, Failure> {
        Ok(serve::listen(self.listening.private_listen.unwrap_or_else(|| beside(public))).await?)
    }
}

/// The private port beside a public one.
pub(crate) fn beside(public: SocketAddr) -> SocketAddr {
    // Beside any free port is any free port, and beside the last one too.
    let port = Some(public.port()).filter(|port| *port != 0);
    let port = port.and_then(|port| port.checked_add(1)).unwrap_or(0);
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Serves the private port. It ends last, with the program: it says that the
/// gateway is shutting down.
pub(crate) fn serve_private<S: Store + 'static>(
    gateway: &Arc<Gateway<S>>,
    listener: TcpListener,
) -> JoinHandle<()> {
    let port = serve::private(gateway);
    tokio::spawn(serve::serve(listener, port, CancellationToken::new(), Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, FromArgMatches};

    fn serving(flags: &[&str]) -> Result<Settings, String> {
        let command = Serving::augment_args(clap::Command::new("test").no_binary_name(true));
        let matches = command.try_get_matches_from(flags).map_err(|error| error.to_string())?;
        Ok(Serving::from_arg_matches(&matches).map_err(|error| error.to_string())?.settings())
    }

    #[test]
    fn without_flags_the_settings_are_the_librarys_own() {
        let settings = serving(&[]).expect("nothing is required");
        assert_eq!(format!("{settings:?}"), format!("{:?}", Settings::default()));
    }

    #[test]
    fn flags_become_settings() {
        let settings = serving(&[
            "--connection-age=0s",
            "--connections-max=7",
            "--ask-timeout=1m 30s",
            "--mailbox-depth-max=5",
            "--rate-per-principal=10/s",
            "--rate-per-actor=100/min",
            "--burst-per-actor=5",
        ])
        .expect("they are valid");
        assert_eq!(settings.connections.age, None);
        assert_eq!(settings.connections.open_max, 7);
        assert_eq!(settings.ask_timeout, Duration::from_secs(90));
        assert_eq!(settings.mailbox_depth_max, 5);
        let rate = |text: &str| text.parse::<callboard_gateway::rate::Rate>().expect("a rate");
        assert_eq!(settings.rates.principal, Some(rate("10/s")));
        let five = 5.try_into().expect("it is not zero");
        assert_eq!(settings.rates.actor, Some(rate("100/min").with_burst(five)));
    }

    #[test]
    fn what_is_out_of_its_range_is_refused() {
        for (flag, word) in [
            ("--connections-max=0", "1..=1000000"),
            ("--connections-max=many", "invalid digit"),
            ("--connection-age=30", "unit"),
            ("--connection-age=10ms", "not within 1s"),
            ("--connection-calls-max=0", "1..=100000"),
            ("--header-bytes-max=100", "8192..=1048576"),
            ("--header-timeout=0s", "not within 1s"),
            ("--keepalive=2h", "not within 1s and 1h"),
            ("--open-calls-max=0", "1..=1000000"),
            ("--request-timeout=0s", "not within 1s"),
            ("--ask-timeout=25h", "not within 100ms and 1day"),
            ("--tell-timeout=1ms", "not within 100ms"),
            ("--mailbox-depth-max=0", "1..="),
            ("--reply-retention=1s", "not within 1m"),
            ("--message-retention=1h", "not within 1day"),
            ("--sweep-period=1h", "not within 100ms and 1m"),
            ("--lane-idle=2h", "not within 100ms and 1h"),
            ("--rate-per-principal=0/s", "100/s"),
            ("--rate-per-actor=5", "100/s"),
            ("--burst-per-actor=5", "--rate-per-actor"),
            ("--private-listen=7071", "socket address"),
        ] {
            let error = serving(&[flag]).expect_err(flag);
            assert!(error.contains(word), "{flag}: {error}");
        }
    }
}
