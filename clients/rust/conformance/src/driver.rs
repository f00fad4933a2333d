//! The operations.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use callboard_client::{Client, Error, Receipt, RetryPolicy};
use futures::future::{BoxFuture, FutureExt, ready};
use opentelemetry::trace::FutureExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::watch;
use tonic::Status;

use crate::Failure;
use crate::answer::{Outcome, answer, error, nothing, receipt};
use crate::arguments::{Connect, Many, Said, Trace};
use crate::interpreter::{self, AnyReply};
use crate::streams::Stream;

/// What lives longer than an operation.
#[derive(Default)]
pub(crate) struct Driver {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    client: Option<Client>,
    started: HashMap<String, Arc<Started>>,
    streams: HashMap<usize, Stream>,
    streams_opened: usize,
}

/// An ask that was started, and whether it is given up.
struct Started {
    reply: Box<dyn AnyReply>,
    abandoned: watch::Sender<bool>,
}

#[derive(Deserialize)]
struct Opening {
    #[serde(default)]
    trace: Trace,
}

#[derive(Deserialize)]
struct OfStream {
    stream: usize,
}

impl Driver {
    /// Does of an operation what must keep the order of the lines; the rest is the
    /// future's.
    pub(crate) fn begin(self: &Arc<Self>, op: String, args: Value) -> BoxFuture<'static, Outcome> {
        let ordered = match op.as_str() {
            "stream_open" => self.open_stream(args.clone()),
            "stream_tell" => self.tell_in_stream(args.clone()),
            "stream_close" => self.close_stream(args.clone()),
            _ => Ok(self.clone().perform(op, args).boxed()),
        };
        ordered.unwrap_or_else(|failure| ready(Err(failure)).boxed())
    }

    pub(crate) async fn close(&self) {
        let client = self.state().client.clone();
        if let Some(client) = client {
            client.close().await;
        }
    }

    async fn perform(self: Arc<Self>, op: String, args: Value) -> Outcome {
        match op.as_str() {
            "connect" => self.connect(parse(args)?).await,
            "close" => {
                self.close().await;
                Ok(nothing())
            }
            "ask_many" => {
                let many: Many = parse(args)?;
                let context = many.trace.context();
                self.ask_many(many).with_context(context).await
            }
            _ => {
                let said: Said = parse(args)?;
                let context = said.trace.context();
                self.perform_on(&op, said).with_context(context).await
            }
        }
    }

    async fn perform_on(&self, op: &str, said: Said) -> Outcome {
        match op {
            "ask" => self.ask(&said).await,
            "tell" => {
                Ok(receipt(Some(&interpreter::message(&self.client()?, &said)?.tell().await?)))
            }
            "start" => self.start(&said).await,
            "result" => self.result(&said).await,
            "abandon" => {
                self.started(&said)?.abandoned.send_replace(true);
                Ok(nothing())
            }
            "pick_up" => {
                let reply = interpreter::pick_up(&self.client()?, &said)?;
                let response: Value = serde_json::from_str(&get(&*reply, &said).await?)?;
                Ok(json!({"response": response}))
            }
            "cancel" => {
                let cancelled = self.client()?.cancel(said.address(), said.id()?).await?;
                Ok(json!({"cancelled": cancelled}))
            }
            _ => Err(format!("there is no operation {op}").into()),
        }
    }

    async fn connect(&self, args: Connect) -> Outcome {
        let millis = Duration::from_millis;
        let defaults = RetryPolicy::default();
        let mut builder = Client::builder(args.url).retry(RetryPolicy {
            attempts: args.retry_attempts.unwrap_or(defaults.attempts),
            base: args.retry_base_ms.map_or(defaults.base, millis),
            cap: args.retry_cap_ms.map_or(defaults.cap, millis),
        });
        if let Some(timeout) = args.ask_timeout_ms {
            builder = builder.ask_timeout(millis(timeout));
        }
        if let Some(timeout) = args.tell_timeout_ms {
            builder = builder.tell_timeout(millis(timeout));
        }
        if let Some(token) = args.token {
            builder = builder.bearer_token(token);
        }
        if let Some(key) = args.api_key {
            builder = builder.api_key(key);
        }
        if let Some(file) = args.ca_file {
            builder = builder.ca_certificate(std::fs::read(file)?);
        }
        if let (Some(certificate), Some(key)) = (args.cert_file, args.key_file) {
            builder = builder.client_certificate(std::fs::read(certificate)?, std::fs::read(key)?);
        }
        let before = self.state().client.replace(builder.connect_lazy()?);
        if let Some(before) = before {
            before.close().await;
        }
        Ok(nothing())
    }

    async fn ask(&self, said: &Said) -> Outcome {
        let client = self.client()?;
        let (response, receipt) = match said.is_typed() {
            true => interpreter::ask(said.channel(&client), said).await?,
            false => interpreter::message(&client, said)?.ask().await?,
        };
        answer(&response, receipt.as_ref())
    }

    async fn start(&self, said: &Said) -> Outcome {
        let message = interpreter::message(&self.client()?, said)?;
        let started =
            Started { reply: message.start().await?, abandoned: watch::Sender::new(false) };
        self.state().started.insert(message.id().to_owned(), Arc::new(started));
        Ok(json!({"message_id": message.id()}))
    }

    async fn result(&self, said: &Said) -> Outcome {
        let started = self.started(said)?;
        let mut abandoned = started.abandoned.subscribe();
        let response = tokio::select! {
            response = get(&*started.reply, said) => response?,
            _ = abandoned.wait_for(|&abandoned| abandoned) => {
                return Err(Error::from(Status::cancelled("it was given up")).into());
            }
        };
        let mut fields = answer(&response, None)?;
        fields["message_id"] = said.id()?.into();
        Ok(fields)
    }

    async fn ask_many(&self, many: Many) -> Outcome {
        let client = self.client()?;
        let messages: Result<Vec<_>, _> =
            many.asks.iter().map(|said| said.named(&client)).collect();
        let mut asking = client.ask_many(messages?);
        if let Some(timeout) = many.timeout_ms {
            asking = asking.timeout(Duration::from_millis(timeout));
        }
        let mut results = Vec::new();
        for result in asking.await {
            results.push(match result {
                Ok(got) => json!({"ok": answer(&got.response, got.receipt.as_ref())?}),
                Err(failed) => json!({"error": error(&failed)}),
            });
        }
        Ok(json!({"results": results}))
    }

    fn open_stream(&self, args: Value) -> Result<BoxFuture<'static, Outcome>, Failure> {
        let Opening { trace } = parse(args)?;
        let _current = trace.context().attach();
        let stream = Stream::new(self.client()?.tell_stream());
        let mut state = self.state();
        state.streams_opened += 1;
        let number = state.streams_opened;
        state.streams.insert(number, stream);
        Ok(ready(Ok(json!({"stream": number}))).boxed())
    }

    fn tell_in_stream(&self, args: Value) -> Result<BoxFuture<'static, Outcome>, Failure> {
        let OfStream { stream } = parse(args.clone())?;
        let said: Said = parse(args)?;
        let message = interpreter::message(&self.client()?, &said)?;
        let state = self.state();
        let stream = state.streams.get(&stream).ok_or("there is no such stream")?;
        let delivery = stream.tell(message, said.trace.context())?;
        Ok(async move {
            let told: Receipt = delivery.await??.await?;
            Ok(receipt(Some(&told)))
        }
        .boxed())
    }

    fn close_stream(&self, args: Value) -> Result<BoxFuture<'static, Outcome>, Failure> {
        let OfStream { stream } = parse(args)?;
        let stream = self.state().streams.remove(&stream).ok_or("there is no such stream")?;
        Ok(async move { stream.close().await.map(|()| nothing()) }.boxed())
    }

    fn started(&self, said: &Said) -> Result<Arc<Started>, Failure> {
        let started = self.state().started.get(said.id()?).cloned();
        started.ok_or_else(|| "nothing was started with this id".into())
    }

    fn client(&self) -> Result<Client, Failure> {
        self.state().client.clone().ok_or_else(|| "there is no client yet".into())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics with it")
    }
}

async fn get(reply: &dyn AnyReply, said: &Said) -> Result<String, Failure> {
    match said.timeout() {
        Some(timeout) => reply.with_timeout(timeout).get().await,
        None => reply.get().await,
    }
}

fn parse<T: DeserializeOwned>(args: Value) -> Result<T, Failure> {
    Ok(serde_json::from_value(args)?)
}
