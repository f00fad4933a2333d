//! The actor of the end-to-end tests: it does what a test asks of it.

mod gather;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use callboard_lambda_sdk::{Actor, Answer, Code, Context, Error, Later, Result, Status};
use e2e_actors::events::note;
use gather::Gather;
use serde::{Deserialize, Serialize};
use tonic_types::{ErrorDetails, StatusExt};

callboard_lambda_sdk::include_proto!("probe.v1");

/// How many additions are remembered.
const DELTAS_MAX: usize = 1_000;

#[derive(Default, Serialize, Deserialize)]
struct Probe {
    value: i64,
    deltas: Vec<i64>,
    rings: Vec<Rung>,
    padding: String,
    /// Those who wait until the probe is released.
    waiting: Vec<Later<WaitResponse>>,
    /// What is being gathered, by the ids of the messages that want it.
    gathers: BTreeMap<String, Gather>,
}

/// One time that a probe was rung.
#[derive(Clone, Serialize, Deserialize)]
struct Rung {
    timer: String,
    delta: i64,
    at_ms: u64,
}

impl Actor for Probe {
    type Service = ProbeService;
}

impl ProbeActor for Probe {
    async fn add(&mut self, request: AddRequest, _: &mut Context<'_>) -> Result<AddResponse> {
        Ok(AddResponse { value: self.plus(request.delta) })
    }

    async fn begin(
        &mut self,
        request: BeginRequest,
        ctx: &mut Context<'_>,
    ) -> Result<BeginResponse> {
        let (key, value) = (ctx.key().to_owned(), self.plus(request.delta));
        Ok(BeginResponse { probe: request.probe, key, value })
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
            principal: ctx.header("callboard-principal").unwrap_or_default().to_owned(),
            tracestate: ctx.header("tracestate").unwrap_or_default().to_owned(),
            baggage: ctx.header("baggage").unwrap_or_default().to_owned(),
        })
    }

    async fn pass(&mut self, request: PassRequest, ctx: &mut Context<'_>) -> Result<PassResponse> {
        let value = self.give(&request.to, &request.amounts, &request.file, ctx)?;
        fail(request.times, "", ctx)?;
        Ok(PassResponse { value })
    }

    async fn pass_note(&mut self, request: PassNoteRequest, ctx: &mut Context<'_>) -> Result<()> {
        self.give(&request.to, &request.amounts, &request.file, ctx)?;
        Ok(())
    }

    async fn receive(&mut self, request: ReceiveRequest, ctx: &mut Context<'_>) -> Result<()> {
        self.plus(request.amount);
        note(&request.file, ctx, &format!("received {}", request.amount))
    }

    async fn volley(&mut self, request: VolleyRequest, ctx: &mut Context<'_>) -> Result<()> {
        self.plus(1);
        let VolleyRequest { probe, partner, left, file } = request;
        if left <= 1 {
            return note(&file, ctx, "out");
        }
        let back = VolleyRequest { partner: probe, left: left - 1, file, ..Default::default() };
        ctx.tell(ProbeRef::new(partner).volley(back))
    }

    async fn set_timer(
        &mut self,
        request: SetTimerRequest,
        ctx: &mut Context<'_>,
    ) -> Result<SetTimerResponse> {
        let ring = RingRequest { probe: request.probe, ..request.ring.unwrap_or_default() };
        set_timer(&request.name, request.milliseconds, &ring, ctx)?;
        Ok(SetTimerResponse { names: timers(ctx) })
    }

    async fn cancel_timer(
        &mut self,
        request: CancelTimerRequest,
        ctx: &mut Context<'_>,
    ) -> Result<CancelTimerResponse> {
        let was_set = ctx.cancel_timer(&request.name);
        Ok(CancelTimerResponse { was_set, names: timers(ctx) })
    }

    async fn ring(&mut self, request: RingRequest, ctx: &mut Context<'_>) -> Result<()> {
        let RingRequest { delta, again, milliseconds, .. } = request;
        self.plus(delta);
        let timer = ctx.timer().unwrap_or_default().to_owned();
        self.rings.push(Rung { timer, delta, at_ms: millis(SystemTime::now()) });
        note(&request.file, ctx, &format!("ring {delta}"))?;
        if again > 0 {
            let next = RingRequest { again: again - 1, ..request };
            set_timer("again", milliseconds, &next, ctx)?;
        }
        Ok(())
    }

    async fn rings(&mut self, _: RingsRequest, _: &mut Context<'_>) -> Result<RingsResponse> {
        let rings = self.rings.iter().cloned();
        let rings = rings.map(|Rung { timer, delta, at_ms }| Ring { timer, delta, at_ms });
        Ok(RingsResponse { rings: rings.collect() })
    }

    async fn grow(&mut self, request: GrowRequest, _: &mut Context<'_>) -> Result<GrowResponse> {
        self.padding = padding(usize::try_from(request.bytes)?);
        Ok(GrowResponse { value: self.plus(1) })
    }

    async fn padding(&mut self, _: PaddingRequest, _: &mut Context<'_>) -> Result<PaddingResponse> {
        let bytes = self.padding.len();
        let is_whole = self.padding == padding(bytes);
        Ok(PaddingResponse { bytes: u64::try_from(bytes)?, is_whole })
    }

    async fn look(&self, request: LookRequest, ctx: &Context<'_>) -> Result<LookResponse> {
        wait(request.milliseconds, &request.file, ctx).await?;
        match request.how() {
            Looking::Unspecified => Ok(LookResponse {
                value: self.value,
                deltas: self.deltas.clone(),
                key: ctx.key().to_owned(),
                traceparent: ctx.header("traceparent").unwrap_or_default().to_owned(),
            }),
            Looking::Refuses => {
                Err(Error::terminal(Status::failed_precondition("nothing is to be seen")))
            }
            Looking::Fails => Err(Error::retried("a secret of the look")),
            Looking::Panics => panic!("a secret of the look"),
            Looking::Exits => std::process::exit(3),
        }
    }

    async fn forward(
        &mut self,
        request: ForwardRequest,
        ctx: &mut Context<'_>,
    ) -> Result<SlowResponse> {
        let ForwardRequest { mut to, milliseconds, delta, file, .. } = request;
        if to.is_empty() {
            return Err(Error::terminal(Status::invalid_argument("to: there is nobody")));
        }
        let next = ProbeRef::new(to.remove(0));
        // The reference fills in the key.
        let probe = String::new();
        ctx.forward(match to.is_empty() {
            true => next.slow(SlowRequest { probe, milliseconds, delta, file }),
            false => next.forward(ForwardRequest { probe, to, milliseconds, delta, file }),
        })
    }

    async fn wait(&mut self, request: WaitRequest, ctx: &mut Context<'_>) -> Result<WaitResponse> {
        note(&request.file, ctx, &format!("waits {}", request.name))?;
        ctx.reply_later(|later| self.waiting.push(later))
    }

    async fn release(
        &mut self,
        request: ReleaseRequest,
        ctx: &mut Context<'_>,
    ) -> Result<ReleaseResponse> {
        let ReleaseRequest { value, refusal, .. } = request;
        let waiting = u32::try_from(self.waiting.len())?;
        for later in self.waiting.drain(..) {
            match refusal.as_str() {
                "" => ctx.reply(later, &WaitResponse { value })?,
                refusal => ctx.refuse(later, &Status::aborted(refusal))?,
            }
        }
        Ok(ReleaseResponse { waiting })
    }

    async fn gather(
        &mut self,
        request: GatherRequest,
        ctx: &mut Context<'_>,
    ) -> Result<GatherResponse> {
        gather::ask(&request, ctx)?;
        let of = request.of.len();
        let id = ctx.message_id().to_owned();
        ctx.reply_later(|later| drop(self.gathers.insert(id, Gather::new(later, of))))
    }

    async fn on_slow(&mut self, answer: Answer<SlowResponse>, ctx: &mut Context<'_>) -> Result<()> {
        let told = answer.result.as_ref().map(|slow| slow.value);
        gather::told(&mut self.gathers, told, &answer, ctx)
    }

    async fn on_gathered(
        &mut self,
        answer: Answer<GatherResponse>,
        ctx: &mut Context<'_>,
    ) -> Result<()> {
        let told = answer.result.as_ref().map(|gathered| gathered.value);
        gather::told(&mut self.gathers, told, &answer, ctx)
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

    fn give(
        &mut self,
        to: &str,
        amounts: &[i64],
        file: &str,
        ctx: &mut Context<'_>,
    ) -> Result<i64> {
        let to = ProbeRef::new(to);
        for &amount in amounts {
            self.plus(-amount);
            let file = file.to_owned();
            ctx.tell(to.receive(ReceiveRequest { amount, file, ..Default::default() }))?;
        }
        Ok(self.value)
    }
}

fn set_timer(
    name: &str,
    milliseconds: u64,
    ring: &RingRequest,
    ctx: &mut Context<'_>,
) -> Result<()> {
    let ring = ProbeRef::new(ctx.key()).ring(ring.clone());
    ctx.set_timer(name, Duration::from_millis(milliseconds), ring)
}

fn timers(ctx: &Context<'_>) -> Vec<String> {
    let mut names: Vec<_> = ctx.timers().map(|(name, _)| name.to_owned()).collect();
    names.sort();
    names
}

/// Text in which no piece is like another, so that one that is lost, old or in
/// the wrong place shows; also none is like one of another length.
fn padding(bytes: usize) -> String {
    let pieces = bytes..bytes + bytes.div_ceil(8);
    let mut padding: String = pieces.map(|n| format!("{:07} ", n % 10_000_000)).collect();
    padding.truncate(bytes);
    padding
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

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    callboard_lambda_sdk::run::<Probe>().await
}
