//! The hub: it asks many sensors at once, and answers when all of them have, or when
//! the time is over.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use callboard_lambda_sdk::{Actor, Answer, Context, Error, Later, Result, Status};
use serde::{Deserialize, Serialize};

use crate::{
    EndGatherRequest, GatherRequest, GatherResponse, HubActor, HubRef, HubService, MeasureRequest,
    MeasureResponse, ReadRequest, SensorRef,
};

/// A hub, with the gathers that are not answered yet.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Hub {
    last: u64,
    gathers: BTreeMap<u64, Gather>,
}

/// What a caller waits for.
#[derive(Serialize, Deserialize)]
struct Gather {
    later: Later<GatherResponse>,
    asked: BTreeSet<String>,
    celsius: HashMap<String, f64>,
    missing: HashMap<String, String>,
}

impl Actor for Hub {
    type Service = HubService;
}

impl HubActor for Hub {
    async fn gather(
        &mut self,
        request: GatherRequest,
        ctx: &mut Context<'_>,
    ) -> Result<GatherResponse> {
        let sensors = BTreeSet::from_iter(request.sensors);
        if sensors.is_empty() {
            return Ok(GatherResponse::default());
        }
        self.last += 1;
        let gather = self.last;
        for sensor in &sensors {
            // The timer below is the time-out of all of them.
            let ask = ctx.ask(SensorRef::new(sensor).measure(MeasureRequest::default()));
            ask.without_timeout().then(HubService::ON_MEASURED, (gather, sensor))?;
        }
        let wait = Duration::try_from(request.wait.unwrap_or_default())
            .map_err(|_| Error::terminal(Status::invalid_argument("the time runs forwards")))?;
        let end = EndGatherRequest { gather, ..Default::default() };
        ctx.set_timer(&timer(gather), wait, HubRef::new(ctx.key()).end_gather(end))?;
        ctx.reply_later(|later| {
            let (celsius, missing) = Default::default();
            self.gathers.insert(gather, Gather { later, asked: sensors, celsius, missing });
        })
    }

    async fn on_measured(
        &mut self,
        answer: Answer<MeasureResponse>,
        ctx: &mut Context<'_>,
    ) -> Result<()> {
        let (id, sensor): (u64, String) = answer.correlation()?;
        // One that comes after the end finds nothing.
        let Some(gather) = self.gathers.get_mut(&id) else { return Ok(()) };
        gather.asked.remove(&sensor);
        match answer.result {
            Ok(measured) => drop(gather.celsius.insert(sensor, measured.celsius)),
            Err(status) => drop(gather.missing.insert(sensor, status.message().to_owned())),
        }
        if gather.asked.is_empty() {
            ctx.cancel_timer(&timer(id));
            self.end(id, ctx)?;
        }
        Ok(())
    }

    async fn end_gather(&mut self, request: EndGatherRequest, ctx: &mut Context<'_>) -> Result<()> {
        self.end(request.gather, ctx)
    }

    async fn read(
        &mut self,
        request: ReadRequest,
        ctx: &mut Context<'_>,
    ) -> Result<MeasureResponse> {
        ctx.forward(SensorRef::new(request.sensor).measure(MeasureRequest::default()))
    }
}

impl Hub {
    /// Answers with what is there.
    fn end(&mut self, gather: u64, ctx: &mut Context<'_>) -> Result<()> {
        let Some(Gather { later, asked, celsius, mut missing }) = self.gathers.remove(&gather)
        else {
            return Ok(());
        };
        missing.extend(asked.into_iter().map(|sensor| (sensor, "no answer in time".to_owned())));
        ctx.reply(later, &GatherResponse { celsius, missing })
    }
}

/// Each gather has a timer of its own.
fn timer(gather: u64) -> String {
    format!("gather {gather}")
}
