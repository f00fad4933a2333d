//! `callboard dev`: everything on this machine, from a folder with .proto files
//! and an actor's crate.

mod assign;
mod banner;
mod build;
mod in_process;
mod trees;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use callboard_gateway::functions::{Invoker, Lambda};
use callboard_gateway::{Catalog, Functions, Gateway, Settings, serve};
use callboard_local::{EmbeddedDynamoDb, HostConfig, LambdaHost, LogLine, Storage, Sync};
use callboard_mailbox::lease::Terms;
use callboard_mailbox_dynamodb::{Database, DynamoDbStore, Tables, connect, database, schema};
use tokio_util::sync::CancellationToken;

use super::duration::{seconds, zero_or_within};
use super::project::Project;
use super::schema::{Adopt, Watch};
use super::serving::{Serving, serve_private};
use super::stopping::{self, Pace, Signals};
use super::{Failure, observing};
use assign::{Assign, Served};
use in_process::InProcess;
use trees::Trees;

/// How long the functions may take after that to end by themselves.
const FUNCTION_GRACE: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
#[command(next_help_heading = "This machine")]
pub(crate) struct Arguments {
    /// The folder with your .proto files and your actor's crate, and perhaps a callboard.toml.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Where the gateway listens.
    #[arg(long, env = "CALLBOARD_LISTEN", default_value = "127.0.0.1:7070")]
    #[arg(value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The folder for mailboxes and state [default: DIR/.callboard].
    #[arg(long, env = "CALLBOARD_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Build the actors with optimisation.
    #[arg(long, env = "CALLBOARD_RELEASE")]
    release: bool,
    /// Sync every write to the disk. Without it a crash of a process loses nothing, but a power
    /// failure may lose the last writes.
    #[arg(long, env = "CALLBOARD_FSYNC")]
    fsync: bool,
    /// Reach the embedded DynamoDB and the local Lambda host as on AWS, through the AWS SDK and
    /// HTTP; slower.
    #[arg(long, env = "CALLBOARD_THROUGH_SDK")]
    through_sdk: bool,
    /// Show each call and all that follows from it as a tree of spans, when it is finished.
    /// Then nothing is exported elsewhere.
    #[arg(long, env = "CALLBOARD_TRACE")]
    trace: bool,
    /// How long calls are still taken after Ctrl-C, when health says already that the gateway
    /// goes.
    #[arg(long, env = "CALLBOARD_DRAIN_DELAY", default_value = "0s", value_name = "DURATION")]
    #[arg(value_parser = zero_or_within(seconds(1)..=seconds(600)))]
    drain_delay: Duration,
    /// How long open calls and running functions may take to end after that.
    #[arg(long, env = "CALLBOARD_GRACE", default_value = "10s", value_name = "DURATION")]
    #[arg(value_parser = zero_or_within(seconds(1)..=seconds(3_600)))]
    grace: Duration,
    #[command(flatten)]
    serving: Serving,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let trees = if arguments.trace { Some(Trees::start().await?) } else { None };
    let mut variables = trees.as_ref().map(Trees::variables).unwrap_or_default();
    let telemetry = arguments.serving.observing.start(&variables)?;
    let project = Project::open(&arguments.dir)?;
    // Before they are read, so that no change is missed.
    let watch = Watch::new(&project.protos);
    let catalog = super::schema::load(&project.protos)?;
    // Whatever can go wrong at once goes wrong before the build.
    let settings = arguments.serving.secured(arguments.listen).await?;
    let settings = Settings { telemetry: Arc::clone(&telemetry), ..settings };
    let listener = serve::listen(arguments.listen).await?;
    let listen = listener.local_addr()?;
    let private = arguments.serving.listen().await?;
    let data = arguments.data.clone().unwrap_or_else(|| arguments.dir.join(".callboard"));
    let dynamodb = open_database(&data, arguments.fsync)?;
    let functions = build::functions(&project, arguments.release).await?;

    let config = local_config().await;
    let watch_store = observing::watch_store(&telemetry);
    let client = connect(&config, Some(&dynamodb.endpoint_url()));
    let tables = Tables::new(schema::DEFAULT_PREFIX);
    tables.create(&client).await?;
    let (database, socket) = match arguments.through_sdk {
        true => (Database::from(client), None),
        false => (Database::from(dynamodb.engine()), dynamodb.open_socket()?),
    };
    let socket = socket.map(|path| (database::socket::VARIABLE, path.display().to_string()));
    variables.extend(socket);
    let lambda = start_functions(functions.clone(), &dynamodb, &variables)?;
    let invoker: Arc<dyn Invoker> = match arguments.through_sdk {
        true => Arc::new(Lambda::new(&config, Some(&lambda.endpoint_url()))),
        false => Arc::new(InProcess(lambda.invoker())),
    };
    let assign = Assign { project, functions, invoker };
    let served = assign.types(catalog.schema()).await?;
    let store = DynamoDbStore::new(database.watched(watch_store), tables);
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let gateway = start_gateway(catalog, &served, &assign, store, settings);
    let router = serve::router(Arc::clone(&gateway)).await?;
    let adopt = adopt(Arc::clone(&gateway), Arc::new(assign));
    tokio::spawn(super::schema::follow(Arc::clone(&gateway), watch, adopt));
    if let Some(private) = private {
        serve_private(&gateway, private);
    }

    let pace = Pace { delay: arguments.drain_delay, grace: arguments.grace };
    let mut signals = Signals::new()?;
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve::serve(listener, router, stop.clone(), pace.grace));
    let catalog = gateway.catalog();
    let facts = banner::Facts {
        schema: catalog.schema(),
        served: &served,
        scheme,
        listen,
        data: &data,
        dynamodb: &dynamodb.endpoint_url(),
        lambda: &lambda.endpoint_url(),
    };
    println!("{}", banner::text(&facts));

    signals.told().await;
    eprintln!("stopping: finishing what is running; Ctrl-C again stops at once");
    tokio::select! {
        () = async {
            if !stopping::stop(&gateway, server, &stop, pace).await {
                eprintln!("some actors are still at work; their messages run again at the next start");
            }
            lambda.shutdown(FUNCTION_GRACE).await;
            observing::finish(&telemetry).await;
            if let Some(trees) = trees {
                trees.finish().await;
            }
            dynamodb.shutdown().await;
        } => eprintln!("stopped; mailboxes and state are in {}", data.display()),
        () = signals.told() => {
            eprintln!("stopped at once; mailboxes and state are in {}", data.display());
        }
    }
    Ok(())
}

fn open_database(data: &std::path::Path, fsync: bool) -> Result<EmbeddedDynamoDb, Failure> {
    let sync = if fsync { Sync::EveryWrite } else { Sync::Os };
    let storage = Storage::Directory { path: data.to_owned(), sync };
    Ok(EmbeddedDynamoDb::start(storage, loopback())?)
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Credentials and a region for clients of the stand-ins, which check neither.
async fn local_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "callboard dev"))
        .load()
        .await
}

fn start_functions(
    mut functions: Vec<callboard_local::FunctionConfig>,
    dynamodb: &EmbeddedDynamoDb,
    variables: &[(&str, String)],
) -> Result<LambdaHost, Failure> {
    for function in &mut functions {
        let mut set = |name: &str, value: String| {
            if !function.env.iter().any(|(given, _)| given == name) {
                function.env.push((name.to_owned(), value));
            }
        };
        set("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.endpoint_url());
        for (name, value) in variables {
            set(name, value.clone());
        }
        let texts = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        for (name, value) in std::env::vars_os().filter_map(texts) {
            if is_passed_on(&name) {
                set(&name, value);
            }
        }
    }
    let config = HostConfig { functions, on_log: Arc::new(print_log()), ..HostConfig::default() };
    Ok(LambdaHost::start(config, loopback())?)
}

/// Whether a variable of this process goes to the functions, too: what says how they log, and
/// where their spans go.
fn is_passed_on(name: &str) -> bool {
    // They have names of their own.
    let is_name = name == "OTEL_SERVICE_NAME";
    matches!(name, "RUST_LOG" | "RUST_BACKTRACE")
        || name.starts_with("CALLBOARD_TRACE_")
        || name.starts_with("OTEL_") && !is_name
}

/// Prints the functions' lines on a thread of its own: a terminal may be slow.
fn print_log() -> impl Fn(LogLine) {
    let (lines, printed) = std::sync::mpsc::channel::<LogLine>();
    std::thread::spawn(move || {
        for LogLine { function, environment, line } in printed {
            eprintln!("[{function} {environment}] {line}");
        }
    });
    move |line| {
        // The thread ends with the program alone.
        let _ = lines.send(line);
    }
}

/// Asks the functions again which actor types of a new schema they serve.
fn adopt(gateway: Arc<Gateway<DynamoDbStore>>, assign: Arc<Assign>) -> Adopt {
    Box::new(move |schema| {
        let (gateway, assign) = (Arc::clone(&gateway), Arc::clone(&assign));
        Box::pin(async move {
            let served = assign.types(&schema).await?;
            gateway.functions().assign(by_type(&served));
            Ok(())
        })
    })
}

fn by_type(served: &[Served]) -> impl Iterator<Item = (String, String)> {
    served.iter().filter_map(|served| {
        let function = served.function.as_ref()?;
        Some((served.actor_type.clone(), function.name.clone()))
    })
}

fn start_gateway(
    catalog: Catalog,
    served: &[Served],
    assign: &Assign,
    store: DynamoDbStore,
    settings: Settings,
) -> Arc<Gateway<DynamoDbStore>> {
    let functions = Functions::invoked_by(Arc::clone(&assign.invoker), by_type(served));
    // On one machine index writes cost nothing, and one sweeper is enough.
    let settings = Settings {
        terms: Terms { due_step: Duration::from_secs(1), ..Terms::default() },
        admin: true,
        ..settings
    };
    let clock = Arc::new(|| SystemTime::now().into());
    Gateway::start(store, catalog, functions, settings, clock)
}
