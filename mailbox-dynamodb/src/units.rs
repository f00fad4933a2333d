//! What messages consume: DynamoDB's request units, those of indexes included.
//!
//! The figures are measured by `proof/tests/price.rs`, which fails when one is not what it says here.

use std::iter::Sum;
use std::ops::Add;

/// Dollars for a million write request units, on demand in us-east-1, as known in November 2026
/// (<https://aws.amazon.com/dynamodb/pricing/on-demand/>).
pub const DOLLARS_PER_MILLION_WRITES: f64 = 0.625;

/// Dollars for a million read request units, there and then.
pub const DOLLARS_PER_MILLION_READS: f64 = 0.125;

/// Request units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Units {
    /// Write units.
    pub write: f64,
    /// Read units.
    pub read: f64,
}

/// A tell to a busy actor, 50 in a segment of 5 KB.
pub const BUSY_TELL: Units = Units { write: 0.16, read: 0.0 };

/// A tell without an id, to an actor that gets a few a minute.
pub const TELL: Units = Units { write: 3.4, read: 1.0 };

/// The same to an actor that slept for long, until it sleeps again.
pub const TELL_AFTER_SLEEP: Units = Units { write: 6.0, read: 2.0 };

/// A tell whose sender gives it an id, as Callboard's clients do, to an actor that gets a few a
/// minute: it leaves a receipt, by which it is known when it is sent again.
pub const TELL_WITH_ID: Units = Units { write: 6.4, read: 1.5 };

/// An ask without an id, to an actor that gets a few a minute.
pub const ASK: Units = Units { write: 6.4, read: 1.5 };

/// An ask whose sender gives it an id, as Callboard's clients do.
pub const ASK_WITH_ID: Units = Units { write: 6.4, read: 2.0 };

/// Reading an actor's state, for an ask that is read-only.
pub const READ: Units = Units { write: 0.0, read: 1.0 };

/// A look of each gateway's sweep at one shard of the due index.
pub const SWEEP_OF_A_SHARD: Units = Units { write: 0.0, read: 0.5 };

/// A canary: a put, a query and a delete of small items. No test measures it.
pub const CANARY: Units = Units { write: 2.0, read: 1.0 };

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
