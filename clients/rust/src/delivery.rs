//! When a message is delivered.

use std::time::{Duration, SystemTime};

use callboard_proto::pb::tell_request;
use http::{HeaderMap, HeaderValue};
use prost_types::Timestamp;
use tonic::Status;

use crate::error::invalid;

const DELAY: &str = "callboard-delay";
const DELIVER_AT: &str = "callboard-deliver-at";

/// When a message is delivered that is not for now.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    After(Duration),
    At(SystemTime),
}

impl When {
    /// As a typed call has it.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        let (name, text) = match self {
            Self::After(delay) if delay.subsec_nanos() == 0 => {
                (DELAY, format!("{}s", delay.as_secs()))
            }
            Self::After(delay) => (DELAY, format!("{}ms", delay.as_millis())),
            Self::At(time) => (DELIVER_AT, Timestamp::from(time).to_string()),
        };
        headers.insert(name, HeaderValue::try_from(text).expect("digits and letters"));
    }

    /// As a call by name has it.
    pub(crate) fn named(self) -> Result<tell_request::Delivery, Status> {
        Ok(match self {
            Self::After(delay) => {
                let delay = delay.try_into();
                let delay = delay.map_err(|_| invalid("delay", "it is more than 366 days"))?;
                tell_request::Delivery::Delay(delay)
            }
            Self::At(time) => tell_request::Delivery::DeliverAt(time.into()),
        })
    }

    /// Whether the headers of a stub's call say something of the kind, or that it
    /// is a tell.
    pub(crate) fn is_in(headers: &HeaderMap) -> bool {
        [MODE, DELAY, DELIVER_AT].iter().any(|name| headers.contains_key(*name))
    }
}

/// How a tell is told from an ask in the headers of a stub's call.
pub(crate) const MODE: &str = "callboard-mode";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_not_rounded_and_times_are_rfc_3339() {
        for (when, name, text) in [
            (When::After(Duration::from_secs(90)), DELAY, "90s"),
            (When::After(Duration::from_millis(61_001)), DELAY, "61001ms"),
            (When::At(SystemTime::UNIX_EPOCH), DELIVER_AT, "1970-01-01T00:00:00Z"),
        ] {
            let mut headers = HeaderMap::new();
            when.write(&mut headers);
            assert_eq!(headers[name], text);
            assert!(When::is_in(&headers) && headers.len() == 1);
        }
    }
}
