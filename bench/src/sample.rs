//! Percentiles, medians of repetitions, noise.

use std::time::Duration;

/// Repetitions that differ by more than this part of their median are noisy.
const NOISE_MAX: f64 = 0.2;

/// The same figure, measured several times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repetitions(Vec<f64>);

impl FromIterator<f64> for Repetitions {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        Self(figures.into_iter().collect())
    }
}

impl Repetitions {
    pub(crate) fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// Their median.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn median(&self) -> f64 {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        match sorted.len() % 2 {
            1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        }
    }

    pub(crate) fn least(&self) -> f64 {
        self.sorted()[0]
    }

    pub(crate) fn greatest(&self) -> f64 {
        self.sorted()[self.0.len() - 1]
    }

    /// By how much they differ, as a part of their median.
    pub(crate) fn spread(&self) -> f64 {
        (self.greatest() - self.least()) / self.median()
    }

    pub(crate) fn is_noisy(&self) -> bool {
        self.spread() > NOISE_MAX
    }

    fn sorted(&self) -> Vec<f64> {
        assert!(!self.0.is_empty(), "there is a repetition");
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// The time that `percent` of these do not exceed, in microseconds.
///
/// # Panics
/// When there is none.
pub(crate) fn percentile(times: impl IntoIterator<Item = Duration>, percent: usize) -> f64 {
    let mut sorted: Vec<_> = times.into_iter().collect();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1].as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_times() {
        let times = || (1..=100).rev().map(Duration::from_micros);
        let at = |percent| percentile(times(), percent).round();
        assert_eq!([at(50), at(99), at(100)], [50.0, 99.0, 100.0]);
        assert_eq!(percentile([Duration::from_micros(7)], 50).round(), 7.0);
    }

    #[test]
    fn one_outlier_moves_the_spread_and_not_the_median() {
        let mut calm = Repetitions::default();
        [10.0, 11.0, 10.5].into_iter().for_each(|figure| calm.push(figure));
        assert_eq!((calm.median(), calm.is_noisy()), (10.5, false));
        calm.push(30.0);
        assert_eq!((calm.median(), calm.is_noisy()), (10.75, true));
    }
}
