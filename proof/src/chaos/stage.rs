//! All that runs: DynamoDB, the Lambda host with the actors, the gateways.

use std::fs::File;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::config::Credentials;
use callboard_local::lambda::Warden;
use callboard_local::{
    EmbeddedDynamoDb, FunctionConfig, HostConfig, LambdaHost, LogLine, Storage, Sync,
};
use callboard_mailbox_dynamodb::{DynamoDbStore, Tables, connect, schema};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::clock::Clocks;
use super::gateway::Gateway;
use super::programs::Programs;
use super::victim::Victim;
use super::{ACTOR_TYPE, Options, Result};

/// What the function is called.
const FUNCTION: &str = "ledger";

/// Where AWS would be; nobody asks.
const REGION: &str = "us-east-1";

/// Where listeners go: below the ports from which connections are made.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// How many ports are tried before none is free.
const PORT_TRIES: usize = 100;

/// How long running invocations may take at the end.
const GRACE: Duration = Duration::from_secs(2);

/// Everything, running. Only its gateways and the actors' processes ever come
/// to harm: the database and the host stand for AWS.
pub(super) struct Stage {
    /// The gateways, by number less one.
    pub(super) gateways: Vec<Arc<Gateway>>,
    /// Moves the clocks of gateways and actors.
    pub(super) clocks: Clocks,
    /// What the actors have committed.
    pub(super) store: DynamoDbStore,
    ledger: PathBuf,
    dynamodb: EmbeddedDynamoDb,
    lambda: LambdaHost,
    keepers: JoinSet<Result<()>>,
    stop: watch::Sender<bool>,
}

impl Stage {
    /// Starts everything, with logs and data in a folder, and waits until all
    /// gateways listen.
    pub(super) async fn start(options: &Options, folder: &Path) -> Result<Self> {
        let programs = Programs::build(options.callboard.as_deref(), folder).await?;
        let clocks_folder = folder.join("clocks");
        std::fs::create_dir(&clocks_folder)?;
        let clocks = Clocks::build(&clocks_folder)?;
        let storage = Storage::Directory { path: folder.join("data"), sync: Sync::Os };
        let dynamodb = EmbeddedDynamoDb::start(storage, free_address()?)?;
        let store = make_store(&dynamodb.endpoint_url()).await?;
        let lambda = start_host(options, &programs, &clocks, &dynamodb, folder)?;

        let endpoints = [
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.endpoint_url()),
            ("AWS_ENDPOINT_URL_LAMBDA", lambda.endpoint_url()),
        ];
        let (stop, stopped) = watch::channel(false);
        let warden = Arc::new(Warden::start()?);
        let mut gateways = Vec::new();
        let mut keepers = JoinSet::new();
        for number in 1..=options.gateways {
            let gateway = Arc::new(Gateway::new(number, free_address()?));
            let mut command = serve(&programs, gateway.address);
            command.envs(endpoints.clone()).envs(clocks.variables());
            let log = File::create(folder.join(format!("gateway-{number}.log")))?;
            let keep = Arc::clone(&gateway).keep(command, log, warden.clone(), stopped.clone());
            keepers.spawn(keep);
            gateway.until_it_listens().await?;
            if !gateway.running().is_some_and(|process| clocks.has(process.pid())) {
                return Err(
                    "the clock of the gateway cannot be moved; is it linked statically?".into()
                );
            }
            gateways.push(gateway);
        }
        let ledger = programs.ledger;
        Ok(Self { gateways, clocks, store, ledger, dynamodb, lambda, keepers, stop })
    }

    /// The actors' processes that there are now.
    pub(super) fn actors(&self) -> Result<Vec<Arc<Victim>>> {
        Ok(Victim::all_of(&self.ledger)?.into_iter().map(Arc::new).collect())
    }

    /// Every process that may come to harm.
    pub(super) fn victims(&self) -> Result<Vec<Arc<Victim>>> {
        let mut all = self.actors()?;
        all.extend(self.gateways.iter().filter_map(|gateway| gateway.running()));
        Ok(all)
    }

    /// Ends everything, frozen or not.
    pub(super) async fn stop(mut self) {
        self.stop.send_replace(true);
        while let Some(ended) = self.keepers.join_next().await {
            if let Ok(Err(error)) = ended {
                eprintln!("a gateway could not be kept running: {error}");
            }
        }
        for victim in Victim::all_of(&self.ledger).unwrap_or_default() {
            // It may have ended in this moment.
            let _ = victim.thaw();
        }
        self.lambda.shutdown(GRACE).await;
        self.dynamodb.shutdown().await;
    }
}

async fn make_store(endpoint_url: &str) -> Result<DynamoDbStore> {
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new("local", "local", None, None, "chaos"))
        .load()
        .await;
    let client = connect(&config, Some(endpoint_url));
    let tables = Tables::new(schema::DEFAULT_PREFIX);
    tables.create(&client).await?;
    Ok(DynamoDbStore::new(client, tables))
}

fn start_host(
    options: &Options,
    programs: &Programs,
    clocks: &Clocks,
    dynamodb: &EmbeddedDynamoDb,
    folder: &Path,
) -> Result<LambdaHost> {
    let mut function = FunctionConfig::new(FUNCTION, &programs.ledger);
    function.concurrency = options.concurrency.into();
    function.env = vec![("AWS_ENDPOINT_URL_DYNAMODB".into(), dynamodb.endpoint_url())];
    for (name, value) in clocks.variables() {
        let value = value.into_string().map_err(|_| "the folder's path is not UTF-8")?;
        function.env.push((name.into(), value));
    }
    let log = Mutex::new(File::create(folder.join("actors.log"))?);
    let on_log = move |LogLine { environment, line, .. }: LogLine| {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk shows elsewhere.
        let _ = writeln!(log, "[{environment}] {line}");
    };
    let functions = vec![function];
    let config = HostConfig { functions, on_log: Arc::new(on_log), ..HostConfig::default() };
    Ok(LambdaHost::start(config, free_address()?)?)
}

/// A gateway as anybody would start it.
fn serve(programs: &Programs, listen: SocketAddr) -> Command {
    let mut command = Command::new(&programs.callboard);
    command.arg("serve").arg("--listen").arg(listen.to_string());
    command.arg("--protos").arg(&programs.protos);
    command.arg("--function").arg(format!("{ACTOR_TYPE}={FUNCTION}"));
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.env("AWS_REGION", REGION);
    command.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local");
    command
}

/// An address that is free now.
fn free_address() -> Result<SocketAddr> {
    let addresses = (0..PORT_TRIES).map(|_| (Ipv4Addr::LOCALHOST, fastrand::u16(PORTS)).into());
    let free = |address: &SocketAddr| TcpListener::bind(address).is_ok();
    addresses.into_iter().find(free).ok_or_else(|| "no port is free".into())
}
