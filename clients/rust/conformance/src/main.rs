//! The conformance driver of the Rust client: it reads operations as lines of
//! JSON, does them with the client, and writes what comes, as
//! conformance/README.md says.

mod answer;
mod arguments;
mod driver;
mod interpreter;
mod streams;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::driver::Driver;

/// What an operation, or the whole program, fails with that is no call.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A line of the input.
#[derive(Deserialize)]
struct Operation {
    id: i64,
    op: String,
    #[serde(default)]
    args: Value,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let (answers, mut lines) = mpsc::unbounded_channel::<Value>();
    let writer = tokio::spawn(async move {
        let mut output = tokio::io::stdout();
        while let Some(line) = lines.recv().await {
            output.write_all(format!("{line}\n").as_bytes()).await?;
            output.flush().await?;
        }
        Ok::<_, std::io::Error>(())
    });
    answers.send(json!({"ready": true, "language": "rust"}))?;
    let driver = Arc::new(Driver::default());
    let mut open = JoinSet::new();
    let mut input = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = input.next_line().await? {
        let Operation { id, op, args } = serde_json::from_str(&line)?;
        let outcome = driver.begin(op, args);
        let answers = answers.clone();
        open.spawn(async move {
            let line = answer::line(id, outcome.await);
            answers.send(line).expect("it is written until the end");
        });
    }
    driver.close().await;
    open.join_all().await;
    drop(answers);
    writer.await??;
    Ok(())
}
