//! OTLP exporters. They try once: when to try again is the worker's to decide, who also knows
//! when somebody waits.

#[cfg(feature = "grpc")]
use opentelemetry_otlp::WithTonicConfig;
use opentelemetry_otlp::{
    Compression, ExporterBuildError, MetricExporter, RetryPolicy, SpanExporter, WithExportConfig,
    WithHttpConfig,
};
use opentelemetry_sdk::metrics::Temporality;

use super::Error;
use super::client::Client;
use super::settings::{Protocol, Target, without_credentials};

/// Exports spans to a target.
pub(super) fn spans(target: &Target) -> Result<SpanExporter, Error> {
    match target.protocol {
        #[cfg(feature = "grpc")]
        Protocol::Grpc => {
            grpc(SpanExporter::builder().with_tonic(), target)?.build().map_err(invalid(target))
        }
        Protocol::Http => {
            http(SpanExporter::builder().with_http(), target)?.build().map_err(invalid(target))
        }
        #[cfg(not(feature = "grpc"))]
        Protocol::Grpc => Err(Error::NotBuiltIn(target.protocol)),
    }
}

/// Exports metrics to a target.
pub(super) fn metrics(target: &Target, temporality: Temporality) -> Result<MetricExporter, Error> {
    let builder = MetricExporter::builder().with_temporality(temporality);
    match target.protocol {
        #[cfg(feature = "grpc")]
        Protocol::Grpc => grpc(builder.with_tonic(), target)?.build().map_err(invalid(target)),
        Protocol::Http => http(builder.with_http(), target)?.build().map_err(invalid(target)),
        #[cfg(not(feature = "grpc"))]
        Protocol::Grpc => Err(Error::NotBuiltIn(target.protocol)),
    }
}

fn invalid(target: &Target) -> impl Fn(ExporterBuildError) -> Error {
    let endpoint = &target.endpoint;
    // It tells the endpoint as it is.
    move |error| Error::Target(error.to_string().replace(endpoint, without_credentials(endpoint)))
}

#[cfg(feature = "grpc")]
fn grpc<B: WithExportConfig + WithTonicConfig>(builder: B, target: &Target) -> Result<B, Error> {
    use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
    let metadata = MetadataMap::from_headers(headers(target)?);
    let builder = builder
        .with_endpoint(&target.endpoint)
        .with_timeout(target.timeout)
        .with_metadata(metadata)
        .with_retry_policy(RetryPolicy::disabled());
    let builder = match target.gzip {
        true => builder.with_compression(Compression::Gzip),
        false => builder,
    };
    Ok(match target.endpoint.starts_with("https:") {
        true => {
            use opentelemetry_otlp::tonic_types::transport::ClientTlsConfig;
            builder.with_tls_config(ClientTlsConfig::new().with_enabled_roots())
        }
        false => builder,
    })
}

fn http<B: WithExportConfig + WithHttpConfig>(builder: B, target: &Target) -> Result<B, Error> {
    // Read once here, so that a bad one is an error.
    headers(target)?;
    let builder = builder
        .with_endpoint(&target.endpoint)
        .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
        .with_timeout(target.timeout)
        .with_headers(target.headers.iter().cloned().collect())
        .with_http_client(Client::new(&target.endpoint)?)
        .with_retry_policy(RetryPolicy::disabled());
    Ok(match target.gzip {
        true => builder.with_compression(Compression::Gzip),
        false => builder,
    })
}

fn headers(target: &Target) -> Result<http::HeaderMap, Error> {
    let parse = |(name, value): &(String, String)| {
        // Neither may be told: whoever forgot the name has a key in its place.
        let invalid = || Error::Target("a header cannot be sent".to_owned());
        let value: http::HeaderValue = value.parse().map_err(|_| invalid())?;
        Ok((name.parse::<http::HeaderName>().map_err(|_| invalid())?, value))
    };
    target.headers.iter().map(parse).collect()
}
