//! What a function's environment says of its database and to the AWS SDK.

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use callboard_mailbox_dynamodb::database::socket::{self, Socket};
use callboard_mailbox_dynamodb::{Database, connect};

/// The function's database: DynamoDB, or under `callboard dev` the embedded one, behind a socket.
pub(crate) fn database(config: &SdkConfig) -> Database {
    match std::env::var_os(socket::VARIABLE) {
        Some(path) => Socket::new(path.into()).into(),
        None => connect(config, None).into(),
    }
}

/// Lambda gives a function its region and its credentials as variables. What
/// `aws_config::load_from_env` has besides (profiles, roles to assume, metadata
/// services) would be a part of each function, and never run.
pub(crate) fn aws_config(variable: &dyn Fn(&str) -> Option<String>) -> SdkConfig {
    let is_true = |name| variable(name).is_some_and(|it| it.eq_ignore_ascii_case("true"));
    let endpoint = variable("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| variable("AWS_ENDPOINT_URL"));
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(
            EnvironmentVariableCredentialsProvider::new(),
        ))
        .region(variable("AWS_REGION").map(Region::new))
        .use_fips(is_true("AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(is_true("AWS_USE_DUALSTACK_ENDPOINT"));
    config.set_endpoint_url(endpoint);
    config.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> SdkConfig {
        aws_config(&|name| {
            let (_, value) = variables.iter().find(|(it, _)| *it == name)?;
            Some((*value).to_owned())
        })
    }

    #[test]
    fn a_function_in_lambda_has_its_region_and_the_regions_endpoints() {
        let config = read(&[("AWS_REGION", "eu-central-1")]);
        assert_eq!(config.region().map(Region::as_ref), Some("eu-central-1"));
        assert!(config.credentials_provider().is_some());
        assert_eq!(config.endpoint_url(), None);
        assert_eq!((config.use_fips(), config.use_dual_stack()), (Some(false), Some(false)));
    }

    #[test]
    fn the_endpoint_of_dynamodb_goes_before_that_of_all() {
        let all = ("AWS_ENDPOINT_URL", "http://all");
        let own = ("AWS_ENDPOINT_URL_DYNAMODB", "http://own");
        assert_eq!(read(&[all]).endpoint_url(), Some("http://all"));
        assert_eq!(read(&[all, own]).endpoint_url(), Some("http://own"));
    }

    #[test]
    fn other_endpoints_of_aws_are_asked_for() {
        let config =
            read(&[("AWS_USE_FIPS_ENDPOINT", "true"), ("AWS_USE_DUALSTACK_ENDPOINT", "TRUE")]);
        assert_eq!((config.use_fips(), config.use_dual_stack()), (Some(true), Some(true)));
    }
}
