//! The simulation of many gateways, made small. The full run is
//! `cargo run --profile proof -p callboard-proof --bin scale`.

use callboard_proof::scale::{self, Plan, bounds};

const PLAN: Plan = Plan { seed: 1, gateways: 10, actors: 10_000, messages: 2_000, per_second: 50 };

#[test]
fn what_gateways_do_to_each_other_stays_within_its_bounds() {
    let outcome = scale::run(PLAN);
    let broken: Vec<_> = bounds::of(&outcome).into_iter().filter(|bound| !bound.holds()).collect();
    assert_eq!(broken, [], "{outcome:?}");
    // Nobody is alone here: what is bounded happens.
    let all = outcome.tally.all();
    assert!(all.conflicts > 0 && all.refused > 0 && outcome.tally.swept > 0, "{outcome:?}");
}

#[test]
fn a_seed_makes_the_same_run_each_time() {
    let plan = Plan { gateways: 3, actors: 1_000, messages: 200, ..PLAN };
    let (first, again) = (scale::run(plan), scale::run(plan));
    assert_eq!((first.tally, first.took), (again.tally, again.took));
}
