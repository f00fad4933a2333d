//! Places where a process can crash.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;

use super::operation::Operation;

/// How likely a process crashes at one of the points that a seed aims at.
const AIMED: f64 = 0.3;

/// How likely it crashes at any other.
const STRAY: f64 = 0.000_2;

/// How likely it crashes at a point that a run reaches seldom: whoever aims there
/// alone would not hit it often enough.
const RARE: f64 = 0.1;

/// How many points a seed aims at.
const AIMS: usize = 4;

/// How often processes crash at one point in one seed, at most: with more,
/// nothing gets done.
const CRASHES_MAX: u32 = 5;

/// For how long no process crashes at a point after one has, at most.
const REST_MAX: Duration = Duration::from_secs(20);

/// How many points there are.
pub const POINTS: usize = 2 * Operation::ALL.len();

/// On which side of an operation a process crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Its request was never sent.
    Before,
    /// It was applied, and its answer reaches nobody.
    After,
}

/// A place where a process can crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) operation: Operation,
    pub(super) side: Side,
}

impl Point {
    /// Its place in a table of all points.
    fn index(self) -> usize {
        2 * self.operation as usize + self.side as usize
    }

    fn at(index: usize) -> Self {
        let side = if index.is_multiple_of(2) { Side::Before } else { Side::After };
        Self { operation: Operation::ALL[index / 2], side }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Before => "before",
            Side::After => "after",
        };
        let name = self.operation.to_string();
        let (who, what) = name.split_once(": ").unwrap_or(("", &name));
        f.pad(&format!("{who}: {side} {what}"))
    }
}

/// How often processes crashed, by point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crashes([u64; POINTS]);

impl Default for Crashes {
    fn default() -> Self {
        Self([0; POINTS])
    }
}

impl Crashes {
    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum += count;
        }
    }

    /// Each point's name, and how often a process crashed there.
    pub fn by_point(&self) -> impl Iterator<Item = (String, u64)> {
        self.0.iter().enumerate().map(|(index, count)| (Point::at(index).to_string(), *count))
    }
}

/// Who decides where processes crash in one seed.
#[derive(Debug)]
pub(super) struct Fate {
    aims: [usize; AIMS],
    crashes: Crashes,
    /// Until when each point is left alone.
    rests: [Duration; POINTS],
}

impl Fate {
    /// The fate of a seed. Seeds that follow each other aim at all points in
    /// turn, so that a run of many reaches each equally often, and a seed that
    /// is run alone does what it did among the others.
    pub(super) fn of(seed: u64) -> Self {
        let first = usize::try_from(seed % POINTS as u64).expect("it is less than POINTS");
        let aims = std::array::from_fn(|aim| (first + aim * POINTS.div_ceil(AIMS)) % POINTS);
        Self { aims, crashes: Crashes::default(), rests: [Duration::ZERO; POINTS] }
    }

    /// Whether a process crashes here and now.
    pub(super) fn strikes(&mut self, point: Point, now: Duration, random: &mut Rng) -> bool {
        let index = point.index();
        let Self { aims, crashes: Crashes(crashes), rests } = self;
        let likely = match aims.contains(&index) {
            true => AIMED,
            false if point.operation.is_rare() => RARE,
            false => STRAY,
        };
        let spared = crashes[index] >= u64::from(CRASHES_MAX) || now < rests[index];
        let strikes = random.f64() < likely && !spared;
        if strikes {
            crashes[index] += 1;
            rests[index] = now + REST_MAX.mul_f64(random.f64());
        }
        strikes
    }

    pub(super) fn crashes(&self) -> &Crashes {
        &self.crashes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_has_its_own_place_and_name() {
        for index in 0..POINTS {
            assert_eq!(Point::at(index).index(), index);
        }
        let point = Point { operation: Operation::Wake, side: Side::After };
        assert_eq!(point.to_string(), "gateway: after wake");
    }

    #[test]
    fn seeds_in_a_row_aim_at_each_point_equally_often() {
        let mut aimed = [0; POINTS];
        for seed in 0..POINTS as u64 {
            for aim in Fate::of(seed).aims {
                aimed[aim] += 1;
            }
        }
        assert_eq!(aimed, [AIMS; POINTS]);
    }

    #[test]
    fn a_point_has_its_crashes_one_at_a_time_and_only_so_many() {
        let (mut fate, mut random) = (Fate::of(0), Rng::with_seed(0));
        let point = Point::at(0);
        let mut strikes = |second: u64| {
            (0..100)
                .filter(|_| fate.strikes(point, Duration::from_secs(second), &mut random))
                .count()
        };
        let struck: Vec<_> = (0..10).map(|turn| strikes(turn * REST_MAX.as_secs())).collect();
        assert_eq!(struck, [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
    }
}
