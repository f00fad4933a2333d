//! How often a caller may send, and how often an actor may be sent to.
//!
//! Each gateway counts for itself and in its memory alone: three gateways behind a
//! load balancer let through three times the rate.

mod limiter;

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use callboard_mailbox::Address;

use crate::refusal::Refusal;
use limiter::Limiter;

/// The most that a rate can say for its unit of time, and the largest burst.
pub const COUNT_MAX: u32 = 1_000_000;

/// So many messages in so much time, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    per: Per,
    burst: NonZeroU32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Per {
    Second,
    Minute,
    Hour,
}

/// A text that is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a number from 1 to 1000000 and a unit, s, min or h: 100/s")]
pub struct NoRate;

impl Rate {
    /// The same rate with another burst. Without one as many may come at once as
    /// the rate has in its unit of time.
    #[must_use]
    pub fn with_burst(self, burst: NonZeroU32) -> Self {
        Self { burst, ..self }
    }

    /// After what time one more may come.
    fn interval(self) -> Duration {
        let per = match self.per {
            Per::Second => Duration::from_secs(1),
            Per::Minute => Duration::from_secs(60),
            Per::Hour => Duration::from_secs(3_600),
        };
        per / self.count.get()
    }
}

impl FromStr for Rate {
    type Err = NoRate;

    fn from_str(text: &str) -> Result<Self, NoRate> {
        let (count, per) = text.split_once('/').ok_or(NoRate)?;
        let per = match per.trim() {
            "s" => Per::Second,
            "min" => Per::Minute,
            "h" => Per::Hour,
            _ => return Err(NoRate),
        };
        let count: NonZeroU32 = count.trim().parse().map_err(|_| NoRate)?;
        match count.get() <= COUNT_MAX {
            true => Ok(Self { count, per, burst: count }),
            false => Err(NoRate),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = match self.per {
            Per::Second => "s",
            Per::Minute => "min",
            Per::Hour => "h",
        };
        write!(formatter, "{}/{per}", self.count)
    }
}

/// The rates that a gateway keeps to; none by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// How often each principal may send, to whomever. Callers who are not asked
    /// who they are count as one.
    pub principal: Option<Rate>,
    /// How often each actor may be sent to, by whomever.
    pub actor: Option<Rate>,
}

/// What has come lately, from whom and for whom.
pub(crate) struct Rates {
    principal: Option<Limiter<Arc<str>>>,
    actor: Option<Limiter<Address>>,
}

impl Rates {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            principal: limits.principal.map(|rate| Limiter::new("principal", rate)),
            actor: limits.actor.map(|rate| Limiter::new("actor", rate)),
        }
    }

    /// Counts a message, or refuses it.
    pub(crate) fn admit(&self, principal: &Arc<str>, address: &Address) -> Result<(), Refusal> {
        self.admit_from(principal)?;
        // After it: whoever is over his own rate takes nothing from the actor's.
        self.actor.as_ref().map_or(Ok(()), |limiter| limiter.admit(address))
    }

    /// Counts a call that sends nothing.
    pub(crate) fn admit_from(&self, principal: &Arc<str>) -> Result<(), Refusal> {
        self.principal.as_ref().map_or(Ok(()), |limiter| limiter.admit(principal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().expect("a rate")
    }

    fn address(key: &str) -> Address {
        Address::new("a.B", key).expect("an address")
    }

    fn limits(principal: Option<&str>, actor: Option<&str>) -> Rates {
        Rates::new(Limits { principal: principal.map(rate), actor: actor.map(rate) })
    }

    #[test]
    fn a_rate_is_a_number_and_a_unit() {
        for (text, interval_us, burst) in [
            ("1/s", 1_000_000, 1),
            ("100/s", 10_000, 100),
            ("1000000/s", 1, 1_000_000),
            ("90 / min", 666_666, 90),
            ("2/h", 1_800_000_000, 2),
        ] {
            let rate = rate(text);
            assert_eq!(rate.interval().as_micros(), interval_us, "{text}");
            assert_eq!(rate.burst.get(), burst, "{text}");
            assert_eq!(rate.to_string(), text.replace(' ', ""));
        }
        for text in ["", "100", "/s", "0/s", "-1/s", "1.5/s", "1/d", "1/ms", "1000001/s", "1/s/s"] {
            assert_eq!(text.parse::<Rate>(), Err(NoRate), "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_over_the_rate_is_told_when_to_come_again() {
        let rates = limits(Some("10/s"), None);
        let (alice, bob) = (Arc::from("alice"), Arc::from("bob"));
        for _ in 0..10 {
            assert_eq!(rates.admit(&alice, &address("a")), Ok(()));
        }
        let refused = rates.admit(&alice, &address("b"));
        let retry_after = Duration::from_millis(100);
        let limit = "10/s".to_owned();
        assert_eq!(refused, Err(Refusal::RateLimited { scope: "principal", limit, retry_after }));
        assert_eq!(rates.admit(&bob, &address("a")), Ok(()), "each has a rate of his own");
        // A refused message does not count, so who waits as long as he was told gets through.
        tokio::time::advance(retry_after).await;
        assert_eq!(rates.admit(&alice, &address("a")), Ok(()));
        assert!(rates.admit(&alice, &address("a")).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_actor_has_a_rate_whoever_sends() {
        let rates = limits(None, Some("1/min"));
        assert_eq!(rates.admit(&Arc::from("alice"), &address("a")), Ok(()));
        let refused = rates.admit(&Arc::from("bob"), &address("a"));
        assert!(matches!(refused, Err(Refusal::RateLimited { scope: "actor", .. })), "{refused:?}");
        assert_eq!(rates.admit(&Arc::from("bob"), &address("b")), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_over_his_rate_takes_nothing_from_the_actors() {
        let rates = limits(Some("1/min"), Some("2/min"));
        let (alice, bob) = (Arc::from("alice"), Arc::from("bob"));
        assert_eq!(rates.admit(&alice, &address("a")), Ok(()));
        for _ in 0..10 {
            assert!(rates.admit(&alice, &address("a")).is_err());
        }
        assert_eq!(rates.admit(&bob, &address("a")), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_may_be_smaller_than_the_rate() {
        let rate = rate("10/s").with_burst(NonZeroU32::MIN);
        let rates = Rates::new(Limits { principal: Some(rate), actor: None });
        let alice = Arc::from("alice");
        assert_eq!(rates.admit_from(&alice), Ok(()));
        assert!(rates.admit_from(&alice).is_err());
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(rates.admit_from(&alice), Ok(()));
    }
}
