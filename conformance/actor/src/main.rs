//! The actor of the conformance cases: it does what its messages say.

use std::collections::VecDeque;
use std::time::Duration;

use callboard_lambda_sdk::{Actor, Code, Context, Error, Result, Status};
use serde::{Deserialize, Serialize};
use tonic_types::{ErrorDetails, StatusExt};

callboard_lambda_sdk::include_proto!("callboard.conformance.v1");

/// How many ids of handled messages are remembered.
const IDS_MAX: usize = 1_000;

/// The longest that a step takes.
const SLEEP_MAX: Duration = Duration::from_secs(10);

/// The largest padding, in bytes: larger than a reply may be.
const PADDING_MAX: u32 = 1_048_576;

/// The headers that a case can look at.
const HEADERS: [&str; 3] = ["traceparent", "tracestate", "baggage"];

/// The domain of the reasons that the actor gives itself.
const DOMAIN: &str = "conformance.test";

#[derive(Default, Serialize, Deserialize)]
struct Interpreter {
    value: i64,
    handled: u32,
    message_ids: VecDeque<String>,
}

impl Actor for Interpreter {
    type Service = InterpreterService;
}

impl InterpreterActor for Interpreter {
    async fn run(&mut self, request: RunRequest, ctx: &mut Context<'_>) -> Result<RunResponse> {
        let mut padding = Vec::new();
        for step in request.steps.into_iter().filter_map(|step| step.step) {
            match step {
                step::Step::Add(add) => self.value = self.value.wrapping_add(add),
                step::Step::SleepMs(ms) => sleep(ms).await,
                step::Step::Fail(fail) => return Err(Error::terminal(status(fail))),
                step::Step::ReplyBytes(bytes) => {
                    padding = vec![7; usize::try_from(bytes.min(PADDING_MAX))?];
                }
                step::Step::FailAttempts(attempts) if ctx.attempt() <= attempts => {
                    let attempt = ctx.attempt();
                    return Err(Error::retried(format!("attempt {attempt} fails, as it was told")));
                }
                step::Step::FailAttempts(_) => {}
            }
        }
        self.remember(ctx);
        let headers = HEADERS.into_iter().filter_map(|name| {
            let value = ctx.header(name)?;
            Some((name.to_owned(), value.to_owned()))
        });
        Ok(RunResponse {
            value: self.value,
            attempt: ctx.attempt(),
            message_id: ctx.message_id().to_owned(),
            headers: headers.collect(),
            padding,
        })
    }

    async fn look(&self, _: LookRequest, _: &Context<'_>) -> Result<LookResponse> {
        Ok(LookResponse {
            value: self.value,
            handled: self.handled,
            message_ids: self.message_ids.iter().cloned().collect(),
        })
    }

    async fn note(&mut self, request: NoteRequest, ctx: &mut Context<'_>) -> Result<()> {
        sleep(request.sleep_ms).await;
        self.value = self.value.wrapping_add(request.add);
        self.remember(ctx);
        Ok(())
    }

    async fn make(&mut self, request: MakeRequest, ctx: &mut Context<'_>) -> Result<MakeResponse> {
        self.value = self.value.wrapping_add(request.add);
        self.remember(ctx);
        Ok(MakeResponse { key: request.key, value: self.value })
    }
}

impl Interpreter {
    fn remember(&mut self, ctx: &Context<'_>) {
        self.handled += 1;
        self.message_ids.push_back(ctx.message_id().to_owned());
        if self.message_ids.len() > IDS_MAX {
            self.message_ids.pop_front();
        }
    }
}

async fn sleep(ms: u32) {
    tokio::time::sleep(Duration::from_millis(ms.into()).min(SLEEP_MAX)).await;
}

fn status(fail: Fail) -> Status {
    let code = Code::from_i32(fail.code);
    match fail.detail.as_str() {
        "" => Status::new(code, fail.message),
        reason => {
            let details = ErrorDetails::with_error_info(reason, DOMAIN, []);
            Status::with_error_details(code, fail.message, details)
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    callboard_lambda_sdk::run::<Interpreter>().await
}
