//! `callboard serve`: a gateway against AWS, or what stands in for it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use callboard_gateway::{Catalog, Functions, Gateway, Settings, serve};
use callboard_mailbox_dynamodb::schema::DEFAULT_PREFIX;
use callboard_mailbox_dynamodb::{DynamoDbStore, Tables, connect};
use tokio_util::sync::CancellationToken;

use super::Failure;
use super::serving::{Serving, serve_private};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where to listen. Nobody is asked who they are, so keep it to this machine or to a network
    /// of your own.
    #[arg(long, env = "CALLBOARD_LISTEN", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// The folder with the .proto files.
    #[arg(long, env = "CALLBOARD_PROTOS")]
    protos: PathBuf,
    /// The Lambda function of an actor type, `bank.v1.Account=my-function`; name or ARN. Repeat it,
    /// or separate by commas.
    #[arg(long, env = "CALLBOARD_FUNCTIONS", value_delimiter = ',', value_parser = function)]
    function: Vec<(String, String)>,
    /// What the names of the tables begin with.
    #[arg(long, env = "CALLBOARD_TABLE_PREFIX", default_value = DEFAULT_PREFIX)]
    table_prefix: String,
    /// How long running calls may take at shutdown, in seconds.
    #[arg(long, env = "CALLBOARD_GRACE_SECONDS", default_value_t = 25)]
    grace_seconds: u64,
    /// Also serve `callboard admin`. Whoever reaches the gateway may then look into mailboxes,
    /// and delete actors.
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
    super::log();
    let schema = super::check::compile(&arguments.protos)?;
    for (actor_type, _) in &arguments.function {
        if schema.actor(actor_type).is_none() {
            let protos = arguments.protos.display();
            return Err(Failure::new(format!("{protos} has no actor type {actor_type}")));
        }
    }
    let config = aws_config::load_from_env().await;
    let store = DynamoDbStore::new(connect(&config, None), Tables::new(&arguments.table_prefix));
    let functions = Functions::new(&config, None, arguments.function);
    let listener = serve::listen(arguments.listen).await?;
    let private = arguments.serving.listen_beside(arguments.listen).await?;
    let private_listen = private.local_addr()?;
    let clock = Arc::new(|| SystemTime::now().into());
    let settings = Settings { admin: arguments.admin, ..arguments.serving.settings() };
    let gateway = Gateway::start(store, Catalog::new(schema), functions, settings, clock);
    let router = serve::router(Arc::clone(&gateway)).await?;
    serve_private(&gateway, private);
    let stop = CancellationToken::new();
    let grace = Duration::from_secs(arguments.grace_seconds);
    let server = tokio::spawn(serve::serve(listener, router, stop.clone(), grace));
    tracing::info!(listen = %arguments.listen, private = %private_listen, "the gateway is serving");
    super::told_to_stop().await?;
    tracing::info!("stopping: finishing what is running");
    gateway.stop_accepting();
    stop.cancel();
    let (_, drained) = tokio::join!(server, gateway.drain(grace));
    tracing::info!(drained, "stopped");
    Ok(())
}
