//! The calls of `callboard.v1.Admin`, and their answers as JSON.

use std::time::Duration;

use http::uri::PathAndQuery;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::super::client::{Arguments, Channel, unreachable};
use super::super::{Failure, call};

const SERVICE: &str = "callboard.v1.Admin";

/// The descriptors of the service.
const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/callboard.v1.admin.bin"));

/// How long an answer may take. A purge of a million messages takes a while.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The largest answer that is taken: a state of 2 MiB, in JSON.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The most entries that one call asks for.
const PAGE: usize = 500;

/// A connection to a gateway, and how its answers are printed.
pub(super) struct Client {
    gateway: String,
    grpc: tonic::client::Grpc<Channel>,
    pub(super) json: bool,
}

impl Client {
    pub(super) async fn connect(gateway: &Arguments, json: bool) -> Result<Self, Failure> {
        let channel = gateway.connect().await?;
        let grpc = tonic::client::Grpc::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        Ok(Self { gateway: gateway.gateway.clone(), grpc, json })
    }

    /// Makes a call.
    pub(super) async fn call<Q, A>(&mut self, method: &str, request: Q) -> Result<A, Failure>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        self.try_call(method, request).await?.map_err(|status| self.failure(&status))
    }

    /// What is printed of a call that was refused.
    pub(super) fn failure(&self, status: &Status) -> Failure {
        match status.code() {
            Code::Unimplemented => Failure::new(format!(
                "the gateway at {} serves no `callboard admin`; `callboard dev` does, and \
                 `callboard serve --admin`",
                self.gateway
            )),
            _ => Failure(call::describe(status)),
        }
    }

    /// Makes a call whose refusal may be fine.
    pub(super) async fn try_call<Q, A>(
        &mut self,
        method: &str,
        request: Q,
    ) -> Result<Result<A, Status>, Failure>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let path = PathAndQuery::try_from(format!("/{SERVICE}/{method}"))?;
        let mut request = Request::new(request);
        request.set_timeout(TIMEOUT);
        let ready = self.grpc.ready().await;
        ready.map_err(|error| unreachable(&self.gateway, &error))?;
        let codec = ProstCodec::<Q, A>::default();
        Ok(self.grpc.unary(request, path, codec).await.map(tonic::Response::into_inner))
    }

    /// Prints an answer: as JSON where that is asked for, else readable.
    pub(super) fn print<A: Message>(
        &self,
        message: &str,
        answer: &A,
        readable: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if !self.json {
            print!("{}", readable());
            return Ok(());
        }
        let pool = DescriptorPool::decode(DESCRIPTORS)?;
        let descriptor = pool.get_message_by_name(&format!("callboard.v1.{message}"));
        let descriptor = descriptor.expect("the service has this message");
        let answer = DynamicMessage::decode(descriptor, &*answer.encode_to_vec())?;
        let mut json = serde_json::Serializer::pretty(std::io::stdout());
        let options = SerializeOptions::new().skip_default_fields(false);
        answer.serialize_with_options(&mut json, &options)?;
        println!();
        Ok(())
    }
}

/// Takes pages until there are so many entries, or no more. `page` is given how many
/// entries it is to have and its token, and gives them with the next token.
pub(super) async fn pages<T>(
    limit: usize,
    mut page: impl AsyncFnMut(u32, String) -> Result<(Vec<T>, String), Failure>,
) -> Result<(Vec<T>, String), Failure> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let size = limit.saturating_sub(all.len()).min(PAGE);
        let (entries, next) = page(u32::try_from(size).unwrap_or(1), token).await?;
        all.extend(entries);
        token = next;
        if token.is_empty() || all.len() >= limit {
            return Ok((all, token));
        }
    }
}

/// Says that a list has an end that is not its own.
pub(super) fn note_more(next_page_token: &str) {
    if !next_page_token.is_empty() {
        eprintln!("there are more; --limit shows them");
    }
}

/// How many entries of a list are shown.
#[derive(clap::Args)]
pub(super) struct Limit {
    /// The most to show.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl Limit {
    pub(super) fn get(&self) -> usize {
        usize::try_from(self.limit).unwrap_or(usize::MAX)
    }
}
