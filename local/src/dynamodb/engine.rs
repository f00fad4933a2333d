//! The engine of the embedded DynamoDB as the store calls it in this process: without HTTP, JSON
//! and signatures.
//!
//! SQLite works on the thread that calls it. So there is one thread, and a queue: what waits while
//! it works is worked off together, in one transaction of SQLite's, and reaches the disk with one
//! sync where each write is to reach it.
//!
//! | module | what it knows |
//! | --- | --- |
//! | `tables` | the thread's connection, and which requests share a transaction |
//! | `checkpoint` | copying SQLite's log into the database |
//! | `direct` | the store's requests, on dynoxide's tables |
//! | `expression`, `row`, `schema` | conditions and updates, items, and tables, as far as the store has them |
//! | `perform` | all others, by dynoxide |

mod checkpoint;
mod direct;
mod expression;
mod perform;
mod row;
mod schema;
mod tables;

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use callboard_mailbox_dynamodb::database::{self, Failure, Meaning, Request, Responding, Response};
use tokio::sync::oneshot;

use super::Error;
use super::disk::Disk;
pub(super) use tables::Tables;

/// How many requests may wait. More are refused, as DynamoDB throttles.
const QUEUE_MAX: usize = 4_096;

/// How many are worked off before those that were first are answered.
const TOGETHER_MAX: usize = 32;

/// The engine. Cheap to clone; it ends with the [`EmbeddedDynamoDb`](super::EmbeddedDynamoDb) that
/// gave it out.
#[derive(Clone)]
pub struct Engine {
    /// `None` is the last one.
    queue: SyncSender<Option<Job>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Engine")
    }
}

/// A request, and whether what it consumes is asked for.
type Asked = (Request, bool);

/// A request, and who waits for the response.
struct Job {
    asked: Asked,
    answer: oneshot::Sender<Response>,
}

impl Engine {
    /// Starts the thread.
    pub(super) fn start(
        mut tables: Tables,
        disk: Option<Arc<Disk>>,
    ) -> Result<(Self, JoinHandle<()>), Error> {
        let (queue, jobs) = sync_channel(QUEUE_MAX);
        let work = move || work(&mut tables, disk.as_deref(), &jobs);
        let thread = thread::Builder::new().name("callboard-engine".into()).spawn(work);
        Ok((Self { queue }, thread.map_err(Error::Thread)?))
    }

    /// Has the thread end when it has worked off what waits.
    pub(super) fn end(&self) {
        // An error means that it has ended already.
        let _ = self.queue.send(None);
    }
}

impl database::Engine for Engine {
    fn call(&self, request: Request, measured: bool) -> Responding<'_> {
        let (answer, answered) = oneshot::channel();
        let sent = self.queue.try_send(Some(Job { asked: (request, measured), answer }));
        Box::pin(async move {
            let gone = || Failure::unanswered("the embedded DynamoDB has ended").response();
            match sent {
                Ok(()) => answered.await.unwrap_or_else(|_| gone()),
                Err(TrySendError::Full(_)) => {
                    let text = format!("{QUEUE_MAX} requests wait for the embedded DynamoDB");
                    Failure { code: None, meaning: Meaning::Throttled, text }.response()
                }
                Err(TrySendError::Disconnected(_)) => gone(),
            }
        })
    }
}

/// Works requests off until the last one. With a disk to sync, none is answered before what it
/// wrote or read is there; when that fails, nobody can say what is, and the engine ends.
fn work(tables: &mut Tables, disk: Option<&Disk>, queue: &Receiver<Option<Job>>) {
    let mut jobs = Vec::with_capacity(TOGETHER_MAX);
    let mut is_last = false;
    while !is_last && let Ok(first) = queue.recv() {
        let mut next = Ok(first);
        let mut has_yielded = false;
        while let Ok(job) = next {
            let Some(Job { asked, answer }) = job else {
                is_last = true;
                break;
            };
            // When nobody waits for it any more it is as if it had never come.
            if !answer.is_closed() {
                jobs.push((asked, answer));
            }
            if jobs.len() >= TOGETHER_MAX {
                break;
            }
            next = queue.try_recv();
            if next.is_err() && !std::mem::replace(&mut has_yielded, true) {
                // On a busy machine others come to ask meanwhile, who then share the transaction.
                // On one that is not it returns at once.
                thread::yield_now();
                next = queue.try_recv();
            }
        }
        if jobs.is_empty() {
            continue;
        }
        let (requests, waiting): (Vec<_>, Vec<_>) = jobs.drain(..).unzip();
        let responses = tables.perform_all(requests);
        if let Some(disk) = disk
            && let Err(error) = disk.sync()
        {
            tracing::error!(%error, "writes do not reach the disk: the embedded DynamoDB ends");
            return;
        }
        for (answer, response) in waiting.into_iter().zip(responses) {
            // An error means that nobody waits for it any more.
            let _ = answer.send(response);
        }
    }
}

#[cfg(test)]
mod comparison;

#[cfg(test)]
mod tests {
    use callboard_mailbox_dynamodb::database::{Engine as _, Item};

    use super::*;

    fn get() -> Request {
        Request::Get { table: "none".to_owned(), key: Item::new() }
    }

    fn refused(response: Response) -> Failure {
        response.result.expect_err("there is no such table")
    }

    #[tokio::test]
    async fn without_a_sync_there_is_no_answer_and_the_engine_ends() {
        let tables = Tables::Shared(dynoxide::Database::memory().expect("it opens"));
        let disk = Arc::new(Disk::that_fails());
        let (engine, thread) = Engine::start(tables, Some(disk)).expect("a thread");
        for _ in 0..2 {
            let failure = refused(engine.call(get(), false).await);
            assert_eq!(failure, Failure::unanswered("the embedded DynamoDB has ended"));
        }
        thread.join().expect("it did not panic");
    }

    #[tokio::test]
    async fn what_waits_at_the_end_is_answered_and_nothing_after_it() {
        let tables = Tables::Shared(dynoxide::Database::memory().expect("it opens"));
        let (engine, thread) = Engine::start(tables, None).expect("a thread");
        let waiting = engine.call(get(), false);
        engine.end();
        assert!(refused(waiting.await).code.is_some(), "the database has said so");
        thread.join().expect("it did not panic");
        let failure = refused(engine.call(get(), false).await);
        assert_eq!(failure, Failure::unanswered("the embedded DynamoDB has ended"));
    }
}
