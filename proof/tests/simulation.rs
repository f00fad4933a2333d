//! A few seeds of the simulation. The full run is
//! `cargo run --profile proof -p callboard-proof --bin simulate`.

use callboard_proof::simulation::campaign;
use callboard_proof::simulation::{self, Outcome};

/// How many seeds `cargo test` runs.
const SEEDS: u64 = 4;

#[test]
fn every_promise_is_kept_whatever_happens() {
    let mut wrong = Vec::new();
    let totals = campaign::run(0..SEEDS, 2, |outcome, _| {
        let Outcome { seed, .. } = outcome;
        wrong.extend(outcome.wrong.iter().map(|what| format!("seed {seed}: {what}")));
    });
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(totals.passed, SEEDS);
}

#[test]
fn a_seed_makes_the_same_run_each_time() {
    for seed in [4, 5] {
        let (first, again) = (simulation::run(seed, false), simulation::run(seed, false));
        assert_eq!(first.last, again.last, "seed {seed}");
        assert_eq!((first.lines, first.hash), (again.lines, again.hash), "seed {seed}");
    }
}
