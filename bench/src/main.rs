//! Measures Callboard against what it is made of, both sides in one go on one
//! machine. README.md says what each row means.
//!
//! | module | what it knows |
//! | --- | --- |
//! | `cargo` | building what is measured |
//! | `drain` | a backlog, and what it does to others |
//! | `tracing` | what traces cost, and a receiver of them |
//! | `edge` | the gateway without what lies behind it |
//! | `stream` | tells in a stream, and by themselves |
//! | `clients` | what the clients add to bare stubs, and their programs |
//! | `rust_client` | the same for that of Rust |
//! | `sdk` | what the SDK adds to a handler, and what a function weighs |
//! | `dev` | a running `callboard dev` |
//! | `asks` | calls to the counter |
//! | `store` | the store writes that an ask is made of |
//! | `invocation` | a bare local invocation, and the process that it runs |
//! | `process` | processes and their memory |
//! | `sample` | percentiles, medians of repetitions, noise |
//! | `row` | the rows |
//! | `report` | the table, and the same as JSON |

mod asks;
mod cargo;
mod clients;
mod dev;
mod drain;
mod edge;
mod invocation;
mod process;
mod report;
mod row;
mod rust_client;
mod sample;
mod sdk;
mod store;
mod stream;
mod tracing;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use report::Report;
use row::Row;

/// What can go wrong ends the run.
type Error = Box<dyn std::error::Error + Send + Sync>;

type Result<T> = std::result::Result<T, Error>;

/// Measures Callboard against what it is made of.
#[derive(Parser)]
#[command(name = "callboard-bench", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Measure this row alone.
    #[arg(long, value_enum)]
    only: Option<Row>,
    /// Also write the figures to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Timed calls in a repetition of `ask-latency`.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(100..))]
    calls: u32,
    /// Repetitions; the figures are their medians.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    repetitions: u32,
}

#[derive(Subcommand)]
enum Command {
    /// What the bare local invocation invokes: answers with what it is given.
    #[command(hide = true)]
    Echo,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut runtime = match arguments.command {
        // As actors' functions do.
        Some(Command::Echo) => tokio::runtime::Builder::new_current_thread(),
        None => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime.enable_all().build().expect("threads and timers are to be had");
    let result = runtime.block_on(async {
        match arguments.command {
            Some(Command::Echo) => invocation::echo().await,
            None => run(&arguments).await,
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A target that is missed is a figure, not an error.
async fn run(arguments: &Arguments) -> Result<()> {
    if cfg!(debug_assertions) {
        return Err(
            "a debug build measures nothing; run `cargo run --release -p callboard-bench`".into()
        );
    }
    let is_wanted = |row: &Row| arguments.only.is_none_or(|only| only == *row);
    let rows = Row::ALL.into_iter().filter(is_wanted);
    let built = rows.clone().any(Row::needs_programs).then(cargo::build).transpose()?;
    if rows.clone().any(|row| row == Row::Clients) {
        built.as_ref().map(clients::are_ready).transpose()?;
    }
    let mut report = Report::begin();
    for row in rows {
        eprintln!("measuring {row}");
        report.extend(row.measure(built.as_ref(), arguments).await?);
    }
    println!("{report}");
    if let Some(file) = &arguments.json {
        std::fs::write(file, report.json()?)?;
        eprintln!("written to {}", file.display());
    }
    Ok(())
}
