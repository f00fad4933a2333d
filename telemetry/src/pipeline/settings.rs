//! What is exported where, from the standard `OTEL_*` variables.
//!
//! Nothing is exported unless an endpoint is set, or `otlp` is asked for: a program that was told
//! nothing sends nothing. A value that is not known is an error and not a warning that scrolls by.

mod target;

use std::time::Duration;

use super::sampler::Sampling;
use crate::story::{Habits, Tells};

pub(super) use target::without_credentials;
pub use target::{Protocol, Target};

/// The longest that an export may take, unless `OTEL_EXPORTER_OTLP_TIMEOUT` says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long spans are gathered for one export. The standard's 5 s is too long for somebody who
/// watches, and for a function that is about to freeze.
const DELAY: Duration = Duration::from_millis(200);

/// How many spans wait for their export at most; those beyond are dropped, and counted.
const QUEUE_SPANS_MAX: usize = 2_048;

/// How many spans go with one export at most.
const BATCH_SPANS_MAX: usize = 512;

/// How often metrics are exported.
const METRIC_INTERVAL: Duration = Duration::from_secs(60);

/// Variables that change how TLS is done, and that would be ignored otherwise.
const UNSUPPORTED: [&str; 3] = ["CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE"];

/// What is exported, where and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where spans go; `None` for nowhere.
    pub traces: Option<Target>,
    /// Where metrics go; `None` for nowhere.
    pub metrics: Option<Target>,
    /// Which traces are kept.
    pub sampling: Sampling,
    /// Whether the caller's trace context is read and passed on.
    pub propagates: bool,
    /// Names of propagators that are not known, and ignored.
    pub ignored: Vec<String>,
    /// How spans wait for their export.
    pub queue: Queue,
    /// How often metrics are exported.
    pub metric_interval: Duration,
    /// Whether exported counts are those since the last export, and not those since the start.
    pub delta: bool,
    /// How spans are made, besides.
    pub habits: Habits,
    /// What is said of the program with everything it exports.
    pub resource: Vec<(String, String)>,
}

/// How spans wait for their export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// How many wait at most; those beyond are dropped, and counted.
    pub spans_max: usize,
    /// How many go with one export at most.
    pub batch_max: usize,
    /// How long an export waits for more of them.
    pub delay: Duration,
}

/// What is wrong with a variable.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Its value is none of those that are known.
    #[error("{variable} is {value:?}, and it can be {expected}")]
    Unknown {
        /// Its name.
        variable: String,
        /// What it is, without credentials.
        value: String,
        /// What it can be.
        expected: &'static str,
    },
    /// Its value is no list of headers. It may be a key, and is not told.
    #[error("{variable} is not valid: it can be a list of headers such as name=value,name=value")]
    Headers {
        /// Its name.
        variable: String,
    },
    /// What it asks for is not there.
    #[error("{variable} is set, and Callboard cannot do what it asks for: {detail}")]
    Unsupported {
        /// Its name.
        variable: String,
        /// What to do instead.
        detail: &'static str,
    },
}

/// One of the two kinds of what is exported.
#[derive(Clone, Copy)]
struct Signal {
    /// As in the names of variables.
    name: &'static str,
    /// As HTTP has it.
    path: &'static str,
}

const TRACES: Signal = Signal { name: "TRACES", path: "v1/traces" };
const METRICS: Signal = Signal { name: "METRICS", path: "v1/metrics" };

/// Reads variables, whose empty values count as unset, as the standard says.
struct Variables<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Settings {
    /// What the environment of the process says. `service` is the program's name, unless the
    /// environment has another.
    ///
    /// # Errors
    /// When a variable has a value that is not known.
    pub fn from_env(service: &str) -> Result<Self, Error> {
        Self::read(service, &|name| std::env::var(name).ok())
    }

    /// What variables say.
    ///
    /// ```
    /// use callboard_telemetry::pipeline::Settings;
    ///
    /// let off = Settings::read("gateway", &|_| None)?;
    /// assert!(off.traces.is_none() && off.metrics.is_none());
    ///
    /// let on = Settings::read("gateway", &|name| {
    ///     (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| "http://localhost:4318".into())
    /// })?;
    /// assert_eq!(on.traces.unwrap().endpoint, "http://localhost:4318/v1/traces");
    /// # Ok::<(), callboard_telemetry::pipeline::settings::Error>(())
    /// ```
    ///
    /// # Errors
    /// When one has a value that is not known.
    pub fn read(service: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let variables = Variables(variable);
        let resource = super::resource::attributes(service, variable)?;
        let is_off = variables.boolean("OTEL_SDK_DISABLED")?;
        let (traces, metrics) = match is_off {
            true => (None, None),
            false => (variables.target(TRACES)?, variables.target(METRICS)?),
        };
        let delta = variables.one_of(
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "cumulative or delta",
            &[("cumulative", false), ("delta", true)],
        )?;
        let (propagates, ignored) = variables.propagators()?;
        Ok(Self {
            traces,
            metrics,
            sampling: variables.sampling()?,
            propagates,
            ignored,
            queue: Queue {
                spans_max: variables.count("OTEL_BSP_MAX_QUEUE_SIZE", QUEUE_SPANS_MAX)?,
                batch_max: variables.count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", BATCH_SPANS_MAX)?,
                delay: variables.milliseconds("OTEL_BSP_SCHEDULE_DELAY", DELAY)?,
            },
            metric_interval: variables
                .milliseconds("OTEL_METRIC_EXPORT_INTERVAL", METRIC_INTERVAL)?
                .max(Duration::from_millis(1)),
            delta: delta.unwrap_or(false),
            habits: variables.habits()?,
            resource,
        })
    }
}

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<String> {
        self.0(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The variable of the signal, or the one for both.
    fn of_signal(&self, signal: Signal, name: &str) -> Option<(String, String)> {
        let names = [
            format!("OTEL_EXPORTER_OTLP_{}_{name}", signal.name),
            format!("OTEL_EXPORTER_OTLP_{name}"),
        ];
        names.into_iter().find_map(|name| self.get(&name).map(|value| (name, value)))
    }

    fn one_of<T: Copy>(
        &self,
        name: &str,
        expected: &'static str,
        known: &[(&str, T)],
    ) -> Result<Option<T>, Error> {
        let Some(value) = self.get(name) else { return Ok(None) };
        choose(name, &value, expected, known).map(Some)
    }

    fn boolean(&self, name: &str) -> Result<bool, Error> {
        let known = [("true", true), ("false", false)];
        Ok(self.one_of(name, "true or false", &known)?.unwrap_or(false))
    }

    fn milliseconds(&self, name: &str, default: Duration) -> Result<Duration, Error> {
        let Some(value) = self.get(name) else { return Ok(default) };
        let expected = "a number of milliseconds";
        value.parse().map(Duration::from_millis).map_err(|_| unknown(name, &value, expected))
    }

    fn count(&self, name: &str, default: usize) -> Result<usize, Error> {
        let Some(value) = self.get(name) else { return Ok(default) };
        let count = value.parse().ok().filter(|count| (1..=1_000_000).contains(count));
        count.ok_or_else(|| unknown(name, &value, "a number from 1 to 1000000"))
    }

    fn target(&self, signal: Signal) -> Result<Option<Target>, Error> {
        let endpoint = self.of_signal(signal, "ENDPOINT");
        if !self.is_exported(signal, endpoint.is_some())? {
            return Ok(None);
        }
        for name in UNSUPPORTED {
            if let Some((variable, _)) = self.of_signal(signal, name) {
                let detail = "put the certificate among those that the system trusts";
                return Err(Error::Unsupported { variable, detail });
            }
        }
        let known = [("grpc", Protocol::Grpc), ("http/protobuf", Protocol::Http)];
        let protocol = match self.of_signal(signal, "PROTOCOL") {
            Some((name, value)) => choose(&name, &value, "grpc or http/protobuf", &known)?,
            None => Protocol::Http,
        };
        let gzip = match self.of_signal(signal, "COMPRESSION") {
            Some((name, value)) => {
                choose(&name, &value, "gzip or none", &[("gzip", true), ("none", false)])?
            }
            None => false,
        };
        let timeout = match self.of_signal(signal, "TIMEOUT") {
            Some((name, _)) => self.milliseconds(&name, TIMEOUT)?,
            None => TIMEOUT,
        };
        let headers = match self.of_signal(signal, "HEADERS") {
            Some((variable, value)) => match super::resource::pairs(&value) {
                Some(headers) if headers.iter().all(is_header) => headers,
                _ => return Err(Error::Headers { variable }),
            },
            None => Vec::new(),
        };
        let endpoint = endpoint_of(signal, protocol, endpoint)?;
        Ok(Some(Target { endpoint, protocol, headers, timeout, gzip }))
    }

    fn is_exported(&self, signal: Signal, has_endpoint: bool) -> Result<bool, Error> {
        let name = format!("OTEL_{}_EXPORTER", signal.name);
        let Some(value) = self.get(&name) else { return Ok(has_endpoint) };
        // Prometheus text is there on the private port, whatever else is exported.
        let known = [("otlp", true), ("none", false), ("prometheus", false)];
        let known = if signal.name == METRICS.name { &known[..] } else { &known[..2] };
        let mut is_exported = false;
        for value in value.split(',') {
            is_exported |= choose(&name, value.trim(), "otlp or none", known)?;
        }
        Ok(is_exported)
    }

    fn sampling(&self) -> Result<Sampling, Error> {
        let (name, argument) = ("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG");
        let Some(value) = self.get(name) else { return Ok(Sampling::default()) };
        let expected =
            "always_on, always_off or traceidratio, each also with parentbased_ before it";
        let (follows_caller, kind) = match value.strip_prefix("parentbased_") {
            Some(kind) => (true, kind),
            None => (false, value.as_str()),
        };
        let ratio = match kind {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => match self.get(argument) {
                None => 1.0,
                Some(text) => {
                    let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
                    ratio.ok_or_else(|| unknown(argument, &text, "a number from 0 to 1"))?
                }
            },
            _ => return Err(unknown(name, &value, expected)),
        };
        Ok(Sampling { ratio, follows_caller })
    }

    fn habits(&self) -> Result<Habits, Error> {
        let known = [("linked", Tells::Linked), ("children", Tells::Children)];
        let tells = self.one_of("CALLBOARD_TRACE_TELLS", "linked or children", &known)?;
        let keys = self.boolean("CALLBOARD_TRACE_KEYS")?;
        Ok(Habits { tells: tells.unwrap_or_default(), keys })
    }

    /// Callboard passes on W3C's trace context and baggage together, or nothing. What others
    /// understand beside them, such as `xray` in a Lambda layer, is ignored.
    fn propagators(&self) -> Result<(bool, Vec<String>), Error> {
        let name = "OTEL_PROPAGATORS";
        let Some(value) = self.get(name) else { return Ok((true, Vec::new())) };
        let names: Vec<_> = value.split(',').map(str::trim).collect();
        let is = |name: &str, known: &str| name.eq_ignore_ascii_case(known);
        let propagates = names.iter().any(|name| is(name, "tracecontext"));
        let known = ["tracecontext", "baggage", "none"];
        let ignored = names.iter().filter(|name| !known.iter().any(|known| is(name, known)));
        let ignored: Vec<_> = ignored.map(|name| (*name).to_owned()).collect();
        if !propagates && !ignored.is_empty() {
            return Err(unknown(name, &value, "tracecontext and baggage, or none"));
        }
        Ok((propagates, ignored))
    }
}

fn endpoint_of(
    signal: Signal,
    protocol: Protocol,
    given: Option<(String, String)>,
) -> Result<String, Error> {
    let Some((name, value)) = given else {
        return Ok(match protocol {
            Protocol::Grpc => "http://localhost:4317".to_owned(),
            Protocol::Http => format!("http://localhost:4318/{}", signal.path),
        });
    };
    let is_url = value.parse::<http::Uri>().is_ok_and(|uri| {
        uri.authority().is_some() && matches!(uri.scheme_str(), Some("http" | "https"))
    });
    if !is_url {
        let value = without_credentials(&value);
        return Err(unknown(&name, value, "a URL that begins with http:// or https://"));
    }
    // The endpoint for both signals is a base; that of one is used as it is.
    let is_base = name == "OTEL_EXPORTER_OTLP_ENDPOINT" && protocol == Protocol::Http;
    Ok(if is_base { format!("{}/{}", value.trim_end_matches('/'), signal.path) } else { value })
}

/// Whether it can be sent.
fn is_header((name, value): &(String, String)) -> bool {
    name.parse::<http::HeaderName>().is_ok() && value.parse::<http::HeaderValue>().is_ok()
}

fn choose<T: Copy>(
    name: &str,
    value: &str,
    expected: &'static str,
    known: &[(&str, T)],
) -> Result<T, Error> {
    let found = known.iter().find(|(text, _)| text.eq_ignore_ascii_case(value));
    found.map(|(_, choice)| *choice).ok_or_else(|| unknown(name, value, expected))
}

pub(super) fn unknown(variable: &str, value: &str, expected: &'static str) -> Error {
    Error::Unknown { variable: variable.to_owned(), value: value.to_owned(), expected }
}

#[cfg(test)]
mod tests;
