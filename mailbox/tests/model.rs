//! The protocol, explored exhaustively within bounds: every interleaving of
//! gateways, runs of the actor and a sweeper, with crashes, lost answers, lost
//! invocations, leases that end early and clocks that are ahead.
//!
//! What is explored are the state machines that the product runs (`Send`,
//! `Drain`, `Sweep`) over the store on maps; `world.rs` only schedules them.
//! Each rule of the protocol is also broken on purpose: a model that does not
//! fail then checks nothing.

#[path = "model/world.rs"]
mod world;

use stateright::{Checker, Model};
use world::{Bounds, Mutation, Protocol};

/// More than any configuration needs; a bug in the model must not run for ever.
const STATES_MAX: usize = 12_000_000;

fn explore(protocol: Protocol) -> impl Checker<Protocol> {
    protocol.checker().threads(2).target_state_count(STATES_MAX).spawn_bfs().join()
}

const CONFIGURATIONS: [(&str, Bounds); 8] = [
    ("two gateways, a message each, a crash", Bounds { messages: [1, 1], crashes: 1, ..NONE }),
    ("two gateways, two messages and one", Bounds { messages: [2, 1], sweeps: 0, ..NONE }),
    ("one gateway, three messages, two crashes", Bounds { messages: [3, 0], crashes: 2, ..NONE }),
    ("two gateways, a lost answer", Bounds { messages: [1, 1], lost: 1, ..NONE }),
    (
        "two gateways, a lost answer and a crash",
        Bounds { messages: [1, 1], lost: 1, crashes: 1, ..NONE },
    ),
    ("two gateways, a clock ahead", Bounds { messages: [1, 1], ahead: 1, ..NONE }),
    (
        "one gateway, a clock ahead and a crash",
        Bounds { messages: [2, 0], ahead: 1, crashes: 1, ..NONE },
    ),
    (
        "two messages, the first fails at first, a crash",
        Bounds { messages: [2, 0], fails: true, crashes: 1, ..NONE },
    ),
];

const NONE: Bounds = Bounds {
    messages: [0, 0],
    crashes: 0,
    lost: 0,
    ahead: 0,
    holes: 0,
    sweeps: 1,
    ticks: 1,
    tells: false,
    fails: false,
};

#[test]
fn no_interleaving_breaks_the_invariants() {
    let mut all = 0;
    for (name, bounds) in CONFIGURATIONS {
        let checker = explore(Protocol { bounds, mutation: Mutation::None });
        let states = checker.unique_state_count();
        println!("unique states: {states:>9}  {name}");
        for (property, path) in checker.discoveries() {
            panic!("{name}: {property}\n{}", world::tell(&path));
        }
        assert!(checker.state_count() < STATES_MAX, "{name}: not exhausted");
        all += states;
    }
    println!("unique states: {all:>9}  in all");
}

#[test]
fn every_broken_rule_is_caught() {
    let base = Bounds { messages: [1, 1], ..NONE };
    let cases = [
        (Mutation::NoSweeper, Bounds { crashes: 1, ..base }),
        (Mutation::DueIsClearedBlindly, base),
        (Mutation::ReleaseClearsDue, Bounds { crashes: 1, ..base }),
        (Mutation::NoWakeAfterAppend, base),
        (Mutation::NoConfirmation, Bounds { messages: [1, 0], ahead: 1, ..NONE }),
        (Mutation::ExpiredIsIdle, Bounds { ahead: 1, ..base }),
        (Mutation::NoFencing, Bounds { tells: true, ..base }),
        (Mutation::HolesAreSkipped, Bounds { messages: [3, 0], holes: 1, ..NONE }),
        (Mutation::LostAppendGoesElsewhere, Bounds { lost: 1, ..base }),
        (Mutation::SegmentsGoAtCommit, base),
        (Mutation::NothingAtHandIsAll, Bounds { messages: [1, 1], crashes: 1, ..NONE }),
        (Mutation::CommitIgnoresHead, Bounds { messages: [2, 0], lost: 1, ..NONE }),
    ];
    let mut missed = Vec::new();
    for (mutation, bounds) in cases {
        let checker = explore(Protocol { bounds, mutation });
        match checker.discoveries().into_iter().next() {
            Some((property, path)) => {
                let steps = path.into_actions().len();
                println!("{mutation:?}: caught after {steps} steps: {property}");
            }
            None => missed.push((mutation, checker.unique_state_count())),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
