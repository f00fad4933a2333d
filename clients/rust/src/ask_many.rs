//! Several asks at once.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use callboard_proto::pb;
use callboard_proto::pb::ask_many_response;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, TryStreamExt};
use tokio::time::Instant;
use tonic::Status;

use crate::call::deadline;
use crate::error::{Error, invalid};
use crate::link::Link;
use crate::message::{Answer, Message};
use crate::receipt::Receipt;

/// Several asks at once, made by [`Client::ask_many`](crate::Client::ask_many).
/// Awaited, it gives their results in their order.
#[derive(Debug)]
#[must_use = "it does nothing until it is awaited"]
pub struct AskMany<R> {
    link: Arc<Link>,
    timeout: Duration,
    messages: Vec<Message<R>>,
}

type Outcome<R> = Result<Answer<R>, Error>;

impl<R> AskMany<R> {
    pub(crate) fn new(link: Arc<Link>, messages: impl IntoIterator<Item = Message<R>>) -> Self {
        Self { timeout: link.settings.ask_timeout, link, messages: messages.into_iter().collect() }
    }

    /// Sets the deadline of all of them, at most 24 h. Without it that is 30 s, or
    /// what [`Builder::ask_timeout`](crate::Builder::ask_timeout) says; those of
    /// the messages do not count.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    async fn results(self) -> Vec<Outcome<R>> {
        let deadline = deadline(self.timeout);
        let begun = self.link.begin();
        let mut results: Vec<_> = self
            .messages
            .iter()
            .map(|message| self.check(message, &begun).err().map(Err))
            .collect();
        let mut open: Vec<_> =
            (0..results.len()).filter(|&place| results[place].is_none()).collect();
        let mut attempt = 1;
        while !open.is_empty() {
            let ended = self.round(&open, deadline, &mut results).await;
            for &place in &open {
                let lost = || Err(Error::sent(ended.clone(), self.messages[place].id()));
                results[place].get_or_insert_with(lost);
            }
            let mut longest = Duration::ZERO;
            open.retain(|&place| {
                let wait = self.wait(attempt, results[place].as_ref(), deadline);
                longest = longest.max(wait.unwrap_or_default());
                wait.is_some()
            });
            if open.is_empty() || self.link.pause(deadline, longest).await.is_err() {
                break;
            }
            for &place in &open {
                results[place] = None;
            }
            attempt += 1;
        }
        results.into_iter().map(|result| result.expect("each round gives each a result")).collect()
    }

    /// Why a message cannot be asked with the others.
    fn check(&self, message: &Message<R>, begun: &Result<impl Sized, Status>) -> Result<(), Error> {
        let fail = |status| Error::sent(status, message.id());
        let content = message.asked()?;
        if let Err(closed) = begun {
            return Err(fail(closed.clone()));
        }
        match Arc::ptr_eq(&content.link, &self.link) {
            true => Ok(()),
            false => Err(fail(invalid("messages", "one is of another client"))),
        }
    }

    /// Asks the messages that are open, and sets the result of each that gets one;
    /// why there are no more.
    async fn round(
        &self,
        open: &[usize],
        deadline: Instant,
        results: &mut [Option<Outcome<R>>],
    ) -> Status {
        let named = |&place: &usize| {
            let message = &self.messages[place];
            Some(message.content().ok()?.named(message.id()))
        };
        let request = pb::AskManyRequest { messages: open.iter().filter_map(named).collect() };
        let told = async {
            let path = "/callboard.v1.Gateway/AskMany";
            let requests = stream::iter([request]);
            let mut answers = self.link.stream(path, requests, Some(deadline));
            while let Some(answer) = answers.try_next().await? {
                let answer: pb::AskManyResponse = answer;
                if let Some(&place) = open.get(answer.index as usize) {
                    results[place] = Some(read(&self.messages[place], answer.result));
                }
            }
            Err::<Infallible, _>(Status::unavailable("the answer ended before all results came"))
        };
        let Err(ended) = self.link.within(deadline, told).await;
        ended
    }

    /// How long to wait before a message is asked again; `None` when it is not.
    fn wait(
        &self,
        attempt: u32,
        result: Option<&Outcome<R>>,
        deadline: Instant,
    ) -> Option<Duration> {
        let failed = result?.as_ref().err()?;
        let wait = self.link.settings.retry.wait(attempt, failed, fastrand::f64())?;
        (Instant::now() + wait < deadline).then_some(wait)
    }
}

fn read<R>(message: &Message<R>, result: Option<ask_many_response::Result>) -> Outcome<R> {
    let answer = match result {
        Some(ask_many_response::Result::Response(answer)) => answer,
        Some(ask_many_response::Result::Error(status)) => {
            return Err(Error::answered(&status, message.id()));
        }
        None => pb::AskResponse::default(),
    };
    let response = (message.read)(answer.payload.into());
    let response = response.map_err(|status| Error::sent(status, message.id()))?;
    Ok(Answer { response, receipt: answer.receipt.map(Receipt::from) })
}

impl<R: Send + Sync + 'static> IntoFuture for AskMany<R> {
    type Output = Vec<Outcome<R>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.results().boxed()
    }
}
