//! Real processes that are killed, frozen and lied to about the time.
//!
//! ```text
//! senders ──gRPC──▶ gateways ──Invoke──▶ Lambda host ──▶ the actors' processes
//!    │                 │                                     │
//!    ▼                 └──────────▶ DynamoDB ◀───────────────┘
//! journal                              ▲
//!    └────────── history ◀── ledgers ──┘
//! ```
//!
//! Senders, Lambda host and DynamoDB live in this process and come to no harm,
//! as AWS does not. Gateways and actors are processes of their own, the same
//! programs that production runs. A saboteur does to them what a plan says, and
//! the plan follows from a seed. In the end all processes are killed at once and
//! started again. What was acknowledged must then be processed within the time
//! that `docs/protocol.md` gives for it, without another message, and the
//! [history](crate::history) of all calls is held against what the actors have
//! committed.
//!
//! | module | what it knows |
//! | --- | --- |
//! | `plan` | what is done to whom, and when |
//! | `saboteur`, `victim`, `clock` | how it is done to a process |
//! | `stage`, `programs`, `gateway` | all that runs |
//! | `folder` | where a run keeps its files |
//! | `sender`, `line` | who sends, and what the end of a call means |
//! | `journal`, `ledgers` | what is written down, and what was committed |
//! | `report` | what is printed |
//!
//! It needs Linux, with its `/proc` and its `LD_PRELOAD`, and a C compiler.
#![cfg(target_os = "linux")]

mod clock;
mod folder;
mod gateway;
mod journal;
mod ledgers;
mod line;
mod plan;
mod programs;
mod report;
mod saboteur;
mod sender;
mod stage;
mod victim;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use callboard_gateway::Settings;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::history::Actor;
use folder::Folder;
use journal::Journal;
use ledgers::Ledgers;
use line::Line;
use plan::Plan;
use report::Report;
use saboteur::Saboteur;
use sender::Sender;
use stage::Stage;

/// The type of the actors.
const ACTOR_TYPE: &str = "proof.v1.Ledger";

/// What recovery may take beyond what `docs/protocol.md` says: the handlers of
/// all that waited, and a back-off after crashes.
const RECOVERY_MARGIN: Duration = Duration::from_secs(30);

/// A seed that nobody gave is below this: short enough to be typed.
const SEED_MAX: u64 = 1_000_000;

/// What can go wrong in the proof itself.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

type Result<T> = std::result::Result<T, Error>;

/// What it does, as its `--help` says.
const ABOUT: &str = "Kill, freeze and mislead real gateways and actors under load, and check that \
                     nothing acknowledged is lost, doubled or reordered";

/// What to break, and for how long.
#[derive(clap::Parser, Clone, Debug)]
#[command(name = "chaos", about = ABOUT, long_about = None, max_term_width = 100)]
pub struct Options {
    /// How long messages are sent and things break; at most two hours, since all of it is kept in
    /// memory.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=7_200))]
    pub seconds: u64,
    /// Decides what is done to whom and when [default: another one each time].
    #[arg(long)]
    pub seed: Option<u64>,
    /// How many actors there are.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub actors: u32,
    /// How many send.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub senders: u32,
    /// How many gateways run.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub gateways: u16,
    /// How many processes the actors have at most.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub concurrency: u16,
    /// The gateway's program. Then nothing is built, and the actor's is the one beside this program
    /// [default: both as they are in this repository, built now].
    #[arg(long)]
    pub callboard: Option<PathBuf>,
    /// The folder for data, logs and history, which is then kept whatever is found [default: a
    /// temporary one, kept when something is found].
    #[arg(long)]
    pub dir: Option<PathBuf>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every promise was kept.
    Passed,
    /// Something was found; it is printed.
    Failed,
    /// Somebody stopped it.
    Interrupted,
}

/// Does it all, and prints what it finds. Unless every promise was kept, logs and
/// history are kept too.
///
/// # Errors
/// When something cannot be built, started or read.
pub async fn run(options: Options) -> Result<Outcome> {
    let folder = Folder::make(options.dir.as_deref())?;
    let outcome = run_in(&folder, &options).await;
    if !matches!(outcome, Ok(Outcome::Passed | Outcome::Interrupted)) {
        println!("logs and history are in {}", folder.keep().display());
    }
    outcome
}

async fn run_in(folder: &Folder, options: &Options) -> Result<Outcome> {
    folder.log()?;
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..SEED_MAX));
    println!("seed {seed}; files are in {}", folder.path().display());
    let mut told_to_stop = std::pin::pin!(told_to_stop());
    let stage = tokio::select! {
        stage = Stage::start(options, folder.path()) => stage?,
        told = &mut told_to_stop => return told,
    };
    let report = tokio::select! {
        report = play(options, seed, &stage, folder.path()) => Some(report),
        _ = told_to_stop => None,
    };
    stage.stop().await;
    let Some(report) = report else { return Ok(Outcome::Interrupted) };
    let report = report?;
    println!("{report}");
    Ok(if report.is_clean() { Outcome::Passed } else { Outcome::Failed })
}

/// Sends and breaks things for as long as it was told to, waits until all is
/// quiet, and checks what there is.
async fn play(options: &Options, seed: u64, stage: &Stage, folder: &Path) -> Result<Report> {
    let journal = Arc::new(Journal::begin(folder)?);
    let ledgers = Ledgers::new(&stage.store, options.actors);
    let until = Instant::now() + Duration::from_secs(options.seconds);
    let mut senders = JoinSet::new();
    for number in 1..=options.senders {
        let lines = stage.gateways.iter().map(|gateway| Line::to(gateway.address)).collect();
        let sender = Sender::new(number, seed, lines, options.actors, Arc::clone(&journal));
        senders.spawn(sender.run(until));
    }
    let mut saboteur = Saboteur::new(stage, &journal, options.concurrency.into());
    let breaking = async {
        saboteur.follow(Plan::new(seed), until).await?;
        saboteur.strike_all()?;
        saboteur.relent().await?;
        while let Some(ended) = senders.join_next().await {
            ended?;
        }
        Ok::<_, Error>(())
    };
    tokio::select! {
        broken = breaking => broken?,
        failed = report::progress(&journal, &ledgers) => return Err(failed),
    }

    let mut history = journal.history()?;
    let tally = journal.tally();
    let max = recovery_max(tally.furthest_ahead);
    println!("waiting until all is processed, {} s at most", max.as_secs());
    let settled = ledgers.settle(&history, max).await?;
    history.extend(settled.effects);
    history.write(std::io::BufWriter::new(File::create(folder.join("history.jsonl"))?))?;
    let ended_unasked = stage.gateways.iter().map(|gateway| gateway.ended_unasked()).sum();
    Report::new(seed, tally, &history, settled.took, max, ended_unasked, folder)
}

/// The longest time that an actor may wait whose gateway and process both died.
/// A lease that was given by a clock that was ahead is longer by that much.
fn recovery_max(furthest_ahead: Duration) -> Duration {
    let Settings { terms, sweep_period, .. } = Settings::default();
    terms.length + terms.due_step + sweep_period + furthest_ahead + RECOVERY_MARGIN
}

/// The key of an actor.
fn key(actor: Actor) -> String {
    format!("ledger-{}", actor.0)
}

/// Waits for Ctrl-C or SIGTERM.
async fn told_to_stop() -> Result<Outcome> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(Outcome::Interrupted)
}
