//! The settings of rates.

use std::num::NonZeroU32;

use callboard_gateway::rate::{COUNT_MAX, Limits, Rate};

#[derive(clap::Args)]
#[command(next_help_heading = "Rates")]
#[group(skip)]
pub(crate) struct Arguments {
    /// How many messages each principal may send through this gateway: 100/s, 6000/min, 50/h.
    /// Callers who are not asked who they are count as one [default: as many as it likes].
    #[arg(long, env = "CALLBOARD_RATE_PER_PRINCIPAL", value_name = "RATE")]
    rate_per_principal: Option<Rate>,
    /// How many of them may come at once [default: the number in the rate].
    #[arg(long, env = "CALLBOARD_BURST_PER_PRINCIPAL", value_name = "NUMBER")]
    #[arg(requires = "rate_per_principal", value_parser = burst)]
    burst_per_principal: Option<NonZeroU32>,
    /// How many messages each actor may be sent through this gateway [default: any number].
    #[arg(long, env = "CALLBOARD_RATE_PER_ACTOR", value_name = "RATE")]
    rate_per_actor: Option<Rate>,
    /// How many of them may come at once [default: the number in the rate].
    #[arg(long, env = "CALLBOARD_BURST_PER_ACTOR", value_name = "NUMBER")]
    #[arg(requires = "rate_per_actor", value_parser = burst)]
    burst_per_actor: Option<NonZeroU32>,
}

fn burst(text: &str) -> Result<NonZeroU32, String> {
    let burst = text.parse().ok().filter(|burst: &NonZeroU32| burst.get() <= COUNT_MAX);
    burst.ok_or_else(|| format!("it is not a number within 1 and {COUNT_MAX}"))
}

impl Arguments {
    pub(crate) fn settings(&self) -> Limits {
        let of = |rate: Option<Rate>, burst: Option<NonZeroU32>| {
            rate.map(|rate| burst.map_or(rate, |burst| rate.with_burst(burst)))
        };
        Limits {
            principal: of(self.rate_per_principal, self.burst_per_principal),
            actor: of(self.rate_per_actor, self.burst_per_actor),
        }
    }
}
