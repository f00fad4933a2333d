//! Runs the simulation: `cargo run --profile proof -p callboard-proof --bin simulate`.

use std::ops::Range;
use std::process::ExitCode;
use std::thread;

use callboard_proof::simulation::campaign::{self, HITS_MIN, Totals};
use callboard_proof::simulation::{self, Outcome};
use clap::Parser;
use mimalloc::MiMalloc;

/// A fifth of the time is allocation, with that of the C library.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How many seeds a run has unless it is told otherwise. So many must hit every
/// crash point often enough.
const SEEDS: u64 = 1_000;

/// How often it is told how far the run is, in seeds.
const PROGRESS_EVERY: u64 = 50;

/// The real gateway and the real SDK in one thread, with every fault, from a seed.
#[derive(Parser)]
struct Arguments {
    /// The seeds to run, `A..B` without B. Default: as many as --count, from 0.
    #[arg(long, value_parser = range, conflicts_with_all = ["seed", "count"])]
    seeds: Option<Range<u64>>,
    /// How many seeds to run.
    #[arg(long, default_value_t = SEEDS)]
    count: u64,
    /// The one seed to run.
    #[arg(long)]
    seed: Option<u64>,
    /// Print all that happens, for --seed.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// How many seeds run at once. Default: as many as there are processors.
    #[arg(long)]
    threads: Option<usize>,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let (start, end) = text.split_once("..").ok_or("write A..B")?;
    let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no number"));
    Ok(number(start)?..number(end)?)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(seed) = arguments.seed {
        let outcome = simulation::run(seed, arguments.trace);
        let Outcome { hash, lines, messages, took, .. } = &outcome;
        println!("seed {seed}: {messages} messages in {took:?}, {lines} lines, hash {hash:016x}");
        report(&outcome);
        return exit(outcome.wrong.is_empty());
    }
    let seeds = arguments.seeds.unwrap_or(0..arguments.count);
    let count = seeds.end.saturating_sub(seeds.start);
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let threads = arguments.threads.unwrap_or(processors);
    let totals = campaign::run(seeds, threads, |outcome, totals| {
        report(outcome);
        let done = totals.passed + totals.failed;
        if done.is_multiple_of(PROGRESS_EVERY) {
            let elapsed = totals.elapsed.as_secs();
            println!("{done} of {count} seeds, {} messages, {elapsed} s", totals.messages);
        }
    });
    let missed = print(&totals, count >= SEEDS);
    println!("{} passed, {} failed", totals.passed, totals.failed);
    exit(totals.failed == 0 && !missed)
}

fn exit(succeeded: bool) -> ExitCode {
    if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Tells what is wrong with a seed, and how to see it again.
fn report(outcome: &Outcome) {
    if outcome.wrong.is_empty() {
        return;
    }
    let Outcome { seed, wrong, last, .. } = outcome;
    println!("\nseed {seed} FAILED; the end of its trace:");
    last.iter().for_each(|line| println!("{line}"));
    println!("what is wrong:");
    wrong.iter().for_each(|what| println!("  {what}"));
    println!(
        "again: cargo run --profile proof -p callboard-proof --bin simulate -- --seed {seed} --trace\n"
    );
}

/// Prints what happened; true when something of it happened too seldom.
fn print(totals: &Totals, is_complete: bool) -> bool {
    println!("\n{:<44} {:>8}", "crash point", "crashes");
    for (name, hits) in totals.crashes.by_point() {
        println!("{name:<44} {hits:>8}");
    }
    println!("\n{:<44} {:>8}", "fault", "times");
    for (fault, times) in &totals.tally.faults {
        println!("{fault:<44} {times:>8}");
    }
    println!("\n{:<44} {:>8}", "what actors did to each other", "times");
    for (deed, times) in totals.deeds.by_name() {
        println!("{deed:<44} {times:>8}");
    }
    let seconds = totals.elapsed.as_secs_f64();
    let (messages, requests) = (totals.messages, totals.tally.requests);
    println!(
        "\n{messages} messages, {requests} requests and {:.1} simulated hours in {seconds:.0} s: \
         {:.0} messages a second",
        totals.took.as_secs_f64() / 3_600.0,
        messages as f64 / seconds
    );
    println!("after the faults, all was quiet within {:.0} s", totals.quiet_after.as_secs_f64());
    let missed = if is_complete { totals.missed() } else { Vec::new() };
    for name in &missed {
        println!("less than {HITS_MIN} times: {name}");
    }
    !missed.is_empty()
}
