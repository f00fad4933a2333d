//! What a load has consumed, against what it may.

use std::collections::BTreeMap;
use std::fmt;

use super::capacity::Consumed;
use super::request::{Purpose, Request};
use super::units::Units;

/// What a message may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Units for each message.
    pub units: Units,
    /// Dollars for a million messages.
    pub dollars: f64,
}

/// What the messages of a load have consumed.
#[derive(Clone, Debug)]
pub struct Bill {
    /// What the load is.
    pub load: &'static str,
    /// How many messages there were.
    pub messages: usize,
    /// What was asked of the database for them.
    pub requests: Vec<Request>,
}

/// The requests of one purpose.
#[derive(Clone, Copy, Debug, Default)]
struct Item {
    requests: usize,
    consumed: Consumed,
}

impl Bill {
    /// What one message has consumed.
    #[must_use]
    pub fn per_message(&self) -> Units {
        let all = self.requests.iter().map(|request| request.consumed.total);
        all.sum::<Units>().per(self.messages)
    }

    /// Whether a message costs no more than it may.
    #[must_use]
    pub fn is_within(&self, limit: Limit) -> bool {
        let units = self.per_message();
        units.is_within(limit.units) && units.dollars_per_million() <= limit.dollars
    }

    /// One line of the table of all loads.
    #[must_use]
    pub fn line(&self, limit: Limit) -> String {
        let units = self.per_message();
        format!(
            "{:<34} {:>8} {:>7.3} ≤ {:<4} {:>7.3} ≤ {:<4} {:>7.3} ≤ {:<4}{}",
            self.load,
            self.messages,
            units.write,
            limit.units.write,
            units.read,
            limit.units.read,
            units.dollars_per_million(),
            limit.dollars,
            if self.is_within(limit) { "" } else { "  TOO MUCH" },
        )
    }

    /// The head of the table of which [`Self::line`] makes the lines.
    #[must_use]
    pub fn head() -> String {
        let [write, read, dollars] = ["write units", "read units", "$ per million"];
        format!("{:<34} {:>8} {write:>14} {read:>14} {dollars:>14}", "load", "messages")
    }

    fn items(&self) -> BTreeMap<Purpose, Item> {
        let mut items = BTreeMap::<Purpose, Item>::new();
        for request in &self.requests {
            let item = items.entry(request.purpose).or_default();
            item.requests += 1;
            item.consumed.total = item.consumed.total + request.consumed.total;
            item.consumed.indexes = item.consumed.indexes + request.consumed.indexes;
        }
        items
    }
}

/// The breakdown by purpose, for each message.
impl fmt::Display for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, for each message:", self.load)?;
        for (purpose, Item { requests, consumed }) in self.items() {
            let count = requests as f64 / self.messages as f64;
            let total = consumed.total.per(self.messages);
            let indexes = consumed.indexes.per(self.messages);
            writeln!(
                f,
                "  {purpose:<22} {count:>6.3} requests {:>6.3} write units, {:>6.3} of them for \
                 indexes {:>6.3} read units",
                total.write, indexes.write, total.read,
            )?;
        }
        Ok(())
    }
}
