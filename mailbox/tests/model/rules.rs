//! What is explored, and which rule is broken on purpose.

/// What may happen, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How many messages each gateway sends to the first actor, one after the
    /// other.
    pub(crate) messages: [u8; 2],
    /// How many delayed messages each gateway sends to the first actor, after
    /// the others.
    pub(crate) delayed: [u8; 2],
    /// Gateways, invocations, runs and looks that vanish.
    pub(crate) crashes: u8,
    /// Writes that are applied and whose answer is lost.
    pub(crate) lost: u8,
    /// Writes that are made again and land a second time, at any time later.
    pub(crate) late: u8,
    /// Invocations that are delivered twice.
    pub(crate) doubled: u8,
    /// Operations whose caller's clock is a step ahead.
    pub(crate) ahead: u8,
    /// Queries that miss an item and return the next one.
    pub(crate) holes: u8,
    /// Sweeps.
    pub(crate) sweeps: u8,
    /// Steps of the time.
    pub(crate) ticks: u8,
    /// Whether the messages are tells, which no reply tells apart.
    pub(crate) tells: bool,
    /// Whether each message makes the first actor send one to the second.
    pub(crate) sends: bool,
    /// The first message fails that many times; a message has two attempts.
    pub(crate) failures: u32,
    /// Whether the first gateway's first message is done with before anything
    /// else happens.
    pub(crate) prologue: bool,
}

/// Nothing happens but what is set.
pub(crate) const NONE: Bounds = Bounds {
    messages: [0, 0],
    delayed: [0, 0],
    crashes: 0,
    lost: 0,
    late: 0,
    doubled: 0,
    ahead: 0,
    holes: 0,
    sweeps: 1,
    ticks: 1,
    tells: false,
    sends: false,
    failures: 0,
    prologue: false,
};

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    None,
    /// Nobody looks at what is due.
    NoSweeper,
    /// `due` is removed whatever the record has become.
    DueIsClearedBlindly,
    /// A release removes `due`: nobody looks again.
    ReleaseClearsDue,
    /// Whether to wake is decided before the append.
    NoWakeAfterAppend,
    /// After wake and append the record is not read once more.
    NoConfirmation,
    /// A lease that ran out is taken for released.
    ExpiredIsIdle,
    /// A commit does not mind the epoch.
    NoFencing,
    /// A commit does not mind the revision.
    CommitIgnoresRevision,
    /// The reader does not demand contiguity.
    HolesAreSkipped,
    /// What another actor sent runs without a second query.
    ParcelsAreNotConfirmed,
    /// A put whose answer was lost is made at the next place.
    LostAppendGoesElsewhere,
    /// Consumed segments are deleted at once.
    SegmentsGoAtCommit,
    /// A delayed message leaves no receipt.
    NoReceipt,
    /// A schedule leaves the epoch of an idle record.
    ScheduleKeepsEpoch,
    /// A commit does not note whom it has sent to.
    NoPendingWakes,
    /// A record comes to rest without its pending wakes being done.
    RestForgetsWakes,
    /// A gateway takes the wakes of another one's run for its own, done ones.
    WakesAreTakenForDone,
    /// Attempts are counted at the end of a run, so that crashes do not count.
    CrashesDoNotCount,
}
