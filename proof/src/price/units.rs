//! DynamoDB's request units, and what they cost.

use std::iter::Sum;
use std::ops::Add;

/// Dollars for a million write request units, on demand in us-east-1
/// (<https://aws.amazon.com/dynamodb/pricing/on-demand/>).
const DOLLARS_PER_MILLION_WRITES: f64 = 0.625;

/// Dollars for a million read request units, on demand in us-east-1.
const DOLLARS_PER_MILLION_READS: f64 = 0.125;

/// Request units, those of indexes included.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Units {
    /// Write units.
    pub write: f64,
    /// Read units.
    pub read: f64,
}

impl Units {
    /// The share of each one when `count` have used them together.
    #[must_use]
    pub fn per(self, count: usize) -> Self {
        let count = count as f64;
        Self { write: self.write / count, read: self.read / count }
    }

    /// What a million times as many units cost.
    #[must_use]
    pub fn dollars_per_million(self) -> f64 {
        self.write * DOLLARS_PER_MILLION_WRITES + self.read * DOLLARS_PER_MILLION_READS
    }

    /// Whether neither write nor read units are more than those of `limit`.
    #[must_use]
    pub fn is_within(self, limit: Self) -> bool {
        self.write <= limit.write && self.read <= limit.read
    }
}

impl Add for Units {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { write: self.write + other.write, read: self.read + other.read }
    }
}

impl Sum for Units {
    fn sum<I: Iterator<Item = Self>>(units: I) -> Self {
        units.fold(Self::default(), Add::add)
    }
}
