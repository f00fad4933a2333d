//! What a probe gathers from others: it asks them all at once, and answers when
//! the last of them has.

use std::collections::BTreeMap;
use std::time::Duration;

use callboard_lambda_sdk::{Answer, Context, Later, Result, Status};
use serde::{Deserialize, Serialize};

use crate::{GatherRequest, GatherResponse, ProbeRef, ProbeService, SlowRequest};

/// What has been told so far, and who waits for it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Gather {
    later: Later<GatherResponse>,
    missing: usize,
    value: i64,
    failures: Vec<String>,
    timeouts: u32,
}

impl Gather {
    pub(crate) fn new(later: Later<GatherResponse>, of: usize) -> Self {
        Self { later, missing: of, value: 0, failures: Vec::new(), timeouts: 0 }
    }
}

/// Asks all of them, in the name of the message that is handled.
pub(crate) fn ask(request: &GatherRequest, ctx: &mut Context<'_>) -> Result<()> {
    let &GatherRequest { milliseconds, delta, timeout_milliseconds, .. } = request;
    let id = ctx.message_id().to_owned();
    for probe in &request.of {
        let (to, file) = (ProbeRef::new(probe), request.file.clone());
        if request.of_those.is_empty() {
            let slow = SlowRequest { milliseconds, delta, file, ..SlowRequest::default() };
            let mut ask = ctx.ask(to.slow(slow));
            if timeout_milliseconds > 0 {
                ask = ask.timeout(Duration::from_millis(timeout_milliseconds));
            }
            ask.then(ProbeService::ON_SLOW, &id)?;
        } else {
            let of = request.of_those.clone();
            let gather = GatherRequest { of, of_those: Vec::new(), ..request.clone() };
            ctx.ask(to.gather(gather)).then(ProbeService::ON_GATHERED, &id)?;
        }
    }
    Ok(())
}

/// One of them has answered, or has not in time.
pub(crate) fn told<R>(
    gathers: &mut BTreeMap<String, Gather>,
    told: std::result::Result<i64, &Status>,
    answer: &Answer<R>,
    ctx: &mut Context<'_>,
) -> Result<()> {
    let id: String = answer.correlation()?;
    // What comes after a time-out is dropped before it gets here.
    let gather = gathers.get_mut(&id).expect("an answer comes once for each ask");
    gather.missing -= 1;
    gather.timeouts += u32::from(answer.is_timeout());
    match told {
        Ok(value) => gather.value += value,
        Err(status) => {
            gather.failures.push(format!("{:?}: {}", status.code(), status.message()));
        }
    }
    if gather.missing > 0 {
        return Ok(());
    }
    let Gather { later, value, failures, timeouts, .. } =
        gathers.remove(&id).expect("it was there");
    ctx.reply(later, &GatherResponse { value, failures, timeouts })
}
