//! The checker of histories is itself put to the proof: good histories are
//! clean, and each promise that is broken at one place is found there, and
//! nothing else is.
//!
//! `history/world.rs` makes good histories from seeds, `history/mutation.rs`
//! breaks them, and `history/rules.rs` says each rule in a few lines.

#[path = "history/case.rs"]
mod case;
#[path = "history/draft.rs"]
mod draft;
#[path = "history/mutation.rs"]
mod mutation;
#[path = "history/rules.rs"]
mod rules;
#[path = "history/world.rs"]
mod world;

use std::time::Instant;

use callboard_proof::history::{Breach, History, Message, Verdict};
use draft::{Draft, Fate};
use world::{SMALL, Size};

/// How many good histories are tried.
const GOOD_SEEDS: u64 = 1_000;

/// How many histories are broken in each way.
const BROKEN_SEEDS: usize = 200;

#[test]
fn good_histories_are_clean() {
    let mut all = Verdict::default().summary;
    for seed in 0..GOOD_SEEDS {
        let verdict = world::good(seed, SMALL).into_iter().collect::<History>().check();
        assert!(verdict.is_clean(), "seed {seed}: {verdict}");
        let each = verdict.summary;
        all.calls += each.calls;
        all.messages += each.messages;
        all.queued += each.queued;
        all.refused += each.refused;
        all.set_aside += each.set_aside;
    }
    // Else it would prove little.
    assert!(all.calls > all.messages, "nothing was sent again");
    assert!(all.queued > GOOD_SEEDS && all.refused > GOOD_SEEDS && all.set_aside > GOOD_SEEDS);
}

#[test]
fn each_broken_promise_is_found_where_it_was_broken_and_nothing_else_is() {
    for (name, breach, mutation) in mutation::ALL {
        let mut broken = 0;
        for seed in 0.. {
            assert!(seed < 10 * BROKEN_SEEDS as u64, "{name}: few histories have a place for it");
            let mut draft = Draft::new(world::good(seed, SMALL), seed);
            let Some(message) = mutation(&mut draft) else { continue };
            let verdict = draft.history().check();
            for other in Breach::ALL {
                let is_found = verdict.summary.count(other) > 0;
                assert_eq!(is_found, other == breach, "{name}, seed {seed}, {message}: {verdict}");
            }
            assert!(names(&verdict, message), "{name}, seed {seed}, {message}: {verdict}");
            broken += 1;
            if broken == BROKEN_SEEDS {
                break;
            }
        }
    }
}

/// Whether one of the sentences of a verdict names a message.
fn names(verdict: &Verdict, message: Message) -> bool {
    let name = message.to_string();
    verdict.violations.iter().any(|violation| {
        // Sender 1 is not sender 12.
        let is_whole = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_digit());
        violation.to_string().split(&name).skip(1).any(is_whole)
    })
}

/// The checker looks at each effect once, and the rule is about pairs.
#[test]
fn what_is_out_of_order_is_what_a_look_at_every_pair_finds() {
    for seed in 0..BROKEN_SEEDS as u64 {
        let mut draft = Draft::new(world::good(seed, SMALL), seed);
        let mut rng = draft.rng.fork();
        let fates = draft.fates();
        let mut expected = 0;
        for entries in draft.effects.values_mut() {
            entries.iter_mut().for_each(|entry| entry.epoch = None);
            rng.shuffle(entries);
            for (place, late) in entries.iter().enumerate() {
                let Fate { stored, .. } = fates[&late.message];
                expected += u64::from(entries[..place].iter().any(|before| {
                    let is_same_sender = before.message.sender == late.message.sender;
                    is_same_sender && stored.is_some_and(|at| at < fates[&before.message].begun)
                }));
            }
        }
        let verdict = draft.history().check();
        assert_eq!(verdict.summary.count(Breach::Reordered), expected, "seed {seed}");
        assert_eq!(verdict.summary.violations(), expected, "seed {seed}: {verdict}");
    }
}

#[test]
fn a_history_is_read_as_it_was_written() {
    let history: History = world::good(1, SMALL).into_iter().collect();
    let mut file = Vec::new();
    history.write(&mut file).expect("memory takes everything");
    assert_eq!(History::read(file.as_slice()).expect("it was just written"), history);
}

#[test]
fn a_line_that_is_no_event_is_named() {
    let lines =
        "{\"reply\":{\"message\":{\"sender\":1,\"number\":2},\"reply\":{\"status\":3}}}\n\n{\"se";
    let error = History::read(lines.as_bytes()).expect_err("the third line is torn");
    assert!(error.to_string().starts_with("line 3 is not an event: "), "{error}");
}

#[test]
fn a_million_operations_are_checked() {
    let size = Size { senders: 500, actors: 2_000, calls: 1_000_000, at_once: 1_000 };
    let history: History = world::good(0, size).into_iter().collect();
    let begin = Instant::now();
    let verdict = history.check();
    let took = begin.elapsed();
    println!("{verdict}\nchecked {} events in {took:.2?}", history.events().len());
    assert!(verdict.is_clean());
}
