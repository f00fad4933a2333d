//! `callboard serve`: a gateway against AWS, or what stands in for it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use callboard_gateway::{Functions, Gateway, Settings, serve};
use callboard_mailbox_dynamodb::schema::DEFAULT_PREFIX;
use callboard_mailbox_dynamodb::{Database, DynamoDbStore, Tables, connect};
use tokio_util::sync::CancellationToken;

use super::duration::{seconds, zero_or_within};
use super::schema::{self, Adopt, Watch};
use super::serving::{Serving, serve_private};
use super::stopping::{self, Pace, Signals};
use super::{Failure, observing};

#[derive(clap::Args)]
#[command(next_help_heading = "Gateway")]
pub(crate) struct Arguments {
    /// Where to listen. Beyond this machine callers have to show who they are.
    #[arg(long, env = "CALLBOARD_LISTEN", default_value = "127.0.0.1:7070")]
    #[arg(value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The folder with the .proto files, or a file with a descriptor set. They are read again when
    /// they change, and on SIGHUP.
    #[arg(long, env = "CALLBOARD_PROTOS", value_name = "PATH")]
    protos: PathBuf,
    /// The Lambda function of an actor type, `bank.v1.Account=my-function`; name or ARN. Repeat it,
    /// or separate by commas.
    #[arg(long, env = "CALLBOARD_FUNCTION", value_delimiter = ',', value_parser = function)]
    #[arg(value_name = "TYPE=FUNCTION")]
    function: Vec<(String, String)>,
    /// What the names of the tables begin with.
    #[arg(long, env = "CALLBOARD_TABLE_PREFIX", default_value = DEFAULT_PREFIX)]
    #[arg(value_name = "PREFIX")]
    table_prefix: String,
    /// How long calls are still taken after SIGTERM, when health says already that the gateway
    /// goes: as long as load balancers need to notice.
    #[arg(long, env = "CALLBOARD_DRAIN_DELAY", default_value = "5s", value_name = "DURATION")]
    #[arg(value_parser = zero_or_within(seconds(1)..=seconds(600)))]
    drain_delay: Duration,
    /// How long open calls may take to end after that.
    #[arg(long, env = "CALLBOARD_GRACE", default_value = "20s", value_name = "DURATION")]
    #[arg(value_parser = zero_or_within(seconds(1)..=seconds(3_600)))]
    grace: Duration,
    /// Also serve `callboard admin`, to those whom the policy lets; without one, whoever reaches
    /// the gateway may then look into mailboxes, and delete actors.
    #[arg(long, env = "CALLBOARD_ADMIN")]
    admin: bool,
    #[command(flatten)]
    serving: Serving,
}

fn function(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((actor_type, function)) if !actor_type.is_empty() && !function.is_empty() => {
            Ok((actor_type.to_owned(), function.to_owned()))
        }
        _ => Err("write TYPE=FUNCTION".into()),
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let telemetry = arguments.serving.observing.start(&[])?;
    // Before they are read, so that no change is missed.
    let watch = Watch::new(&arguments.protos).or_hangup()?;
    let catalog = schema::load(&arguments.protos)?;
    for (actor_type, _) in &arguments.function {
        if catalog.schema().actor(actor_type).is_none() {
            let protos = arguments.protos.display();
            return Err(Failure::new(format!("{protos} has no actor type {actor_type}")));
        }
    }
    let config = aws_config::load_from_env().await;
    let watch_store = observing::watch_store(&telemetry);
    let database = Database::from(connect(&config, None)).watched(watch_store);
    let store = DynamoDbStore::new(database, Tables::new(&arguments.table_prefix));
    let functions = Functions::new(&config, None, arguments.function);
    let settings = arguments.serving.secured(arguments.listen).await?;
    let listener = serve::listen(arguments.listen).await?;
    let private = arguments.serving.listen_beside(arguments.listen).await?;
    let private_listen = private.local_addr()?;
    let mut signals = Signals::new()?;
    let clock = Arc::new(|| SystemTime::now().into());
    let settings =
        Settings { admin: arguments.admin, telemetry: Arc::clone(&telemetry), ..settings };
    let gateway = Gateway::start(store, catalog, functions, settings, clock);
    let router = serve::router(Arc::clone(&gateway)).await?;
    serve_private(&gateway, private);
    let as_they_are: Adopt = Box::new(|_| Box::pin(async { Ok(()) }));
    tokio::spawn(schema::follow(Arc::clone(&gateway), watch, as_they_are));
    let stop = CancellationToken::new();
    let pace = Pace { delay: arguments.drain_delay, grace: arguments.grace };
    let server = tokio::spawn(serve::serve(listener, router, stop.clone(), pace.grace));
    tracing::info!(listen = %arguments.listen, private = %private_listen, "the gateway is serving");
    signals.told().await;
    tracing::info!(delay = ?pace.delay, grace = ?pace.grace, "stopping: finishing what is running");
    tokio::select! {
        drained = stopping::stop(&gateway, server, &stop, pace) => {
            observing::finish(&telemetry).await;
            tracing::info!(drained, "stopped");
        }
        () = signals.told() => tracing::warn!("stopped at once"),
    }
    Ok(())
}
