//! The table, and the same as JSON.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::sample::Repetitions;
use crate::{Result, svg};

/// What the columns mean.
const NOTES: &str = "\
ratio: what was measured, divided by this baseline, in the same repetitions.
(fsync): each write is on the disk before it is answered, on both sides. Without it a write is
in the hands of the operating system: the crash of a process loses nothing.";

const NOISY: &str = "\
noisy: repetitions differ by more than a fifth. Run it again with nothing else running.";

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
    /// Whether each write was synced to the disk, where there are writes; on both sides of
    /// a ratio.
    fsync: Option<bool>,
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) median: f64,
    least: f64,
    greatest: f64,
    pub(crate) noisy: bool,
    /// The measured figure against its baseline: the median of the repetitions' ratios.
    ratio: Option<f64>,
    pub(crate) target: Option<Target>,
}

/// What a figure is to be.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Target {
    bound: Bound,
    value: f64,
    pub(crate) met: bool,
}

/// On which side of a target a figure is to be.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Bound {
    AtMost,
    AtLeast,
}

impl Target {
    /// How many times better than the target a figure is.
    pub(crate) fn margin(&self, figure: f64) -> f64 {
        match self.bound {
            Bound::AtMost => self.value / figure,
            Bound::AtLeast => figure / self.value,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = match self.bound {
            Bound::AtMost => "at most",
            Bound::AtLeast => "at least",
        };
        write!(f, "{bound} {}", self.value)
    }
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
            fsync: None,
            what: what.into(),
            unit,
            median: repetitions.median(),
            least: repetitions.least(),
            greatest: repetitions.greatest(),
            noisy: repetitions.is_noisy(),
            ratio: None,
            target: None,
        }
    }

    /// Says whether each write was synced to the disk.
    pub(crate) fn durable(self, fsync: bool) -> Self {
        Self { fsync: Some(fsync), ..self }
    }

    /// Says of a baseline how many times of it was measured.
    pub(crate) fn ratio(self, ratio: &Repetitions) -> Self {
        Self { ratio: Some(ratio.median()), ..self }
    }

    /// The row, and whether each write was synced.
    pub(crate) fn row(&self) -> String {
        let Self { row, fsync, .. } = self;
        if *fsync == Some(true) { format!("{row} (fsync)") } else { (*row).to_owned() }
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

    pub(crate) fn svg(&self) -> String {
        svg::draw(&self.figures, &self.machine())
    }

    fn machine(&self) -> String {
        format!("{} cores, {}", self.cores, self.processor)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = &self.figures;
        writeln!(f, "\n{}; medians of the repetitions\n", self.machine())?;
        let width = |column: fn(&Figure) -> usize| {
            figures.iter().map(column).max().unwrap_or_default().max("figure".len())
        };
        let row_width = width(|figure| figure.row().chars().count());
        let what_width = width(|figure| figure.what.chars().count());
        writeln!(
            f,
            "{:<row_width$}  {:<what_width$}  {:>14}  {:<24}  {:>7}  target",
            "row", "figure", "value", "least to greatest", "ratio"
        )?;
        for figure in figures {
            let Figure { what, unit, median, least, greatest, ratio, target, .. } = figure;
            let (row, range) = (figure.row(), format!("{least:.2} to {greatest:.2}"));
            let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2} x"));
            let mut line = format!(
                "{row:<row_width$}  {what:<what_width$}  {median:>10.2} {unit:<3}  {range:<24}  \
                 {ratio:>7}  "
            );
            if let Some(target) = target {
                let verdict = if target.met { "PASS" } else { "FAIL" };
                line += &format!("{verdict}, {target}  ");
            }
            line += if figure.noisy { "noisy" } else { "" };
            writeln!(f, "{}", line.trim_end())?;
        }
        writeln!(f, "\n{NOTES}")?;
        if figures.iter().any(|figure| figure.noisy) {
            writeln!(f, "{NOISY}")?;
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

    #[test]
    fn a_margin_is_above_one_when_the_target_is_met() {
        let target = |bound, value| Target { bound, value, met: false };
        assert_eq!(target(Bound::AtMost, 10.0).margin(5.0), 2.0);
        assert_eq!(target(Bound::AtLeast, 10.0).margin(5.0), 0.5);
    }

    #[test]
    fn the_table_tells_durability_ratio_and_verdict() {
        let repetitions = Repetitions::from_iter([2.0, 2.0]);
        let figure = Figure::new("row", "what", "/s", &repetitions).durable(true);
        let mut report = Report::begin();
        report.extend(vec![figure.ratio(&repetitions).at_least(3.0)]);
        let table = report.to_string();
        let line = table.lines().find(|line| line.starts_with("row (fsync)")).expect("a line");
        let words: Vec<_> = line.split_whitespace().collect();
        let expected = "row (fsync) what 2.00 /s 2.00 to 2.00 2.00 x FAIL, at least 3";
        assert_eq!(words.join(" "), expected);
    }
}
