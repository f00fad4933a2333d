//! A sensor: what its device has reported last, and who waits for its first report.

use callboard_lambda_sdk::{Actor, Context, Error, Later, Result, Status};
use serde::{Deserialize, Serialize};

use crate::report_request::Report;
use crate::{MeasureRequest, MeasureResponse, ReportRequest, SensorActor, SensorService};

/// The most who may wait for the first report: it answers all of them, and one
/// handler may give 64 such answers.
const WAITING_MAX: usize = 64;

/// A sensor.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Sensor {
    /// The temperature or the fault; none before the first report.
    reported: Option<Result<f64, String>>,
    waiting: Vec<Later<MeasureResponse>>,
}

impl Actor for Sensor {
    type Service = SensorService;
}

impl SensorActor for Sensor {
    async fn report(&mut self, request: ReportRequest, ctx: &mut Context<'_>) -> Result<()> {
        let reported = match request.report {
            // The state is JSON, which has neither NaN nor infinity.
            Some(Report::Celsius(celsius)) if celsius.is_finite() => Ok(celsius),
            Some(Report::Fault(fault)) => Err(fault),
            _ => Err("the device reports no temperature".to_owned()),
        };
        for later in std::mem::take(&mut self.waiting) {
            match measured(&reported) {
                Ok(response) => ctx.reply(later, &response)?,
                Err(status) => ctx.refuse(later, &status)?,
            }
        }
        self.reported = Some(reported);
        Ok(())
    }

    async fn measure(
        &mut self,
        _: MeasureRequest,
        ctx: &mut Context<'_>,
    ) -> Result<MeasureResponse> {
        match &self.reported {
            Some(reported) => measured(reported).map_err(Error::terminal),
            None if self.waiting.len() >= WAITING_MAX => {
                let status = Status::resource_exhausted("too many wait for the first report");
                Err(Error::terminal(status))
            }
            None => ctx.reply_later(|later| self.waiting.push(later)),
        }
    }
}

fn measured(reported: &Result<f64, String>) -> Result<MeasureResponse, Status> {
    match reported {
        Ok(celsius) => Ok(MeasureResponse { celsius: *celsius }),
        Err(fault) => Err(Status::unavailable(fault)),
    }
}
