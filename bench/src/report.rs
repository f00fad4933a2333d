//! The table, and the same as JSON.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::Result;
use crate::sample::Repetitions;

/// All that was measured.
#[derive(Serialize)]
pub(crate) struct Report {
    /// Seconds since the Unix epoch.
    at: u64,
    cores: usize,
    processor: String,
    figures: Vec<Figure>,
}

/// One line of the table.
#[derive(Clone, Serialize)]
pub(crate) struct Figure {
    row: &'static str,
    what: String,
    unit: &'static str,
    median: f64,
    least: f64,
    greatest: f64,
    noisy: bool,
    target: Option<Target>,
}

/// What a figure is to be.
#[derive(Clone, Serialize)]
struct Target {
    bound: Bound,
    value: f64,
    met: bool,
}

/// On which side of a target a figure is to be.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Bound {
    AtMost,
    AtLeast,
}

impl Figure {
    pub(crate) fn new(
        row: &'static str,
        what: impl Into<String>,
        unit: &'static str,
        repetitions: &Repetitions,
    ) -> Self {
        Self {
            row,
            what: what.into(),
            unit,
            median: repetitions.median(),
            least: repetitions.least(),
            greatest: repetitions.greatest(),
            noisy: repetitions.is_noisy(),
            target: None,
        }
    }

    pub(crate) fn at_most(mut self, at_most: f64) -> Self {
        let met = self.median <= at_most;
        self.target = Some(Target { bound: Bound::AtMost, value: at_most, met });
        self
    }

    pub(crate) fn at_least(mut self, at_least: f64) -> Self {
        let met = self.median >= at_least;
        self.target = Some(Target { bound: Bound::AtLeast, value: at_least, met });
        self
    }
}

impl Report {
    pub(crate) fn begin() -> Self {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let name = cpus.lines().find(|line| line.starts_with("model name"));
        let name = name.and_then(|line| line.split_once(": "));
        let processor = name.map_or_else(String::new, |(_, name)| name.to_owned());
        Self { at, cores, processor, figures: Vec::new() }
    }

    pub(crate) fn extend(&mut self, figures: Vec<Figure>) {
        self.figures.extend(figures);
    }

    pub(crate) fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cores, processor, figures, .. } = self;
        writeln!(f, "\n{cores} cores, {processor}; medians of repetitions, least to greatest\n")?;
        let wide = figures.iter().map(|figure| figure.what.len()).max().unwrap_or_default();
        for figure in figures {
            let Figure { row, what, unit, median, least, greatest, .. } = figure;
            let range = format!("{least:.2} to {greatest:.2}");
            write!(f, "{row:<12}  {what:<wide$}  {median:>9.2} {unit:<4}  {range:<20}")?;
            if let Some(Target { bound, value, met }) = figure.target {
                let verdict = if met { "PASS" } else { "FAIL" };
                let bound = match bound {
                    Bound::AtMost => "at most",
                    Bound::AtLeast => "at least",
                };
                write!(f, "  {verdict}, {bound} {value}")?;
            }
            writeln!(f, "{}", if figure.noisy { "  noisy" } else { "" })?;
        }
        if figures.iter().any(|figure| figure.noisy) {
            writeln!(
                f,
                "\nThe machine was noisy: repetitions differ by more than a fifth. Run it again \
                 with nothing else running."
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_by_the_median() {
        let mut repetitions = Repetitions::default();
        [3.0, 4.0, 9.0].into_iter().for_each(|figure| repetitions.push(figure));
        let figure = Figure::new("row", "what", "x", &repetitions);
        let met = |at_most| figure.clone().at_most(at_most).target.is_some_and(|target| target.met);
        assert!(met(4.0));
        assert!(!met(3.9));
        let reached = |at_least| figure.clone().at_least(at_least).target.is_some_and(|t| t.met);
        assert!(reached(4.0) && !reached(4.1));
    }
}
