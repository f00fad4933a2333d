//! What happened, line by line, and one number that stands for all of it.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::time::Duration;

/// How many lines are kept for the report of a failure.
const LINES_KEPT: usize = 60;

/// FNV-1a, 64 bits: the same number on every machine.
const HASH_BEGIN: u64 = 0xcbf2_9ce4_8422_2325;
const HASH_PRIME: u64 = 0x0100_0000_01b3;

/// The trace of one seed.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    lines: u64,
    last: VecDeque<String>,
    is_printed: bool,
}

impl Trace {
    /// An empty trace. Its lines are also printed if that is asked for.
    pub(super) fn new(is_printed: bool) -> Self {
        Self { hash: HASH_BEGIN, lines: 0, last: VecDeque::with_capacity(LINES_KEPT), is_printed }
    }

    /// Whether somebody reads each line, so that details are worth their cost.
    pub(super) fn is_printed(&self) -> bool {
        self.is_printed
    }

    /// Adds a line. The details are printed only, and are no part of the hash.
    pub(super) fn add(
        &mut self,
        at: Duration,
        who: &str,
        what: fmt::Arguments<'_>,
        details: Option<String>,
    ) {
        // The oldest line's memory is used again.
        let mut line = match self.last.len() {
            LINES_KEPT => self.last.pop_front().unwrap_or_default(),
            _ => String::new(),
        };
        line.clear();
        let _ = write!(line, "{:>9} {who:<12} {what}", at.as_millis());
        for byte in line.bytes().chain([b'\n']) {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(HASH_PRIME);
        }
        self.lines += 1;
        if self.is_printed {
            println!("{line}{}", details.map(|text| format!("  {text}")).unwrap_or_default());
        }
        self.last.push_back(line);
    }

    /// Stands for all lines.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// How many lines there are.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// The last lines.
    pub(super) fn last(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(lines: &[&str]) -> u64 {
        let mut trace = Trace::new(false);
        for line in lines {
            trace.add(Duration::ZERO, "gateway 1", format_args!("{line}"), None);
        }
        trace.hash()
    }

    #[test]
    fn the_hash_tells_lines_and_their_order_apart() {
        assert_eq!(hash(&["a", "b"]), hash(&["a", "b"]));
        assert_ne!(hash(&["a", "b"]), hash(&["b", "a"]));
        assert_ne!(hash(&["a", "b"]), hash(&["ab"]));
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut trace = Trace::new(false);
        for number in 0..200 {
            trace.add(Duration::ZERO, "gateway 1", format_args!("{number}"), None);
        }
        assert_eq!((trace.lines(), trace.last().len()), (200, LINES_KEPT));
        assert!(trace.last().last().is_some_and(|line| line.ends_with("199")));
    }
}
