//! Runs binaries as Lambda functions until stdin closes:
//! `cargo run -p callboard-local --example serve -- counter=target/debug/counter`

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use callboard_local::{FunctionConfig, HostConfig, LambdaHost, LogLine};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut functions = Vec::new();
    for argument in std::env::args().skip(1) {
        let (name, command) = argument.split_once('=').ok_or("usage: serve NAME=COMMAND…")?;
        functions.push(FunctionConfig::new(name, command));
    }
    let on_log = Arc::new(|line: LogLine| {
        eprintln!("{} {} | {}", line.function, line.environment, line.line);
    });
    let config = HostConfig { functions, on_log, ..HostConfig::default() };
    let host = LambdaHost::start(config, "127.0.0.1:0".parse()?)?;
    println!("{}", host.endpoint_url());

    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    host.shutdown(Duration::from_secs(10)).await;
    Ok(())
}
