//! What is done to whom, and when: all of it follows from the seed.

use std::time::Duration;

use fastrand::Rng;

/// The longest time between two faults; on average it is half of it.
const GAP_MAX: Duration = Duration::from_secs(1);

/// The shortest and the longest freeze. Half of them are shorter than the
/// geometric mean, 5.5 s; the longest are longer than a lease and as long as an
/// invocation may take.
const FREEZE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// How far a clock is moved at least and at most, forwards or back. Half of the
/// moves are further than their geometric mean, 11 s, and so than a lease is
/// long: to a gateway with such a clock each lease of the others is over.
const SHIFT: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(120)];

/// Who is hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    /// A gateway.
    Gateway,
    /// A process of the actors.
    Actor,
    /// A gateway and all processes of the actors at once, so that nobody is
    /// left who knows what was under way.
    Together,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// It is killed.
    Kill,
    /// It is frozen for a time.
    Freeze(Duration),
    /// Its clock is put this many milliseconds ahead of the true time.
    Shift(i64),
}

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// After how long from the one before.
    pub(super) gap: Duration,
    /// Who is hit.
    pub(super) whom: Whom,
    /// Which of those, counted round.
    pub(super) which: usize,
    /// What is done.
    pub(super) deed: Deed,
}

/// An endless list of faults.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    rng: Rng,
}

impl Plan {
    /// The list that belongs to a seed.
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed) }
    }

    fn freeze(&mut self) -> Deed {
        Deed::Freeze(self.between(FREEZE))
    }

    fn shift(&mut self) -> Deed {
        let ms = self.between(SHIFT).as_millis().try_into().expect("it is minutes");
        Deed::Shift(if self.rng.bool() { ms } else { -ms })
    }

    /// A length of time; twice as long is half as likely.
    fn between(&mut self, [shortest, longest]: [Duration; 2]) -> Duration {
        let growth = longest.div_duration_f64(shortest).powf(self.rng.f64());
        shortest.mul_f64(growth).min(longest)
    }
}

impl Iterator for Plan {
    type Item = Fault;

    fn next(&mut self) -> Option<Fault> {
        let gap = GAP_MAX.mul_f64(self.rng.f64());
        // Of twenty faults, how many are of which kind.
        let (whom, deed) = match self.rng.u32(..20) {
            0..2 => (Whom::Gateway, Deed::Kill),
            2..6 => (Whom::Actor, Deed::Kill),
            6 => (Whom::Together, Deed::Kill),
            7..9 => (Whom::Gateway, self.freeze()),
            9..13 => (Whom::Actor, self.freeze()),
            13..16 => (Whom::Gateway, self.shift()),
            _ => (Whom::Actor, self.shift()),
        };
        Some(Fault { gap, whom, which: self.rng.usize(..), deed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_makes_the_same_faults_and_another_one_makes_others() {
        let faults = |seed| Plan::new(seed).take(50).collect::<Vec<_>>();
        assert_eq!(faults(7), faults(7));
        assert_ne!(faults(7), faults(8));
    }

    #[test]
    fn every_fault_is_within_its_bounds_and_every_kind_comes() {
        let faults: Vec<_> = Plan::new(1).take(10_000).collect();
        for fault in &faults {
            assert!(fault.gap <= GAP_MAX);
            match fault.deed {
                Deed::Kill => {}
                Deed::Freeze(length) => assert!(FREEZE[0] <= length && length <= FREEZE[1]),
                Deed::Shift(ms) => {
                    let far = Duration::from_millis(ms.unsigned_abs());
                    assert!(SHIFT[0] <= far && far <= SHIFT[1]);
                }
            }
        }
        for whom in [Whom::Gateway, Whom::Actor] {
            let has = |is: fn(Deed) -> bool| faults.iter().any(|f| f.whom == whom && is(f.deed));
            assert!(has(|deed| deed == Deed::Kill));
            assert!(has(|deed| matches!(deed, Deed::Freeze(length) if length.as_secs() >= 20)));
            assert!(has(|deed| matches!(deed, Deed::Shift(ms) if ms > 60_000)));
            assert!(has(|deed| matches!(deed, Deed::Shift(ms) if ms < -60_000)));
        }
        assert!(faults.iter().any(|fault| fault.whom == Whom::Together));
    }
}
