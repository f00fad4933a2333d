//! What gateways do to each other: `cargo run --profile proof -p callboard-proof --bin scale`.

use std::process::ExitCode;
use std::time::Instant;

use callboard_proof::scale::tally::{Counts, Kind};
use callboard_proof::scale::{self, Outcome, Plan, bounds};
use clap::Parser;
use mimalloc::MiMalloc;

/// Most of the time is allocation, with that of the C library.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// One, ten and a hundred gateways with the same messages over a million actors.
#[derive(Parser)]
struct Arguments {
    /// How many gateways, one run for each.
    #[arg(long, value_delimiter = ',', default_value = "1,10,100")]
    gateways: Vec<u32>,
    /// How many actors.
    #[arg(long, default_value_t = 1_000_000)]
    actors: u32,
    /// How many messages.
    #[arg(long, default_value_t = 40_000)]
    messages: u32,
    /// How many of them a second.
    #[arg(long, default_value_t = 200)]
    per_second: u32,
    /// What everything is drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let Arguments { gateways, actors, messages, per_second, seed } = Arguments::parse();
    let (mut passed, mut failed) = (0, 0);
    let mut rows = Vec::new();
    for gateways in gateways {
        let begun = Instant::now();
        let plan = Plan { seed, gateways, actors, messages, per_second };
        let outcome = scale::run(plan);
        println!(
            "{gateways} gateways: {messages} messages to {actors} actors, at rest {:.0} s after the \
             last one; {:.0} s simulated in {:.0} s",
            outcome.quiet_after.as_secs_f64(),
            outcome.took.as_secs_f64(),
            begun.elapsed().as_secs_f64(),
        );
        for bound in bounds::of(&outcome) {
            let verdict = if bound.holds() { "ok" } else { "FAILED" };
            println!("  {verdict:<7}{:<42}{:>14.3} <= {:.3}", bound.what, bound.is, bound.most);
            *if bound.holds() { &mut passed } else { &mut failed } += 1;
        }
        rows.push(outcome);
    }
    print(&rows);
    println!("\n{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The tables of `docs/scale.md`.
fn print(outcomes: &[Outcome]) {
    println!(
        "\n| gateways | sweep queries a second | index entries a query | requests a message |"
    );
    println!("| --- | --- | --- | --- |");
    for Outcome { plan, tally, took, .. } in outcomes {
        let all = tally.all();
        println!(
            "| {} | {:.0} | {:.3} | {:.1} |",
            plan.gateways,
            tally.sweep_queries as f64 / took.as_secs_f64(),
            tally.swept as f64 / tally.sweep_queries.max(1) as f64,
            all.per_message(all.requests),
        );
    }
    println!(
        "\n| message | gateways | messages | appends | conflicts | refused wakes | runs | empty runs \
         | gateways' reads | gateways' writes |"
    );
    println!("|{}", " --- |".repeat(10));
    for kind in Kind::ALL {
        for Outcome { plan, tally, .. } in outcomes {
            let counts = tally.kind(kind);
            let Counts { sent, appends, conflicts, refused, runs, empty, .. } = *counts;
            let each = [appends, conflicts, refused, runs, empty, counts.reads, counts.writes]
                .map(|count| format!("{:.3}", counts.per_message(count)));
            println!("| {} | {} | {sent} | {} |", kind.name(), plan.gateways, each.join(" | "));
        }
    }
}
