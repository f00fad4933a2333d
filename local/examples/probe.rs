//! A Lambda function that does what its payload says, and starts as `PROBE_START` says.
//!
//! It is an ordinary `lambda_runtime` binary; the tests run it in a `LambdaHost`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use lambda_runtime::{LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::{Value, json};

/// What to do with one invocation. All answers carry the process id.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Order {
    /// Answer with the payload, the context and the environment variables.
    Echo { value: Value },
    /// Print lines, then answer.
    Print { lines: Vec<String> },
    /// Print "waiting", then answer when the file exists.
    Wait { until: PathBuf },
    /// Print "waiting", then block the thread and never answer.
    Hang,
    /// Answer with that many bytes of text.
    Large { bytes: usize },
    /// Fail with a message.
    Fail { message: String },
    /// Panic with a message.
    Panic { message: String },
    /// Exit in the middle of the invocation.
    Exit { code: i32 },
    /// End by SIGKILL in the middle of the invocation.
    Kill,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    match std::env::var("PROBE_START").as_deref() {
        Ok("die") => {
            eprintln!("the map is missing");
            std::process::exit(3);
        }
        Ok("hang") => {
            eprintln!("looking for the map");
            hang();
        }
        Ok("init error") => {
            let error = r#"{"errorType":"NoMap","errorMessage":"the map is missing"}"#;
            call("POST", "/2018-06-01/runtime/init/error", "", error)?;
            std::process::exit(1);
        }
        Ok("extension") => run_extension()?,
        Ok("graceful") => {
            lambda_runtime::spawn_graceful_shutdown_handler(|| async { println!("goodbye") }).await;
        }
        _ => {}
    }
    lambda_runtime::run(service_fn(obey)).await
}

async fn obey(event: LambdaEvent<Order>) -> Result<Value, lambda_runtime::Error> {
    let pid = std::process::id();
    match event.payload {
        Order::Echo { value } => {
            let variables: std::collections::BTreeMap<_, _> = std::env::vars().collect();
            let context = serde_json::to_value(&event.context)?;
            return Ok(
                json!({ "pid": pid, "value": value, "context": context, "variables": variables }),
            );
        }
        Order::Print { lines } => lines.iter().for_each(|line| println!("{line}")),
        Order::Wait { until } => {
            println!("waiting");
            while !until.exists() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        Order::Hang => {
            println!("waiting");
            hang();
        }
        Order::Large { bytes } => return Ok(json!({ "pid": pid, "text": "x".repeat(bytes) })),
        Order::Fail { message } => return Err(message.into()),
        Order::Panic { message } => panic!("{message}"),
        Order::Exit { code } => std::process::exit(code),
        Order::Kill => {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::KILL)?;
            hang();
        }
    }
    Ok(json!({ "pid": pid }))
}

fn hang() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// An internal extension that takes part in invocations: it works on after the answer, until the
/// file named by `PROBE_GATE` exists, and says so.
fn run_extension() -> std::io::Result<()> {
    let register = "/2020-01-01/extension/register";
    let head =
        call("POST", register, "lambda-extension-name: probe\r\n", r#"{"events":["INVOKE"]}"#)?;
    let id = head
        .lines()
        .find_map(|line| line.strip_prefix("lambda-extension-identifier: "))
        .expect("a registration is answered with an identifier");
    let header = format!("lambda-extension-identifier: {id}\r\n");
    let gate = PathBuf::from(std::env::var("PROBE_GATE").expect("PROBE_GATE is set"));
    std::thread::spawn(move || {
        while let Ok(event) = call("GET", "/2020-01-01/extension/event/next", &header, "") {
            assert!(event.contains("\"INVOKE\""), "{event}");
            println!("extension works");
            while !gate.exists() {
                std::thread::sleep(Duration::from_millis(2));
            }
            println!("extension done");
        }
    });
    Ok(())
}

/// A bare HTTP request to the host; the whole answer as text.
fn call(method: &str, path: &str, headers: &str, body: &str) -> std::io::Result<String> {
    let address = std::env::var("AWS_LAMBDA_RUNTIME_API").expect("the host sets it");
    let mut connection = TcpStream::connect(&address)?;
    let length = body.len();
    write!(
        connection,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-length: {length}\r\n{headers}\r\n{body}"
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    if answer.is_empty() {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(answer)
}
