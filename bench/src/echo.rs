//! What the gateway is compared with: tonic, with the same messages and no more.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::Result;
use crate::counter::{
    AddRequest, AddResponse, Counter, CounterServer, GetRequest, GetResponse, NoteRequest,
    NoteResponse,
};

struct Answers;

#[tonic::async_trait]
impl Counter for Answers {
    async fn add(
        &self,
        request: Request<AddRequest>,
    ) -> std::result::Result<Response<AddResponse>, Status> {
        Ok(Response::new(AddResponse { value: request.into_inner().delta }))
    }

    async fn get(
        &self,
        _: Request<GetRequest>,
    ) -> std::result::Result<Response<GetResponse>, Status> {
        Ok(Response::new(GetResponse { value: 1 }))
    }

    async fn note(
        &self,
        _: Request<NoteRequest>,
    ) -> std::result::Result<Response<NoteResponse>, Status> {
        Ok(Response::new(NoteResponse {}))
    }
}

/// Serves it on a free port until the handle is aborted.
pub(crate) async fn start() -> Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = Server::builder().add_service(CounterServer::new(Answers));
    let serving = tokio::spawn(async move {
        if let Err(error) = server.serve_with_incoming(incoming).await {
            eprintln!("the echo ended: {error}");
        }
    });
    Ok((address, serving))
}

/// Serves it as a process of its own, which is this one. It tells where.
pub(crate) async fn serve() -> Result<()> {
    let (address, serving) = start().await?;
    println!("http://{address}");
    Ok(serving.await?)
}

/// The same in a process of its own, as the gateway is. It ends when this is dropped.
pub(crate) struct Echo {
    process: Child,
    url: String,
}

impl Echo {
    pub(crate) async fn start() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("server").stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn()?;
        let stdout = process.stdout.take().expect("it is piped");
        let url = BufReader::new(stdout).lines().next_line().await?;
        Ok(Self { process, url: url.ok_or("the echo does not start")? })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id().expect("nobody has waited for it")
    }
}
