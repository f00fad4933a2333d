//! Answers on their way out. Nobody can be made to take what he has asked for, but while
//! he does not it takes memory: so who leaves an answer lying for long is sent away, and
//! sooner when much lies there.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::FutureExt;
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, sleep};

/// How long the next part of an answer may lie there.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);

/// How long it may when more lies there than [`PRESSED_FROM_BYTES`].
const TAKEN_WITHIN_PRESSED: Duration = Duration::from_secs(1);

/// From how many bytes on, of all connections together, answers must be taken at once.
const PRESSED_FROM_BYTES: usize = 32 * 1_024 * 1_024;

/// What is handed out of an answer at a time: HTTP/2 keeps as much of each one beyond what
/// its client takes.
const PART_BYTES: usize = 16 * 1_024;

/// How often is looked.
const PERIOD: Duration = Duration::from_millis(500);

/// What lies there in this process: it is its memory, whatever the port.
static UNTAKEN_BYTES: AtomicUsize = AtomicUsize::new(0);

/// The answers of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers(Arc<Mutex<Waiting>>);

/// Since when parts wait to be taken, in the order in which they began to.
#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    since: BTreeMap<u64, Instant>,
}

impl Answers {
    /// An answer, which is watched from now on.
    pub(super) fn watch(&self, response: http::Response<Body>) -> http::Response<Leaving> {
        response.map(|body| Leaving::new(body, self.clone()))
    }

    /// Waits until a part has waited for too long.
    pub(super) async fn are_left_lying(&self) {
        loop {
            sleep(PERIOD).await;
            let is_pressed = UNTAKEN_BYTES.load(Ordering::Relaxed) > PRESSED_FROM_BYTES;
            let within = if is_pressed { TAKEN_WITHIN_PRESSED } else { TAKEN_WITHIN };
            let oldest = self.lock().since.first_key_value().map(|(_, since)| *since);
            if oldest.is_some_and(|since| since.elapsed() > within) {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(super) struct Leaving {
    body: Body,
    /// A frame that was read ahead, to know how large it is: HTTP/2 reads nothing of a
    /// body while its client takes nothing.
    ahead: Option<Frame<Bytes>>,
    waits: Wait,
}

/// A part that waits; none when the body has nothing that could be taken.
#[derive(Debug)]
struct Wait {
    answers: Answers,
    part: Option<(u64, usize)>,
}

impl Leaving {
    fn new(mut body: Body, answers: Answers) -> Self {
        let is_over = hyper::body::Body::is_end_stream(&body);
        // What is not there at once is asked for again when it can be taken.
        let ahead = if is_over { None } else { body.frame().now_or_never().flatten() };
        let mut waits = Wait { answers, part: None };
        match ahead {
            Some(Ok(frame)) => {
                waits.begin(size(&frame));
                Self { body, ahead: Some(frame), waits }
            }
            Some(Err(error)) => Self { body: broken(error), ahead: None, waits },
            None => Self { body, ahead: None, waits },
        }
    }
}

/// A body that ends with an error.
fn broken(error: axum::Error) -> Body {
    Body::from_stream(futures::stream::once(std::future::ready(Err::<Bytes, _>(error))))
}

fn size(frame: &Frame<Bytes>) -> usize {
    frame.data_ref().map_or(0, Bytes::len)
}

impl Wait {
    fn begin(&mut self, bytes: usize) {
        let mut waiting = self.answers.lock();
        waiting.last += 1;
        let part = waiting.last;
        waiting.since.insert(part, Instant::now());
        drop(waiting);
        UNTAKEN_BYTES.fetch_add(bytes, Ordering::Relaxed);
        self.part = Some((part, bytes));
    }

    fn end(&mut self) {
        if let Some((part, bytes)) = self.part.take() {
            self.answers.lock().since.remove(&part);
            UNTAKEN_BYTES.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.end();
    }
}

impl hyper::body::Body for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Self { body, ahead, waits } = self.get_mut();
        // Whoever asks for more has taken what there was.
        waits.end();
        let frame = match ahead.take() {
            Some(frame) => frame,
            None => match ready!(Pin::new(body).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                end => return Poll::Ready(end),
            },
        };
        let part = match frame.into_data() {
            Ok(mut part) => {
                let rest = part.split_off(part.len().min(PART_BYTES));
                *ahead = (!rest.is_empty()).then(|| Frame::data(rest));
                Frame::data(part)
            }
            Err(trailers) => trailers,
        };
        waits.begin(size(&part) + ahead.as_ref().map_or(0, size));
        Poll::Ready(Some(Ok(part)))
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_none() && hyper::body::Body::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        let (ahead, rest) = (self.ahead.as_ref().map_or(0, size) as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + ahead);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + ahead);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_left_lying(answers: &Answers, after: Duration) -> bool {
        tokio::time::timeout(after, answers.are_left_lying()).await.is_ok()
    }

    #[tokio::test]
    async fn an_answer_arrives_as_it_is() {
        let answers = Answers::default();
        for size in [0, 1, PART_BYTES, 10 * PART_BYTES + 1] {
            let sent: Vec<u8> = (0..size).map(|n| n as u8).collect();
            let leaving = answers.watch(http::Response::new(Body::from(sent.clone())));
            assert_eq!(hyper::body::Body::size_hint(leaving.body()).exact(), Some(size as u64));
            let taken = leaving.into_body().collect().await.expect("it does not break");
            assert_eq!(taken.to_bytes(), sent);
        }
        assert!(answers.lock().since.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_a_part_in_time_may_take_the_next_one() {
        let answers = Answers::default();
        let sent = vec![0; 5 * PART_BYTES];
        let mut leaving = answers.watch(http::Response::new(Body::from(sent))).into_body();
        for _ in 0..5 {
            assert!(!is_left_lying(&answers, TAKEN_WITHIN - PERIOD).await);
            leaving.frame().await.expect("there is one").expect("it does not break");
        }
        assert!(is_left_lying(&answers, TAKEN_WITHIN + 2 * PERIOD).await);
        drop(leaving);
        assert!(!is_left_lying(&answers, TAKEN_WITHIN * 2).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_with_nothing_to_say_is_not_left_lying() {
        let answers = Answers::default();
        let silence = Body::from_stream(futures::stream::pending::<Result<Bytes, axum::Error>>());
        let mut leaving = answers.watch(http::Response::new(silence)).into_body();
        assert!(leaving.frame().now_or_never().is_none());
        assert!(!is_left_lying(&answers, TAKEN_WITHIN * 2).await);
    }
}
