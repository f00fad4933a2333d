//! What was counted, by kind of message.

/// What kind of message it is, which its actor's key tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To an actor that hardly anybody sends to: it was at rest, and comes to rest again.
    Calm,
    /// To one of the few that get half of all messages.
    Busy,
    /// A delayed one, to an actor that gets no other.
    Delayed,
    /// One that fails in its first attempt, to an actor that gets no other.
    Failing,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Calm, Self::Busy, Self::Delayed, Self::Failing];

    /// Its name, of which the first letter is that of the actors' keys.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Busy => "busy",
            Self::Delayed => "delayed",
            Self::Failing => "failing",
        }
    }

    /// The key of an actor.
    pub(super) fn key(self, number: u32) -> String {
        format!("{}{number}", &self.name()[..1])
    }

    /// The kind of the messages to an address, or to a key.
    pub(super) fn of(address: &str) -> Self {
        let key = address.split_once('/').map_or(address, |(_, key)| key);
        let is = |kind: &Self| key.starts_with(&kind.name()[..1]);
        Self::ALL.into_iter().find(is).expect("every actor here has a kind")
    }
}

/// What there was of the messages of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// Messages that were sent.
    pub sent: u64,
    /// Those of them that were acknowledged or answered.
    pub acknowledged: u64,
    /// Messages that were handled with success.
    pub handled: u64,
    /// Segments that were put.
    pub appends: u64,
    /// Puts that found their place occupied.
    pub conflicts: u64,
    /// Leases that were granted.
    pub granted: u64,
    /// Wakes that were not.
    pub refused: u64,
    /// Invocations.
    pub runs: u64,
    /// Those of them that handled nothing.
    pub empty: u64,
    /// Requests by which gateways read, sweeps excepted.
    pub reads: u64,
    /// Requests by which gateways wrote, or would have.
    pub writes: u64,
    /// All requests to the database, those of functions included and sweeps excepted.
    pub requests: u64,
}

impl Counts {
    /// So much of it for each message that was sent.
    #[must_use]
    pub fn per_message(&self, count: u64) -> f64 {
        count as f64 / self.sent.max(1) as f64
    }

    fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.acknowledged += other.acknowledged;
        self.handled += other.handled;
        self.appends += other.appends;
        self.conflicts += other.conflicts;
        self.granted += other.granted;
        self.refused += other.refused;
        self.runs += other.runs;
        self.empty += other.empty;
        self.reads += other.reads;
        self.writes += other.writes;
        self.requests += other.requests;
    }
}

/// What was counted in a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    by_kind: [Counts; Kind::ALL.len()],
    /// Queries of the due index.
    pub sweep_queries: u64,
    /// What those returned.
    pub swept: u64,
}

impl Tally {
    /// The messages of a kind.
    #[must_use]
    pub fn kind(&self, kind: Kind) -> &Counts {
        &self.by_kind[kind as usize]
    }

    /// All messages.
    #[must_use]
    pub fn all(&self) -> Counts {
        let mut all = Counts::default();
        self.by_kind.iter().for_each(|counts| all.add(counts));
        all
    }

    pub(super) fn of(&mut self, kind: Kind) -> &mut Counts {
        &mut self.by_kind[kind as usize]
    }
}
