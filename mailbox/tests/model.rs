//! The protocol, explored exhaustively within bounds: every interleaving of
//! gateways, runs of two actors and a sweeper, with crashes, lost and late
//! writes, lost invocations, leases that end early and clocks that are ahead.
//!
//! What is explored are the state machines that the product runs (`Send`,
//! `Delay`, `Drain`, `Sweep`) over the store on maps; `steps.rs` only schedules
//! them. Each rule of the protocol is also broken on purpose: a model that does
//! not fail then checks nothing.

#[path = "model/rules.rs"]
mod rules;
#[path = "model/steps.rs"]
mod steps;
#[path = "model/world.rs"]
mod world;

use std::time::Instant;

use rules::{Bounds, Mutation, NONE};
use stateright::{Checker, Model};
use steps::Protocol;

/// More steps than any configuration needs; a bug in the model must not run for
/// ever, nor fill the memory.
const STATES_MAX: usize = 60_000_000;

/// Looks everywhere. Depth first, since few states then wait to be looked at.
fn exhaust(protocol: Protocol) -> impl Checker<Protocol> {
    protocol.checker().threads(2).target_state_count(STATES_MAX).spawn_dfs().join()
}

/// Looks for the shortest way to break a rule.
fn seek(protocol: Protocol) -> impl Checker<Protocol> {
    protocol.checker().threads(2).target_state_count(STATES_MAX).spawn_bfs().join()
}

const CONFIGURATIONS: [(&str, Bounds); 19] = [
    ("two gateways, a message each, a crash", Bounds { messages: [1, 1], crashes: 1, ..NONE }),
    ("two gateways, two messages and one", Bounds { messages: [2, 1], sweeps: 0, ..NONE }),
    ("one gateway, three messages, two crashes", Bounds { messages: [3, 0], crashes: 2, ..NONE }),
    (
        "two gateways, a lost answer and a crash",
        Bounds { messages: [1, 1], lost: 1, crashes: 1, ..NONE },
    ),
    ("two gateways, a late write", Bounds { messages: [1, 1], late: 1, ..NONE }),
    ("an invocation delivered twice", Bounds { messages: [2, 0], doubled: 1, crashes: 1, ..NONE }),
    ("two gateways, a clock ahead", Bounds { messages: [1, 1], ahead: 1, ..NONE }),
    (
        "one gateway, a clock ahead and a crash",
        Bounds { messages: [2, 0], ahead: 1, crashes: 1, ..NONE },
    ),
    (
        "the first message fails once, a crash",
        Bounds { messages: [2, 0], failures: 1, crashes: 1, ticks: 2, ..NONE },
    ),
    (
        "the first message fails for good, a crash",
        Bounds { messages: [2, 0], failures: 9, crashes: 1, ticks: 2, ..NONE },
    ),
    (
        "an actor sends to another, a crash",
        Bounds { messages: [2, 0], sends: true, crashes: 1, sweeps: 0, ..NONE },
    ),
    (
        "two gateways, an actor sends to another, a hole",
        Bounds { messages: [1, 1], sends: true, holes: 1, sweeps: 0, ticks: 0, ..NONE },
    ),
    (
        "an actor sends to another once, a crash",
        Bounds { messages: [1, 0], sends: true, crashes: 1, ..NONE },
    ),
    (
        "an actor sends to another, a lost answer and a crash",
        Bounds { messages: [1, 0], sends: true, lost: 1, crashes: 1, ..NONE },
    ),
    (
        "two gateways, three messages and a crash",
        Bounds { messages: [2, 1], crashes: 1, sweeps: 0, ..NONE },
    ),
    (
        "two delayed messages, a lost answer and a crash",
        Bounds { delayed: [1, 1], lost: 1, crashes: 1, sweeps: 2, ticks: 2, ..NONE },
    ),
    (
        "two delayed messages, a late write and a crash",
        Bounds { delayed: [1, 1], late: 1, crashes: 1, ..NONE },
    ),
    (
        "a message and a delayed one by two gateways, a late write",
        Bounds { messages: [1, 0], delayed: [0, 1], late: 1, sweeps: 2, ..NONE },
    ),
    (
        "a message and a delayed one by two gateways, a crash",
        Bounds { messages: [1, 0], delayed: [0, 1], crashes: 1, sweeps: 2, ticks: 2, ..NONE },
    ),
];

#[test]
fn no_interleaving_breaks_the_invariants() {
    let mut all = 0;
    for (name, bounds) in CONFIGURATIONS {
        let begun = Instant::now();
        let checker = exhaust(Protocol { bounds, mutation: Mutation::None });
        let states = checker.unique_state_count();
        let seconds = begun.elapsed().as_secs();
        println!("unique states: {states:>9}  {name} ({seconds} s)");
        if let Some((property, path)) = checker.discoveries().into_iter().next() {
            let last = path.last_state();
            let broken = last.broken_rule(bounds.tells, bounds.sends).unwrap_or(property);
            panic!("{name}: {broken}\n{}{last:#?}", steps::tell(&path));
        }
        assert!(checker.state_count() < STATES_MAX, "{name}: not exhausted");
        all += states;
    }
    println!("unique states: {all:>9}  in all");
}

#[test]
fn every_broken_rule_is_caught() {
    let base = Bounds { messages: [1, 1], ..NONE };
    let sends = Bounds { messages: [1, 0], sends: true, ..NONE };
    let cases = [
        (Mutation::NoSweeper, Bounds { crashes: 1, ..base }),
        (Mutation::DueIsClearedBlindly, base),
        (Mutation::ReleaseClearsDue, Bounds { crashes: 1, ..base }),
        (Mutation::NoWakeAfterAppend, base),
        (Mutation::NoConfirmation, Bounds { messages: [1, 0], ahead: 1, ..NONE }),
        (Mutation::ExpiredIsIdle, Bounds { ahead: 1, ..base }),
        (Mutation::NoFencing, Bounds { tells: true, ..base }),
        (Mutation::CommitIgnoresRevision, Bounds { messages: [2, 0], lost: 1, ..NONE }),
        (Mutation::HolesAreSkipped, Bounds { messages: [3, 0], holes: 1, ..NONE }),
        (
            Mutation::ParcelsAreNotConfirmed,
            Bounds { messages: [2, 0], holes: 1, sweeps: 0, ticks: 0, ..sends },
        ),
        (Mutation::LostAppendGoesElsewhere, Bounds { lost: 1, ..base }),
        (Mutation::SegmentsGoAtCommit, base),
        (Mutation::NoReceipt, Bounds { delayed: [1, 0], late: 1, ..NONE }),
        (
            Mutation::ScheduleKeepsEpoch,
            Bounds { messages: [1, 0], delayed: [0, 1], sweeps: 2, ..NONE },
        ),
        (Mutation::NoPendingWakes, Bounds { crashes: 1, ..sends }),
        (Mutation::RestForgetsWakes, Bounds { crashes: 1, ..sends }),
        (
            Mutation::WakesAreTakenForDone,
            Bounds {
                messages: [2, 1],
                sends: true,
                crashes: 1,
                sweeps: 0,
                ticks: 0,
                prologue: true,
                ..NONE
            },
        ),
        (
            Mutation::CrashesDoNotCount,
            Bounds { messages: [1, 0], failures: 9, crashes: 3, ticks: 3, ..NONE },
        ),
    ];
    let mut missed = Vec::new();
    println!("{:<26} {:>5}  broken", "rule left out", "steps");
    for (mutation, bounds) in cases {
        let checker = seek(Protocol { bounds, mutation });
        match checker.discoveries().into_iter().next() {
            Some((property, path)) => {
                let last = path.last_state();
                let broken = last.broken_rule(bounds.tells, bounds.sends).unwrap_or(property);
                let steps = path.into_actions().len();
                println!("{:<26} {steps:>5}  {broken}", format!("{mutation:?}"));
            }
            None => missed.push((mutation, checker.unique_state_count())),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
