//! One rate, for each of many keys, in bounded memory.

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};
use lru::LruCache;
use tokio::time::Instant;

use super::Rate;
use crate::refusal::Refusal;

/// The most keys that are known at once, some 20 MB. Beyond it the one that was
/// quiet for longest is forgotten, and may have its burst again.
const KEYS_MAX: NonZeroUsize = NonZeroUsize::new(100_000).expect("it is not zero");

type Checker<K> = RateLimiter<K, Recent<K>, TokioClock, NoOpMiddleware<Duration>>;

/// Holds each key to a rate.
pub(super) struct Limiter<K: Hash + Eq + Clone> {
    scope: &'static str,
    rate: Rate,
    limiter: Checker<K>,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    pub(super) fn new(scope: &'static str, rate: Rate) -> Self {
        let quota = Quota::with_period(rate.interval()).expect("COUNT_MAX leaves a microsecond");
        let quota = quota.allow_burst(rate.burst);
        let limiter = RateLimiter::new(quota, Recent::new(KEYS_MAX), TokioClock::default());
        Self { scope, rate, limiter }
    }

    pub(super) fn admit(&self, key: &K) -> Result<(), Refusal> {
        self.limiter.check_key(key).map_err(|not_until| Refusal::RateLimited {
            scope: self.scope,
            limit: self.rate.to_string(),
            retry_after: not_until.wait_time_from(self.limiter.clock().now()),
        })
    }
}

/// The keys that came last.
struct Recent<K: Hash + Eq>(Mutex<LruCache<K, Nanos>>);

impl<K: Hash + Eq> Recent<K> {
    fn new(keys_max: NonZeroUsize) -> Self {
        Self(Mutex::new(LruCache::new(keys_max)))
    }
}

impl<K: Hash + Eq + Clone> StateStore for Recent<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // To be refused is to be seen: nobody is forgotten while he tries again.
        let (measured, next) = measure(keys.get(key).copied())?;
        keys.put(key.clone(), next);
        Ok(measured)
    }
}

/// Tokio's clock, which a test can move and the simulation repeats.
struct TokioClock {
    start: Instant,
}

impl Default for TokioClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for TokioClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn so_many_keys_are_known_and_no_more() {
        let keys = Recent::new(NonZeroUsize::new(3).expect("it is not zero"));
        let quota = Quota::with_period(Duration::from_secs(60)).expect("it is not zero");
        let limiter: Checker<u32> = RateLimiter::new(quota, keys, TokioClock::default());
        for key in 0..1_000 {
            assert!(limiter.check_key(&key).is_ok());
            // It is over its rate, and is seen each time.
            assert!(limiter.check_key(&0).is_err(), "{key}");
        }
        assert_eq!(limiter.into_state_store().0.lock().expect("nobody panicked").len(), 3);
    }
}
