//! What is said of the program with everything it exports: the service, and the Lambda
//! environment that it runs in.

use opentelemetry_semantic_conventions::attribute::{
    CLOUD_PLATFORM, CLOUD_PROVIDER, CLOUD_REGION, FAAS_INSTANCE, FAAS_MAX_MEMORY, FAAS_NAME,
    FAAS_VERSION, SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION,
};
use uuid::Uuid;

use super::settings::{Error, unknown};

/// What Lambda tells a function of itself, and what it is called here.
const LAMBDA: [(&str, &str); 5] = [
    ("AWS_LAMBDA_FUNCTION_NAME", FAAS_NAME),
    ("AWS_LAMBDA_FUNCTION_VERSION", FAAS_VERSION),
    ("AWS_LAMBDA_LOG_STREAM_NAME", FAAS_INSTANCE),
    ("AWS_REGION", CLOUD_REGION),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", FAAS_MAX_MEMORY),
];

/// The attributes, each once. What the environment says of the service goes before what Lambda
/// says, and that before the default.
pub(super) fn attributes(
    service: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<(String, String)>, Error> {
    let given = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let mut attributes = Vec::new();
    if let Some(name) = given("OTEL_SERVICE_NAME") {
        attributes.push((SERVICE_NAME.to_owned(), name));
    }
    if let Some(list) = given("OTEL_RESOURCE_ATTRIBUTES") {
        let invalid = || unknown("OTEL_RESOURCE_ATTRIBUTES", &list, "a list such as a=1,b=2");
        attributes.extend(pairs(&list).ok_or_else(invalid)?);
    }
    let function = given("AWS_LAMBDA_FUNCTION_NAME");
    if function.is_some() {
        let told = LAMBDA.iter().filter_map(|(name, key)| Some((key, given(name)?)));
        attributes.extend(told.map(|(key, value)| match *key {
            // Lambda counts megabytes, and the convention bytes.
            FAAS_MAX_MEMORY => (key.to_string(), bytes(&value)),
            _ => (key.to_string(), value),
        }));
        attributes.push((CLOUD_PROVIDER.to_owned(), "aws".to_owned()));
        attributes.push((CLOUD_PLATFORM.to_owned(), "aws_lambda".to_owned()));
    } else {
        // The metrics of two gateways are two series.
        attributes.push((SERVICE_INSTANCE_ID.to_owned(), Uuid::now_v7().to_string()));
    }
    attributes.push((SERVICE_NAME.to_owned(), function.unwrap_or_else(|| service.to_owned())));
    attributes.push((SERVICE_VERSION.to_owned(), env!("CARGO_PKG_VERSION").to_owned()));

    let mut once: Vec<(String, String)> = Vec::with_capacity(attributes.len());
    for (key, value) in attributes {
        if !once.iter().any(|(known, _)| *known == key) {
            once.push((key, value));
        }
    }
    Ok(once)
}

fn bytes(megabytes: &str) -> String {
    let bytes = megabytes.parse::<u64>().ok().and_then(|count| count.checked_mul(1 << 20));
    bytes.map_or_else(|| megabytes.to_owned(), |bytes| bytes.to_string())
}

/// A list such as `a=1,b=2`, whose values are percent-encoded; `None` when it is none.
pub(super) fn pairs(list: &str) -> Option<Vec<(String, String)>> {
    let pairs = list.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let parsed = pairs.map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let name = name.trim();
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        let value = decode(value.trim()).filter(|_| is_name)?;
        Some((name.to_owned(), value))
    });
    parsed.collect()
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match first {
            b'%' => {
                let digits = std::str::from_utf8(after.get(..2)?).ok()?;
                (u8::from_str_radix(digits, 16).ok()?, &after[2..])
            }
            byte => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Vec<(String, String)> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        attributes("callboard", &variable).expect("valid")
    }

    fn value<'a>(attributes: &'a [(String, String)], key: &str) -> Option<&'a str> {
        attributes.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    #[test]
    fn the_service_is_what_the_environment_says_then_the_function_then_the_program() {
        assert_eq!(value(&of(&[]), SERVICE_NAME), Some("callboard"));
        let function = ("AWS_LAMBDA_FUNCTION_NAME", "bank");
        assert_eq!(value(&of(&[function]), SERVICE_NAME), Some("bank"));
        let listed = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=listed,team=a%2Cb");
        let all = of(&[function, listed]);
        assert_eq!(value(&all, SERVICE_NAME), Some("listed"));
        assert_eq!(value(&all, "team"), Some("a,b"));
        let named = of(&[function, listed, ("OTEL_SERVICE_NAME", "named")]);
        assert_eq!(value(&named, SERVICE_NAME), Some("named"));
        assert_eq!(named.iter().filter(|(key, _)| key == SERVICE_NAME).count(), 1);
    }

    #[test]
    fn two_programs_of_one_service_are_told_apart() {
        let (one, other) = (of(&[]), of(&[]));
        let id = |all| value(all, SERVICE_INSTANCE_ID).map(str::to_owned);
        assert!(id(&one).is_some());
        assert_ne!(id(&one), id(&other));
        let given = of(&[("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=a")]);
        assert_eq!(id(&given).as_deref(), Some("a"));
    }

    #[test]
    fn a_function_tells_where_it_runs() {
        let all = of(&[
            ("AWS_LAMBDA_FUNCTION_NAME", "bank"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ]);
        assert_eq!(value(&all, CLOUD_PROVIDER), Some("aws"));
        assert_eq!(value(&all, CLOUD_REGION), Some("eu-central-1"));
        assert_eq!(value(&all, FAAS_MAX_MEMORY), Some("536870912"));
        assert_eq!(value(&of(&[("AWS_REGION", "eu-central-1")]), CLOUD_REGION), None);
    }
}
