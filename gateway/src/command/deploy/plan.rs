//! `callboard deploy plan`.

use std::path::PathBuf;

use serde::Serialize;

use super::cost::{self, Bill};
use super::load::Load;
use super::prices::{AS_OF, Prices, REGION};
use super::print;
use super::stacks::{self, Sizes, Stack};
use crate::command::Failure;

/// How many environments actor.yaml lets a function have.
const ENVIRONMENTS: f64 = 10.0;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    callboard deploy plan examples/counter --messages-per-second 100\n  \
    callboard deploy plan --messages-per-second 2.5 --ask-share 0 --prices frankfurt.toml --json\n\n\
    A file for --prices has dollars by name; what it lacks is as it is built in:\n  \
    dynamodb-writes = 0.625            # a million units\n  \
    dynamodb-reads = 0.125             # a million units\n  \
    dynamodb-storage = 0.25            # a GB for a month\n  \
    dynamodb-recovery = 0.20           # a GB for a month\n  \
    lambda-requests = 0.20             # a million\n  \
    lambda-memory = 13.3334            # a GB for a million seconds\n  \
    fargate-vcpu = 0.03238             # an hour\n  \
    fargate-memory = 0.00356           # a GB for an hour\n  \
    load-balancer = 0.0225             # an hour\n  \
    load-balancer-capacity = 0.008     # an hour\n  \
    logs = 0.50                        # a GB\n  \
    secret = 0.40                      # a month")]
pub(super) struct Arguments {
    /// The folder with your .proto files, and perhaps a callboard.toml.
    #[arg(default_value = ".")]
    dir: PathBuf,
    #[command(flatten)]
    load: Load,
    /// The memory of a function, in MiB, 128 to 10240.
    #[arg(long, value_name = "MB", default_value_t = 512, help_heading = "Sizes")]
    #[arg(value_parser = clap::value_parser!(u32).range(128..=10_240))]
    memory_mb: u32,
    /// How many gateways run, 2 to 500.
    #[arg(long, value_name = "N", default_value_t = 2, help_heading = "Sizes")]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=500))]
    gateways: u32,
    /// The vCPUs of a gateway, with 2 GB of memory for each.
    #[arg(long, value_enum, default_value_t = Size::Half, help_heading = "Sizes")]
    size: Size,
    /// The region. The prices that are built in are those of us-east-1.
    #[arg(long, value_name = "REGION", default_value = REGION, help_heading = "Prices")]
    region: String,
    /// A file with other prices, in TOML.
    #[arg(long, value_name = "FILE", help_heading = "Prices")]
    prices: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The sizes that gateway.yaml has.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Size {
    Quarter,
    Half,
    One,
    Two,
}

impl Size {
    fn vcpus(self) -> f64 {
        match self {
            Self::Quarter => 0.25,
            Self::Half => 0.5,
            Self::One => 1.0,
            Self::Two => 2.0,
        }
    }
}

/// All that is printed.
#[derive(Serialize)]
pub(super) struct Plan {
    pub(super) region: String,
    /// Where the prices are from.
    pub(super) prices_from: String,
    pub(super) stacks: Vec<Stack>,
    pub(super) load: Load,
    /// How many environments the functions need together, in the mean.
    pub(super) environments: f64,
    #[serde(flatten)]
    pub(super) bill: Bill,
    pub(super) prices: Prices,
    /// What the reader should know.
    pub(super) notes: Vec<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let plan = plan(arguments)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&plan)?);
    } else {
        print!("{}", print::text(&plan));
    }
    Ok(())
}

fn plan(arguments: &Arguments) -> Result<Plan, Failure> {
    let Arguments { load, memory_mb, gateways, size, region, .. } = arguments;
    let functions = stacks::functions(&arguments.dir)?;
    let (prices, prices_from) = match &arguments.prices {
        Some(path) => (Prices::load(path)?, path.display().to_string()),
        None => (Prices::default(), format!("list prices of {REGION} as known in {AS_OF}, arm64")),
    };
    let vcpus = size.vcpus();
    let sizes =
        Sizes { gateways: *gateways, vcpus, gateway_gb: 2.0 * vcpus, memory_mb: *memory_mb };
    let environments = load.environments().ceil();
    let mut notes = vec![
        "Not in it: stored states, what handlers and gateways log, traces, a NAT gateway, data that \
         leaves AWS, taxes, and free tiers."
            .to_owned(),
    ];
    if arguments.prices.is_none() && region != REGION {
        notes
            .push(format!("These are the prices of {REGION}; give those of {region} by --prices."));
    }
    if environments > ENVIRONMENTS * functions.len() as f64 {
        notes.push(format!(
            "The runs need {environments:.0} environments of Lambda, in the mean: raise \
             ReservedConcurrency of actor.yaml, which is {ENVIRONMENTS:.0}."
        ));
    }
    Ok(Plan {
        region: region.clone(),
        prices_from,
        stacks: stacks::stacks(&functions, sizes),
        load: load.clone(),
        environments,
        bill: cost::bill(load, sizes, &prices),
        prices,
        notes,
    })
}
