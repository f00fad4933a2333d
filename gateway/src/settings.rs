//! Every value that can be set, with its default.

use std::sync::Arc;
use std::time::Duration;

use callboard_mailbox::lease::Terms;
use callboard_mailbox::retry::Backoff;
use callboard_telemetry::Pipeline;

use crate::access::Access;
use crate::rate::Limits;
use crate::serve::Tls;

/// How a gateway takes connections.
#[derive(Clone, Debug)]
pub struct Connections {
    /// How many may be open at once; further ones wait until one is closed.
    pub open_max: usize,
    /// How long one is used before its client is asked to make another: so new
    /// gateways get their share. Calls that are open on it end as they would.
    /// `None` for ever. It varies by a tenth, lest all come back at once.
    pub age: Option<Duration>,
    /// How many calls one may have open. tonic and hyper have no limit by
    /// themselves; gRPC clients open a further connection or wait.
    pub calls_max: u32,
    /// The most bytes of headers that a call may have, twice as many with HTTP/1.
    /// Trace context has 8 KiB of them, and tokens may be long.
    pub header_bytes_max: u32,
    /// How long the headers of an HTTP/1 request may take, and how long a connection
    /// may wait for its next request. Also how long it may take until it is clear
    /// which HTTP a connection speaks.
    pub header_timeout: Duration,
    /// How long a connection with HTTP/2 may be quiet before it is asked whether the
    /// other side is there, and how long that may take to answer.
    pub keepalive: Duration,
}

/// Which web pages may call a gateway; none by default.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    /// Their origins, `https://app.example.com`, or `*` for all.
    pub origins: Vec<String>,
    /// Names under which browsers call the gateway, if it is behind a proxy on
    /// its own machine. Without one `localhost` and addresses are taken on
    /// loopback, and anything elsewhere.
    pub hosts: Vec<String>,
}

/// How a gateway behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long leases are, and how coarsely the due index follows them.
    pub terms: Terms,
    /// How often the due index is swept. Each sweep finds what becomes due until
    /// the next one, so timers fire within a period of their time at most.
    pub sweep_period: Duration,
    /// How long a reply is kept, at least. DynamoDB deletes it at some time
    /// within two days after that.
    pub reply_retention: Duration,
    /// How long a message is kept in the log, consumed or not. At least a day,
    /// so that no write still in flight can land in a place that was freed.
    pub message_retention: Duration,
    /// How many messages may wait in an actor's log; more are refused. Messages
    /// from other actors come on top: their senders cannot be refused.
    pub mailbox_depth_max: u64,
    /// How long a request may take to arrive.
    pub request_timeout: Duration,
    /// How long an ask waits when its caller gives no deadline.
    pub ask_timeout: Duration,
    /// How long a tell waits when its caller gives no deadline.
    pub tell_timeout: Duration,
    /// How many calls may be open at once; more are refused.
    pub open_calls_max: usize,
    /// How long a mailbox waits after a run of its actor crashed.
    pub crash_backoff: Backoff,
    /// How long a mailbox waits when its function cannot be invoked.
    pub unreachable_backoff: Backoff,
    /// How often a canary finds out whether messages get through. Each costs two
    /// write units and a read unit.
    pub canary_period: Duration,
    /// How long an actor's lane is kept without work. When it closes it puts the
    /// record to rest, which costs two writes of the index that an actor with a
    /// message a minute need not pay.
    pub lane_idle: Duration,
    /// Whether operators may look into mailboxes and mend them. Where nobody is asked
    /// who he is, it is for gateways that only operators can reach.
    pub admin: bool,
    /// Whether the gateway tells by reflection what it serves.
    pub reflection: bool,
    /// Who may call, and do what.
    pub access: Arc<Access>,
    /// TLS on the public port; `None` for none.
    pub tls: Option<Arc<Tls>>,
    /// How often callers may send, and actors be sent to.
    pub rates: Limits,
    /// How connections are taken.
    pub connections: Connections,
    /// Which web pages may call.
    pub pages: Pages,
    /// Where spans and measurements go; nowhere by default.
    pub telemetry: Arc<Pipeline>,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            open_max: 10_000,
            age: Some(Duration::from_secs(30 * 60)),
            calls_max: 250,
            header_bytes_max: 32 * 1_024,
            header_timeout: Duration::from_secs(30),
            keepalive: Duration::from_secs(30),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let backoff = |first, longest| Backoff {
            first: Duration::from_millis(first),
            factor: 2.0,
            longest: Duration::from_secs(longest),
        };
        Self {
            terms: Terms::default(),
            sweep_period: Duration::from_secs(1),
            reply_retention: Duration::from_secs(24 * 3_600),
            message_retention: Duration::from_secs(7 * 24 * 3_600),
            mailbox_depth_max: 1_000_000,
            request_timeout: Duration::from_secs(30),
            ask_timeout: Duration::from_secs(30),
            tell_timeout: Duration::from_secs(10),
            open_calls_max: 10_000,
            crash_backoff: backoff(200, 60),
            unreachable_backoff: backoff(500, 10),
            canary_period: Duration::from_secs(30),
            lane_idle: Duration::from_secs(60),
            admin: false,
            reflection: true,
            access: Arc::default(),
            tls: None,
            rates: Limits::default(),
            connections: Connections::default(),
            pages: Pages::default(),
            telemetry: Arc::new(Pipeline::off()),
        }
    }
}

#[cfg(test)]
impl Settings {
    /// Those of a gateway that measures and traces, and keeps it to itself.
    pub(crate) fn observed() -> Self {
        use opentelemetry_sdk::trace::InMemorySpanExporter;

        let otel = callboard_telemetry::Settings::read("test", &|_| None).expect("nothing is set");
        let exported = Some((InMemorySpanExporter::default(), Duration::from_secs(1)));
        let telemetry = Pipeline::start_with(&otel, exported).expect("it starts");
        Self { telemetry: Arc::new(telemetry), ..Self::default() }
    }
}
