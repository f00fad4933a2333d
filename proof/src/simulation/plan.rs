//! What a seed decides before its run begins.

use std::time::Duration;

use callboard_gateway::Settings;
use callboard_mailbox::lease::Terms;
use fastrand::Rng;

use super::fault::Rates;
use crate::history::Actor;

/// How many messages the careful senders of a seed send, each.
const CAREFUL_MESSAGES: u64 = 40;

/// How many messages the hasty senders of a seed send, each.
const HASTY_MESSAGES: u64 = 112;

/// How many calls the hasty senders have open at once.
const AT_ONCE: [usize; 6] = [6, 12, 24, 24, 48, 48];

/// How many actors get a message now and then only. What goes wrong with one of
/// these is not made good by the next.
const LONELY_ACTORS: u32 = 12;

/// How many of the messages are for these, as a part of all.
const LONELY: f64 = 0.08;

/// How a sender sends.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    /// How many messages.
    pub(super) messages: u64,
    /// How many calls it has open at once.
    pub(super) at_once: usize,
    /// The longest pause between two messages.
    pub(super) pause_max: Duration,
}

/// What one seed is like.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// How many gateways run at once.
    pub(super) gateways: usize,
    /// How many actors get nearly all of the messages.
    pub(super) busy_actors: u32,
    /// Who sends to them.
    pub(super) senders: Vec<Sender>,
    /// How the gateways behave.
    pub(super) settings: Settings,
    /// When Lambda ends an invocation.
    pub(super) function_timeout: Duration,
    /// By how many milliseconds clocks err, at most.
    pub(super) clock_error_max: i64,
    /// How often requests go wrong.
    pub(super) rates: Rates,
}

impl Plan {
    /// Draws a plan.
    pub(super) fn draw(random: &mut Rng) -> Self {
        let mut one_of = |choices: &[u64]| choices[random.usize(..choices.len())];
        let terms = Terms {
            length: Duration::from_secs(one_of(&[5, 10, 10])),
            due_step: Duration::from_secs(one_of(&[1, 10, 60])),
        };
        let sweep_period = Duration::from_secs(one_of(&[1, 5, 10, 15]));
        let settings = Settings { terms, sweep_period, ..Settings::default() };
        let function_timeout = Duration::from_secs(one_of(&[20, 60, 900]));
        let clock_error_max = one_of(&[10, 1_000, 30_000, 120_000]).cast_signed();
        let weather = one_of(&[1, 3, 3, 9]);
        let gateways = random.usize(2..=3);
        let busy_actors = random.u32(2..=4);
        let careful = random.usize(3..=5);
        let mut sender = |messages: u64, at_once: usize| Sender {
            messages,
            at_once,
            pause_max: Duration::from_millis(random.u64(0..=400)),
        };
        let mut senders: Vec<_> = (0..careful).map(|_| sender(CAREFUL_MESSAGES, 1)).collect();
        senders.extend(AT_ONCE.map(|at_once| sender(HASTY_MESSAGES, at_once)));
        let rates = Rates::default().times(weather as f64 / 3.0);
        Self { gateways, busy_actors, senders, settings, function_timeout, clock_error_max, rates }
    }

    /// How many actors there are.
    pub(super) fn actors(&self) -> u32 {
        self.busy_actors + LONELY_ACTORS
    }

    /// Draws whom a message is for.
    pub(super) fn actor(&self, random: &mut Rng) -> Actor {
        Actor(match random.f64() < LONELY {
            true => random.u32(self.busy_actors..self.actors()),
            false => random.u32(..self.busy_actors),
        })
    }

    /// The longest silence between two rounds: long enough for a sweeper to find
    /// that there is nothing to do.
    pub(super) fn silence_max(&self) -> Duration {
        let Settings { terms, sweep_period, .. } = &self.settings;
        terms.length + terms.due_step + 2 * *sweep_period
    }

    /// How long it may take, without faults, until nothing is left to do: what
    /// `docs/protocol.md` says under Recovery, and what the actors' failing and
    /// slow messages add.
    pub(super) fn quiet_within(&self) -> Duration {
        let Settings { terms, sweep_period, crash_backoff, .. } = &self.settings;
        let clocks = Duration::from_millis(2 * self.clock_error_max.unsigned_abs());
        terms.length + terms.due_step + *sweep_period + clocks + crash_backoff.longest + HANDLING
    }
}

/// The most time that the messages that are left take to be handled.
const HANDLING: Duration = Duration::from_secs(300);
