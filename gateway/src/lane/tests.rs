use callboard_mailbox::MessageId;
use callboard_mailbox::memory::MemoryStore;
use callboard_mailbox::message::Kind;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use super::*;
use crate::Settings;

fn lane(settings: Settings) -> Lane<MemoryStore> {
    of(Gateway::of_types(["t.v1.A"], settings))
}

fn of(gateway: Arc<Gateway<MemoryStore>>) -> Lane<MemoryStore> {
    let address = Address::new("t.v1.A", "a").expect("an address");
    let function = gateway.functions.of("t.v1.A").expect("it has one");
    let (_, commands) = mpsc::unbounded_channel();
    Lane::new(gateway, address, function, commands)
}

fn context() -> Context {
    let (trace, span) = (TraceId::from(7), SpanId::from(7));
    let sampled = TraceFlags::SAMPLED;
    let sender = SpanContext::new(trace, span, sampled, true, TraceState::default());
    Context::new().with_remote_span_context(sender)
}

impl Lane<MemoryStore> {
    /// Has a message appended; whether it is stored.
    async fn append(&mut self) -> bool {
        let sent_at = (self.gateway.clock)();
        let message = Message::new(
            MessageId::new("m").expect("an id"),
            Kind::Tell,
            "Put",
            bytes::Bytes::new(),
            sent_at,
        );
        let (stored, answer) = oneshot::channel();
        self.pending.push_back(Envelope { messages: vec![(message, context())], stored });
        self.flush().await;
        answer.await.expect("it is answered").is_ok()
    }

    /// Waits until what runs beside it has ended.
    async fn go_on(&mut self) {
        let event = self.running.join_next().await.expect("something runs");
        self.ended(event.expect("it does not panic")).await;
    }

    fn causes(&self) -> (usize, usize) {
        let (messages, runs) = self.causes.contexts();
        (messages.len(), runs.len())
    }

    fn text(&self) -> String {
        self.gateway.settings.telemetry.prometheus_text()
    }
}

#[tokio::test]
async fn a_run_that_follows_one_that_failed_has_its_causes() {
    let mut lane = lane(Settings::observed());
    let (done, _woken) = oneshot::channel();
    lane.take(Command::Wake(done, context()));
    assert!(lane.append().await);
    assert_eq!(lane.causes(), (0, 0), "the run has them");
    lane.go_on().await;
    assert_eq!(lane.causes(), (1, 1));
    // A run of another gateway was first.
    lane.consumed(Sequence(1));
    assert_eq!(lane.causes(), (0, 1));
}

#[tokio::test]
async fn what_is_not_stored_is_no_cause_and_not_counted() {
    let mut lane = lane(Settings { mailbox_depth_max: 0, ..Settings::observed() });
    assert!(!lane.append().await);
    lane.go_on().await;
    assert_eq!(lane.causes(), (0, 0));
    assert!(!lane.text().contains("callboard_append_messages"), "{}", lane.text());
}

#[tokio::test]
async fn what_a_run_leaves_is_told_whoever_sent_it() {
    let mut lane = lane(Settings::observed());
    let (done, _woken) = oneshot::channel();
    lane.take(Command::Wake(done, Context::new()));
    lane.wake_for_others().await;
    assert!(!lane.text().contains("callboard_mailbox_depth"), "{}", lane.text());
    lane.go_on().await;
    let depth = "callboard_mailbox_depth{messaging_destination_name=\"t.v1.A\"} 1";
    assert!(lane.text().contains(depth), "{}", lane.text());
}

#[tokio::test]
async fn what_a_look_finds_is_told_and_as_old_as_it_is_due() {
    let gateway = Gateway::of_types(["t.v1.A"], Settings::observed());
    let mut lane = of(Arc::clone(&gateway));
    assert!(lane.append().await, "it is in the log");
    let mut lane = of(gateway);
    let long = Duration::from_secs(500);
    let Gateway { store, clock, .. } = &*lane.gateway;
    store.with(|tables| {
        let record = tables.record(&lane.address).expect("there is one");
        let due = Some(clock().minus(long));
        let record = Record { due, lease_until: None, ..record };
        tables.force_record(&lane.address, record);
    });
    lane.look_beside(Sweep::new(&lane.address, lane.gateway.settings.terms), None);
    lane.go_on().await;
    assert!(lane.left.is_some_and(|since| clock_of(&lane).since(since) >= long), "{:?}", lane.left);
}

fn clock_of(lane: &Lane<MemoryStore>) -> Timestamp {
    (lane.gateway.clock)()
}

#[tokio::test]
async fn the_depth_is_whole_also_of_more_segments_than_are_told_apart() {
    let mut lane = lane(Settings::observed());
    let last = UNCONSUMED_MAX as u64 + 50;
    (1..=last).for_each(|place| lane.waits_from_now_on(Sequence(place), Timestamp(place)));
    assert_eq!(lane.unconsumed.len(), UNCONSUMED_MAX);
    lane.consumed(Sequence(last - 1));
    let depth = "callboard_mailbox_depth{messaging_destination_name=\"t.v1.A\"} 1";
    assert!(lane.text().contains(depth), "{}", lane.text());
    lane.consumed(Sequence(last));
    assert!(!lane.text().contains("callboard_mailbox_depth"), "{}", lane.text());
}

#[tokio::test]
async fn nothing_is_kept_for_metrics_that_nobody_reads() {
    let mut lane = lane(Settings::default());
    lane.waits_from_now_on(Sequence(1), Timestamp(1));
    assert!(lane.unconsumed.is_empty());
}
