//! What the actors do to each other, and how often.

/// Something that actors do to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Tell,
    Ask,
    HurriedAsk,
    Response,
    Refusal,
    TimeOut,
    Forward,
    KeptByMessage,
    KeptByTimer,
}

impl Deed {
    /// All of them, in the order of their table.
    const ALL: [Self; 9] = [
        Self::Tell,
        Self::Ask,
        Self::HurriedAsk,
        Self::Response,
        Self::Refusal,
        Self::TimeOut,
        Self::Forward,
        Self::KeptByMessage,
        Self::KeptByTimer,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Tell => "tells",
            Self::Ask => "asks",
            Self::HurriedAsk => "asks with a time-out",
            Self::Response => "asks that got a response",
            Self::Refusal => "asks that were refused",
            Self::TimeOut => "asks that timed out",
            Self::Forward => "messages that were forwarded",
            Self::KeptByMessage => "promises kept by a later message",
            Self::KeptByTimer => "promises kept by a timer",
        }
    }
}

/// How often actors did what they do to each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deeds([u64; Deed::ALL.len()]);

impl Deeds {
    pub(super) fn count(&mut self, deed: Deed, times: u64) {
        self.0[deed as usize] += times;
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum += count;
        }
    }

    /// Each deed's name, and how often it was done.
    pub fn by_name(&self) -> impl Iterator<Item = (String, u64)> {
        Deed::ALL.into_iter().map(|deed| (deed.name().to_owned(), self.0[deed as usize]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_deed_has_its_own_place() {
        for (place, deed) in Deed::ALL.into_iter().enumerate() {
            assert_eq!(deed as usize, place);
        }
    }
}
