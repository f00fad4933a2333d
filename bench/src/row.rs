//! The rows.

use std::fmt;

use clap::ValueEnum;

use crate::cargo::Built;
use crate::report::Figure;
use crate::sample::Repetitions;
use crate::{
    Arguments, Result, ask_latency, cargo, clients, drain, edge, memory, price, rates, sdk, stream,
    tracing,
};

/// How long the first build may take, in minutes.
const BUILD_MAX: f64 = 6.0;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Row {
    /// The gateway without what lies behind it, against a bare tonic echo.
    Edge,
    /// One ask after the other.
    AskLatency,
    /// Asks of 64 callers to 1,000 actors.
    AskRate,
    /// Tells of 64 callers to 1,000 actors.
    TellRate,
    /// Asks of 64 callers to one actor.
    HotActor,
    /// Read-only asks of 64 callers to 1,000 actors.
    ReadOnly,
    /// A backlog of one actor, and another one meanwhile.
    Drain,
    /// Tells to one actor in a stream, and by themselves.
    Stream,
    /// Asks and tells by each client, and by bare stubs.
    Clients,
    /// Asks of many callers at once, with traces and without.
    Tracing,
    /// What the SDK adds to a handler, and what an actor's function weighs.
    Sdk,
    /// What processes take when they are idle, and at most.
    Memory,
    /// DynamoDB's request units for each message.
    Price,
    /// How long the first build of the quick start takes.
    Build,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no row is skipped");
        f.write_str(value.get_name())
    }
}

impl Row {
    /// Whether the gateway and the counter must be built before it is measured.
    pub(crate) fn needs_programs(self) -> bool {
        !matches!(self, Self::Edge | Self::Sdk | Self::Price | Self::Build)
    }

    pub(crate) async fn measure(
        self,
        built: Option<&Built>,
        given: &Arguments,
    ) -> Result<Vec<Figure>> {
        let built = || built.ok_or("the gateway and the counter are not built");
        match self {
            Self::Edge => edge::measure(given).await,
            Self::AskLatency => {
                let mut figures = ask_latency::measure(built()?, given, false).await?;
                figures.extend(ask_latency::measure(built()?, given, true).await?);
                Ok(figures)
            }
            Self::AskRate => rates::measure(&rates::ASK_RATE, built()?, given).await,
            Self::TellRate => rates::measure(&rates::TELL_RATE, built()?, given).await,
            Self::HotActor => rates::measure(&rates::HOT_ACTOR, built()?, given).await,
            Self::ReadOnly => rates::measure(&rates::READ_ONLY, built()?, given).await,
            Self::Drain => {
                let mut figures = drain::measure(built()?, given, false).await?;
                figures.extend(drain::measure(built()?, given, true).await?);
                Ok(figures)
            }
            Self::Stream => stream::measure(built()?, given).await,
            Self::Clients => clients::measure(built()?, given).await,
            Self::Tracing => tracing::measure(built()?, given).await,
            Self::Sdk => sdk::measure(given).await,
            Self::Memory => memory::measure(built()?, given).await,
            Self::Price => price::measure(),
            Self::Build => build(),
        }
    }
}

/// Once: it takes minutes.
fn build() -> Result<Vec<Figure>> {
    let mut took = Repetitions::default();
    took.push(cargo::clean_debug_build()?.as_secs_f64() / 60.0);
    let what = "the quick start from nothing, debug";
    Ok(vec![Figure::new("build", what, "min", &took).at_most(BUILD_MAX)])
}
