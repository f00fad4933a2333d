//! Time stands still in these tests but for what they let pass.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Link, SpanKind, TraceId, TraceState, Tracer, TracerProvider};
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, SdkTracerProvider, ShouldSample};
use tokio::time::Instant;

use super::super::worker::{Flushed, Worker};
use super::*;

const MS: Duration = Duration::from_millis(1);
const SETTINGS: Queue = Queue { spans_max: 8, batch_max: 4, delay: Duration::from_millis(200) };
const TIMEOUT: Duration = Duration::from_secs(10);

/// How the collector behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Takes,
    Refuses,
    Hangs,
    Slow(Duration),
}

#[derive(Clone, Debug)]
struct Collector {
    mood: Arc<Mutex<Mood>>,
    batches: Arc<Mutex<Vec<Vec<String>>>>,
    calls: Arc<AtomicUsize>,
}

impl Collector {
    fn new(mood: Mood) -> Self {
        let (batches, calls) = (Arc::default(), Arc::default());
        Self { mood: Arc::new(Mutex::new(mood)), batches, calls }
    }

    fn becomes(&self, mood: Mood) {
        *self.mood.lock().expect("no test panics with it") = mood;
    }

    fn batches(&self) -> Vec<Vec<String>> {
        self.batches.lock().expect("no test panics with it").clone()
    }
}

impl SpanExporter for Collector {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let mood = *self.mood.lock().expect("no test panics with it");
        match mood {
            Mood::Takes => {}
            Mood::Refuses => return Err(OTelSdkError::InternalFailure("refused".into())),
            Mood::Hangs => std::future::pending().await,
            Mood::Slow(time) => tokio::time::sleep(time).await,
        }
        let names = batch.into_iter().map(|span| span.name.into_owned()).collect();
        self.batches.lock().expect("no test panics with it").push(names);
        Ok(())
    }
}

struct Rig {
    provider: SdkTracerProvider,
    worker: Worker,
    dropped: Dropped,
    collector: Collector,
}

fn rig(mood: Mood) -> Rig {
    let (collector, dropped) = (Collector::new(mood), Dropped::default());
    let resource = Resource::builder_empty().build();
    let (entrance, exit) = queue(SETTINGS, TIMEOUT, collector.clone(), &resource, &dropped);
    let provider = SdkTracerProvider::builder().with_span_processor(entrance).build();
    Rig { provider, worker: Worker::start(exit), dropped, collector }
}

impl Rig {
    fn end(&self, names: &[&str]) {
        let tracer = self.provider.tracer("test");
        names.iter().for_each(|name| drop(tracer.start((*name).to_owned())));
    }

    /// A flush, and how long it took.
    async fn flush(&self) -> (Flushed, Duration) {
        let begun = Instant::now();
        (self.worker.flush(100 * MS).await, begun.elapsed())
    }
}

#[tokio::test(start_paused = true)]
async fn spans_that_end_together_are_exported_together_after_a_moment() {
    let rig = rig(Mood::Takes);
    rig.end(&["a", "b"]);
    tokio::time::sleep(199 * MS).await;
    assert!(rig.collector.batches().is_empty());
    tokio::time::sleep(2 * MS).await;
    assert_eq!(rig.collector.batches(), [["a", "b"]]);
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_waits_for_nothing() {
    let rig = rig(Mood::Takes);
    rig.end(&["a", "b", "c", "d", "e"]);
    tokio::time::sleep(MS).await;
    assert_eq!(rig.collector.batches()[0], ["a", "b", "c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn a_flush_exports_all_at_once_and_one_of_nothing_costs_nothing() {
    let rig = rig(Mood::Takes);
    rig.end(&["a"]);
    assert_eq!(rig.flush().await, (Flushed::Done, Duration::ZERO));
    assert_eq!(rig.collector.batches(), [["a"]]);
    assert_eq!(rig.flush().await, (Flushed::Done, Duration::ZERO));
    assert_eq!(rig.collector.calls.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_flush_takes_no_longer_than_asked_and_soon_no_time_at_all() {
    let rig = rig(Mood::Hangs);
    rig.end(&["a"]);
    assert_eq!(rig.flush().await, (Flushed::Failed, 100 * MS));
    assert_eq!(rig.flush().await, (Flushed::Failed, 100 * MS));
    let mut waited = Duration::ZERO;
    for _ in 0..100 {
        let (flushed, took) = rig.flush().await;
        assert_ne!(flushed, Flushed::Done);
        waited += took;
        tokio::time::sleep(10 * MS).await;
    }
    assert!(waited <= 100 * MS, "one try within a second, and it waited {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_collector_gets_its_spans_though_nobody_waits_for_it() {
    let rig = rig(Mood::Slow(300 * MS));
    rig.end(&["a"]);
    assert_eq!(rig.flush().await, (Flushed::Failed, 100 * MS));
    tokio::time::sleep(300 * MS).await;
    assert_eq!(rig.collector.batches(), [["a"]]);
    assert_eq!(rig.dropped.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_comes_back_gets_what_waited_for_it() {
    let rig = rig(Mood::Refuses);
    rig.end(&["a"]);
    assert_eq!(rig.flush().await, (Flushed::Failed, Duration::ZERO));
    rig.collector.becomes(Mood::Takes);
    rig.end(&["b"]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(rig.collector.batches(), [["a", "b"]]);
    assert_eq!(rig.flush().await.0, Flushed::Done);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_refused_again_and_again_is_dropped_and_counted() {
    let rig = rig(Mood::Refuses);
    rig.end(&["a", "b"]);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(rig.dropped.count(), 2);
    let tries = rig.collector.calls.load(Ordering::Relaxed);
    assert_eq!(tries, 3, "with nothing to export nothing is tried");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_dropped_and_counted() {
    let rig = rig(Mood::Hangs);
    rig.end(&["a"; 20]);
    assert_eq!(rig.dropped.count(), 12);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_takes_no_longer_than_asked() {
    for (mood, expected) in [(Mood::Hangs, Flushed::Failed), (Mood::Takes, Flushed::Done)] {
        let rig = rig(mood);
        rig.end(&["a"]);
        let begun = Instant::now();
        assert_eq!(rig.worker.shutdown(50 * MS).await, expected);
        assert!(begun.elapsed() <= 50 * MS);
    }
}

/// Records what is not kept, as a sampler for local processors may.
#[derive(Clone, Debug)]
struct RecordOnly;

impl ShouldSample for RecordOnly {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        SamplingResult {
            decision: SamplingDecision::RecordOnly,
            attributes: Vec::new(),
            trace_state: TraceState::default(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn unsampled_spans_are_not_exported() {
    let resource = Resource::builder_empty().build();
    let collector = Collector::new(Mood::Takes);
    let (entrance, exit) =
        queue(SETTINGS, TIMEOUT, collector.clone(), &resource, &Dropped::default());
    let provider =
        SdkTracerProvider::builder().with_sampler(RecordOnly).with_span_processor(entrance).build();
    drop(provider.tracer("test").start("a"));
    assert_eq!(Worker::start(exit).flush(100 * MS).await, Flushed::Done);
    assert!(collector.batches().is_empty());
}
