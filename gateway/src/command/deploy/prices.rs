//! What AWS takes, in dollars.

use std::path::Path;

use callboard_mailbox_dynamodb::units::{DOLLARS_PER_MILLION_READS, DOLLARS_PER_MILLION_WRITES};
use serde::{Deserialize, Serialize};

use crate::command::Failure;

/// The region that the prices are of which are built in.
pub(super) const REGION: &str = "us-east-1";

/// When they were looked at.
pub(super) const AS_OF: &str = "November 2026";

/// List prices without taxes, discounts and free tiers. A file of `--prices` has the same names
/// with `-` for `_`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Prices {
    /// A million write request units.
    pub(super) dynamodb_writes: f64,
    /// A million read request units.
    pub(super) dynamodb_reads: f64,
    /// A GB that is stored for a month.
    pub(super) dynamodb_storage: f64,
    /// The same, so that it can be restored to any second.
    pub(super) dynamodb_recovery: f64,
    /// A million requests.
    pub(super) lambda_requests: f64,
    /// A GB of memory for a million seconds.
    pub(super) lambda_memory: f64,
    /// A vCPU for an hour.
    pub(super) fargate_vcpu: f64,
    /// A GB of memory for an hour.
    pub(super) fargate_memory: f64,
    /// A load balancer for an hour.
    pub(super) load_balancer: f64,
    /// A capacity unit of a load balancer for an hour, which carries a GB.
    pub(super) load_balancer_capacity: f64,
    /// A GB that CloudWatch takes into a log.
    pub(super) logs: f64,
    /// A secret for a month.
    pub(super) secret: f64,
}

impl Default for Prices {
    fn default() -> Self {
        Self {
            // https://aws.amazon.com/dynamodb/pricing/on-demand/
            dynamodb_writes: DOLLARS_PER_MILLION_WRITES,
            dynamodb_reads: DOLLARS_PER_MILLION_READS,
            dynamodb_storage: 0.25,
            dynamodb_recovery: 0.20,
            // https://aws.amazon.com/lambda/pricing/, arm64
            lambda_requests: 0.20,
            lambda_memory: 13.3334,
            // https://aws.amazon.com/fargate/pricing/, arm64
            fargate_vcpu: 0.032_38,
            fargate_memory: 0.003_56,
            // https://aws.amazon.com/elasticloadbalancing/pricing/
            load_balancer: 0.0225,
            load_balancer_capacity: 0.008,
            // https://aws.amazon.com/cloudwatch/pricing/
            logs: 0.50,
            // https://aws.amazon.com/secrets-manager/pricing/
            secret: 0.40,
        }
    }
}

impl Prices {
    /// Those of a file, and for what it lacks those that are built in.
    pub(super) fn load(path: &Path) -> Result<Self, Failure> {
        let failed = |error: String| Failure::new(format!("{}: {error}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        Self::parse(&text).map_err(failed)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let prices: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        let by_name = serde_json::to_value(&prices).map_err(|error| error.to_string())?;
        let by_name = by_name.as_object().into_iter().flatten();
        // What is infinite or no number at all is null here.
        let bad = by_name.filter(|(_, price)| !price.as_f64().is_some_and(|price| price >= 0.0));
        match bad.map(|(name, _)| name).next() {
            Some(name) => Err(format!("{name} is no price; write dollars, 0 or more")),
            None => Ok(prices),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_prices_that_are_others() {
        let prices = Prices::parse("dynamodb-writes = 0.7\nsecret = 1\n").expect("it is right");
        assert_eq!((prices.dynamodb_writes, prices.secret), (0.7, 1.0));
        assert_eq!(prices.dynamodb_reads, Prices::default().dynamodb_reads);
        for (text, word) in [
            ("dynamodb = 1", "unknown field"),
            ("secret = 'much'", "invalid type"),
            ("secret = -1", "secret is no price"),
            ("secret = nan", "secret is no price"),
            ("secret = inf", "secret is no price"),
            ("secret", "line 1"),
        ] {
            let error = Prices::parse(text).map(drop).expect_err(text);
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
