//! Measures Callboard against what it is made of, both sides in one go on one
//! machine. README.md says what each row means.
//!
//! | module | what it knows |
//! | --- | --- |
//! | `row` | the rows |
//! | `ask_latency` | one ask after the other |
//! | `rates` | many callers at once |
//! | `drain` | a backlog, and what it does to others |
//! | `edge` | the gateway without what lies behind it |
//! | `stream` | tells in a stream, and by themselves |
//! | `clients` | what the clients add to bare stubs, and their programs |
//! | `rust_client` | the same for that of Rust |
//! | `tracing` | what traces cost, and a receiver of them |
//! | `sdk` | what the SDK adds to a handler, and what a function weighs |
//! | `memory` | what processes take |
//! | `price` | request units |
//! | `cargo` | building what is measured |
//! | `dev` | a running `callboard dev` |
//! | `counter` | calls to the counter |
//! | `load` | callers in a closed loop and in an open one |
//! | `parts` | what a call is made of, by many at once |
//! | `store` | the store operations in it |
//! | `invocation` | a bare local invocation, and the process that it runs |
//! | `echo` | a bare server, in this process and as one of its own |
//! | `process` | processes and their memory |
//! | `sample` | percentiles, medians of repetitions, noise |
//! | `report` | the table, and the same as JSON |
//! | `svg` | the targets and how far they are met, drawn |

mod ask_latency;
mod cargo;
mod clients;
mod counter;
mod dev;
mod drain;
mod echo;
mod edge;
mod invocation;
mod load;
mod memory;
mod parts;
mod price;
mod process;
mod rates;
mod report;
mod row;
mod rust_client;
mod sample;
mod sdk;
mod store;
mod stream;
mod svg;
mod tracing;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

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
    /// Also draw the figures that have a target to this file.
    #[arg(long)]
    svg: Option<PathBuf>,
    /// Timed calls in a repetition of `ask_latency`; rows with many callers at once make five
    /// times as many.
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
    Function,
    /// A bare server in a process of its own.
    #[command(hide = true)]
    Server,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut runtime = match arguments.command {
        // As actors' functions do.
        Some(Command::Function) => tokio::runtime::Builder::new_current_thread(),
        Some(Command::Server) | None => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime.enable_all().build().expect("threads and timers are to be had");
    let result = runtime.block_on(async {
        match arguments.command {
            Some(Command::Function) => invocation::function().await,
            Some(Command::Server) => echo::serve().await,
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
    let rows = Row::value_variants().iter().copied().filter(is_wanted);
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
    if let Some(file) = &arguments.svg {
        std::fs::write(file, report.svg())?;
        eprintln!("drawn to {}", file.display());
    }
    Ok(())
}
