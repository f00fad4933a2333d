//! What a call is made of, by itself and by many at once: store writes and a bare
//! invocation, without a gateway, an SDK or a handler.

use std::path::PathBuf;
use std::time::Instant;

use callboard_mailbox::message::Kind;
use tokio::task::JoinSet;

use crate::Result;
use crate::counter;
use crate::invocation::{Bare, Invoker};
use crate::store::{Database, Mailbox};

/// What is made of a mailbox at a time.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    /// One write: the segment. An accepted tell is no more.
    Put,
    /// Three writes and an invocation: the segment, the wake, the commit.
    Handled(Kind),
    /// A read of the record and an invocation.
    Read,
}

/// A store, a function, and as many as work with both at once.
pub(crate) struct Parts {
    database: Database,
    bare: Bare,
    workers: Vec<Worker>,
}

/// One of them, with mailboxes that no other one has.
struct Worker {
    mailboxes: Vec<Mailbox>,
    next: usize,
    invoker: Invoker,
}

impl Parts {
    /// Starts them over a new database in a folder.
    pub(crate) async fn start(
        folder: PathBuf,
        fsync: bool,
        workers: u32,
        counters: u32,
    ) -> Result<Self> {
        let (database, bare) = (Database::open(folder, fsync).await?, Bare::start()?);
        let worker = |first: u32| {
            let own = (first..counters).step_by(workers as usize);
            let mailboxes = own.map(|counter| database.mailbox(&counter::key(counter)));
            let mailboxes = mailboxes.collect::<Result<_>>()?;
            Ok(Worker { mailboxes, next: 0, invoker: bare.invoker() })
        };
        let workers = (0..workers.min(counters)).map(worker).collect::<Result<_>>()?;
        Ok(Self { database, bare, workers })
    }

    /// Makes a part for at least so many messages, some of them at a time; how many
    /// messages that are in a second.
    pub(crate) async fn rate(&mut self, part: Part, messages: u32, at_a_time: u32) -> Result<f64> {
        let workers = u32::try_from(self.workers.len())?;
        let rounds = messages.div_ceil(at_a_time * workers);
        let mut running = JoinSet::new();
        let begun = Instant::now();
        for mut worker in self.workers.drain(..) {
            running.spawn(async move {
                for _ in 0..rounds {
                    worker.make(part, at_a_time).await?;
                }
                Ok::<_, crate::Error>(worker)
            });
        }
        while let Some(done) = running.join_next().await {
            self.workers.push(done??);
        }
        Ok(f64::from(rounds * at_a_time * workers) / begun.elapsed().as_secs_f64())
    }

    pub(crate) async fn stop(self) {
        self.bare.stop().await;
        self.database.close().await;
    }
}

impl Worker {
    async fn make(&mut self, part: Part, messages: u32) -> Result<()> {
        let own = self.mailboxes.len();
        let mailbox = &mut self.mailboxes[self.next];
        self.next = (self.next + 1) % own;
        match part {
            Part::Put => mailbox.put(Kind::Tell, messages).await.map(drop),
            Part::Handled(kind) => {
                let sent = mailbox.put(kind, messages).await?;
                let lease = mailbox.wake().await?;
                self.invoker.invoke(messages).await?;
                mailbox.commit(&lease, sent).await
            }
            Part::Read => {
                mailbox.read().await?;
                self.invoker.invoke(1).await
            }
        }
    }
}
