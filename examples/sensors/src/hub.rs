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

// With these bounds a response has at most 256 KiB, whatever the sensors say.
const SENSORS_MAX: usize = 400;
const KEY_BYTES_MAX: usize = 100;
const WHY_CHARS_MAX: usize = 100;

/// A hub, with the gathers that it has not answered yet.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Hub {
    /// The number of the last gather.
    last: u64,
    gathers: BTreeMap<u64, Gather>,
}

/// What one caller waits for.
#[derive(Serialize, Deserialize)]
struct Gather {
    later: Later<GatherResponse>,
    /// The sensors that have not answered.
    silent: BTreeSet<String>,
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
        // One that is negative cannot be converted.
        let wait = Duration::try_from(request.wait.unwrap_or_default()).unwrap_or_default();
        if wait.is_zero() {
            return Err(invalid("a gather has a time to wait above zero"));
        }
        let sensors = distinct(request.sensors)?;
        self.last += 1;
        let number = self.last;
        for sensor in &sensors {
            let ask = ctx.ask(SensorRef::new(sensor).measure(MeasureRequest::default()));
            // The timer below is the time-out of all of them.
            ask.without_timeout().then(HubService::ON_MEASURED, (number, sensor))?;
        }
        let end = EndGatherRequest { gather: number, ..Default::default() };
        ctx.set_timer(&timer(number), wait, HubRef::new(ctx.key()).end_gather(end))?;
        ctx.reply_later(|later| {
            self.gathers.insert(number, Gather::new(later, sensors));
        })
    }

    async fn on_measured(
        &mut self,
        answer: Answer<MeasureResponse>,
        ctx: &mut Context<'_>,
    ) -> Result<()> {
        let (number, sensor): (u64, String) = answer.correlation()?;
        // Who answers after the end finds nothing.
        let Some(gather) = self.gathers.get_mut(&number) else { return Ok(()) };
        gather.take(sensor, answer.result);
        if gather.silent.is_empty() {
            ctx.cancel_timer(&timer(number));
            self.end(number, ctx)?;
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
    fn end(&mut self, number: u64, ctx: &mut Context<'_>) -> Result<()> {
        match self.gathers.remove(&number) {
            Some(gather) => gather.reply(ctx),
            None => Ok(()),
        }
    }
}

impl Gather {
    fn new(later: Later<GatherResponse>, silent: BTreeSet<String>) -> Self {
        Self { later, silent, celsius: HashMap::new(), missing: HashMap::new() }
    }

    fn take(&mut self, sensor: String, result: Result<MeasureResponse, Status>) {
        self.silent.remove(&sensor);
        match result {
            Ok(measured) => {
                self.celsius.insert(sensor, measured.celsius);
            }
            Err(status) => {
                let why = status.message().chars().take(WHY_CHARS_MAX).collect();
                self.missing.insert(sensor, why);
            }
        }
    }

    fn reply(self, ctx: &mut Context<'_>) -> Result<()> {
        let Self { later, silent, celsius, mut missing } = self;
        missing.extend(silent.into_iter().map(|sensor| (sensor, "no answer in time".to_owned())));
        ctx.reply(later, &GatherResponse { celsius, missing })
    }
}

fn distinct(sensors: Vec<String>) -> Result<BTreeSet<String>> {
    let sensors = BTreeSet::from_iter(sensors);
    if sensors.is_empty() || sensors.len() > SENSORS_MAX {
        return Err(invalid("a gather has 1 to 400 sensors"));
    }
    if sensors.iter().any(|sensor| sensor.len() > KEY_BYTES_MAX) {
        return Err(invalid("the key of a sensor has at most 100 bytes"));
    }
    Ok(sensors)
}

/// Each gather has a timer of its own.
fn timer(number: u64) -> String {
    format!("gather {number}")
}

fn invalid(why: &str) -> Error {
    Error::terminal(Status::invalid_argument(why))
}
