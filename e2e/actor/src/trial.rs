//! Actors whose messages fail each time: one of them sets such a message aside,
//! the other one stops with it.

use std::time::Duration;

use callboard_lambda_sdk::{Actor, Context, Error, Result};
use serde::{Deserialize, Serialize};

use crate::events::note;

callboard_lambda_sdk::include_proto!("trial.v1");

macro_rules! trial {
    ($name:ident: $handlers:ident of $service:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Default, Serialize, Deserialize)]
        pub struct $name {
            value: i64,
        }

        impl Actor for $name {
            type Service = $service;
        }

        impl $handlers for $name {
            async fn add(
                &mut self,
                request: AddRequest,
                _: &mut Context<'_>,
            ) -> Result<AddResponse> {
                self.value += request.delta;
                Ok(AddResponse { value: self.value })
            }

            async fn note(&mut self, request: NoteRequest, _: &mut Context<'_>) -> Result<()> {
                self.value += request.delta;
                Ok(())
            }

            async fn fail(
                &mut self,
                request: FailRequest,
                ctx: &mut Context<'_>,
            ) -> Result<FailResponse> {
                // So that a state that is not rolled back shows.
                self.value += 1_000;
                fail(request.fault(), &request.file, request.milliseconds, ctx).await?;
                Ok(FailResponse {})
            }

            async fn fail_note(
                &mut self,
                request: FailNoteRequest,
                ctx: &mut Context<'_>,
            ) -> Result<()> {
                self.value += 1_000;
                fail(request.fault(), &request.file, 0, ctx).await
            }
        }
    };
}

trial!(Lenient: LenientActor of LenientService, "Sets aside what has failed three times.");
trial!(Strict: StrictActor of StrictService, "Stops with what has failed three times.");

async fn fail(fault: Fault, file: &str, milliseconds: u64, ctx: &Context<'_>) -> Result<()> {
    let attempt = ctx.attempt();
    note(file, ctx, &format!("attempt {attempt}"))?;
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    match fault {
        Fault::Unspecified => {
            Err(Error::retried(format!("attempt {attempt} fails, as it was asked to")))
        }
        Fault::Panic => panic!("attempt {attempt} panics, as it was asked to"),
        Fault::Exit => std::process::exit(3),
        Fault::Abort => std::process::abort(),
    }
}
