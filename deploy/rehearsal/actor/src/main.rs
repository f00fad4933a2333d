//! Desks and archives: what they do is what roles have to allow.

use std::time::Duration;

use callboard_lambda_sdk::{Actor, Context, Error, Function, Result};
use serde::{Deserialize, Serialize};

callboard_lambda_sdk::include_proto!("desk.v1");

#[derive(Default, Serialize, Deserialize)]
struct Desk {
    is_open: bool,
    paper: String,
}

impl Actor for Desk {
    type Service = DeskService;
}

impl DeskActor for Desk {
    async fn open(&mut self, _: OpenRequest, _: &mut Context<'_>) -> Result<OpenResponse> {
        self.is_open = true;
        Ok(OpenResponse {})
    }

    async fn write(&mut self, request: WriteRequest, _: &mut Context<'_>) -> Result<()> {
        if !self.is_open {
            return Err(Error::retried("the desk is not open"));
        }
        self.paper = "x".repeat(request.bytes as usize);
        Ok(())
    }

    async fn read(&self, _: ReadRequest, _: &Context<'_>) -> Result<ReadResponse> {
        Ok(ReadResponse { bytes: self.paper.len() as u32 })
    }

    async fn think(&mut self, request: ThinkRequest, _: &mut Context<'_>) -> Result<ThinkResponse> {
        tokio::time::sleep(Duration::from_millis(request.milliseconds.into())).await;
        let version = std::env::var("AWS_LAMBDA_FUNCTION_VERSION").unwrap_or_default();
        Ok(ThinkResponse { version })
    }

    async fn pass(&mut self, request: PassRequest, ctx: &mut Context<'_>) -> Result<KeepResponse> {
        ctx.forward(ArchiveRef::new(request.archive).keep(KeepRequest::default()))
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Archive {
    papers: u32,
}

impl Actor for Archive {
    type Service = ArchiveService;
}

impl ArchiveActor for Archive {
    async fn keep(&mut self, _: KeepRequest, _: &mut Context<'_>) -> Result<KeepResponse> {
        self.papers += 1;
        Ok(KeepResponse { papers: self.papers })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    Function::new().actor::<Desk>().actor::<Archive>().run().await
}
