//! The actor of the end-to-end tests: it does what a test asks of it.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use callboard_lambda_sdk::{Actor, Code, Context, Error, Result, Status};
use serde::{Deserialize, Serialize};
use tonic_types::{ErrorDetails, StatusExt};

callboard_lambda_sdk::include_proto!("probe.v1");

/// How many additions are remembered.
const DELTAS_MAX: usize = 1_000;

#[derive(Default, Serialize, Deserialize)]
struct Probe {
    value: i64,
    deltas: Vec<i64>,
}

impl Actor for Probe {
    type Service = ProbeService;
}

impl ProbeActor for Probe {
    async fn add(&mut self, request: AddRequest, _: &mut Context<'_>) -> Result<AddResponse> {
        Ok(AddResponse { value: self.plus(request.delta) })
    }

    async fn get(&mut self, _: GetRequest, _: &mut Context<'_>) -> Result<GetResponse> {
        Ok(GetResponse { value: self.value, deltas: self.deltas.clone() })
    }

    async fn note(&mut self, request: NoteRequest, _: &mut Context<'_>) -> Result<()> {
        self.plus(request.delta);
        Ok(())
    }

    async fn slow(&mut self, request: SlowRequest, ctx: &mut Context<'_>) -> Result<SlowResponse> {
        wait(request.milliseconds, &request.file, ctx).await?;
        Ok(SlowResponse { value: self.plus(request.delta) })
    }

    async fn slow_note(&mut self, request: SlowNoteRequest, ctx: &mut Context<'_>) -> Result<()> {
        wait(request.milliseconds, &request.file, ctx).await?;
        self.plus(request.delta);
        Ok(())
    }

    async fn fail(&mut self, request: FailRequest, ctx: &mut Context<'_>) -> Result<FailResponse> {
        // Before it fails, so that a state that is not rolled back shows.
        let value = self.plus(request.delta);
        fail(request.times, &request.file, ctx)?;
        Ok(FailResponse { value })
    }

    async fn fail_note(&mut self, request: FailNoteRequest, ctx: &mut Context<'_>) -> Result<()> {
        self.plus(request.delta);
        fail(request.times, &request.file, ctx)
    }

    async fn refuse(
        &mut self,
        request: RefuseRequest,
        _: &mut Context<'_>,
    ) -> Result<RefuseResponse> {
        self.plus(1);
        let code = Code::from_i32(request.code);
        Err(Error::terminal(match request.reason.is_empty() {
            true => Status::new(code, request.message),
            false => {
                let metadata = [("probe".to_owned(), request.probe)];
                let details =
                    ErrorDetails::with_error_info(request.reason, "probe.example", metadata);
                Status::with_error_details(code, request.message, details)
            }
        }))
    }

    async fn panic_once(
        &mut self,
        request: PanicOnceRequest,
        ctx: &mut Context<'_>,
    ) -> Result<PanicOnceResponse> {
        let value = self.plus(request.delta);
        assert!(ctx.attempt() > 1, "the first attempt panics, as it was asked to");
        Ok(PanicOnceResponse { value })
    }

    async fn big(&mut self, request: BigRequest, _: &mut Context<'_>) -> Result<BigResponse> {
        self.plus(1);
        Ok(BigResponse { padding: vec![7; usize::try_from(request.reply_bytes)?] })
    }

    async fn context(
        &mut self,
        _: ContextRequest,
        ctx: &mut Context<'_>,
    ) -> Result<ContextResponse> {
        Ok(ContextResponse {
            key: ctx.key().to_owned(),
            actor_type: ctx.actor_type().to_owned(),
            message_id: ctx.message_id().to_owned(),
            sequence: ctx.sequence().unwrap_or_default(),
            attempt: ctx.attempt(),
            traceparent: ctx.header("traceparent").unwrap_or_default().to_owned(),
            deadline_ms: ctx.deadline().map_or(0, millis),
            sent_at_ms: millis(ctx.sent_at()),
        })
    }
}

impl Probe {
    fn plus(&mut self, delta: i64) -> i64 {
        self.value += delta;
        self.deltas.push(delta);
        let surplus = self.deltas.len().saturating_sub(DELTAS_MAX);
        self.deltas.drain(..surplus);
        self.value
    }
}

async fn wait(milliseconds: i64, file: &str, ctx: &Context<'_>) -> Result<()> {
    note(file, ctx, "start")?;
    tokio::time::sleep(Duration::from_millis(u64::try_from(milliseconds)?)).await;
    note(file, ctx, "end")
}

fn fail(times: u32, file: &str, ctx: &Context<'_>) -> Result<()> {
    let attempt = ctx.attempt();
    note(file, ctx, &format!("attempt {attempt}"))?;
    if attempt <= times {
        return Err(Error::retried(format!("attempt {attempt} fails, as it was asked to")));
    }
    Ok(())
}

/// Appends a line to a file in one write, so that lines of several processes
/// do not mix.
fn note(file: &str, ctx: &Context<'_>, event: &str) -> Result<()> {
    if file.is_empty() {
        return Ok(());
    }
    let line = format!("{} {} {event}\n", std::process::id(), ctx.key());
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    Ok(file.write_all(line.as_bytes())?)
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    callboard_lambda_sdk::run::<Probe>().await
}
