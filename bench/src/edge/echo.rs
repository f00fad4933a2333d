//! What the edge is compared with: tonic, with the same messages and no more.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::Result;
use crate::asks::counter::counter_server::{Counter, CounterServer};
use crate::asks::counter::{
    AddRequest, AddResponse, GetRequest, GetResponse, NoteRequest, NoteResponse,
};

struct Echo;

#[tonic::async_trait]
impl Counter for Echo {
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
        Err(Status::unimplemented("the bench does not get"))
    }

    async fn note(
        &self,
        _: Request<NoteRequest>,
    ) -> std::result::Result<Response<NoteResponse>, Status> {
        Ok(Response::new(NoteResponse {}))
    }
}

/// Serves it on a free port until the handle is aborted.
pub(super) async fn start() -> Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = Server::builder().add_service(CounterServer::new(Echo));
    let serving = tokio::spawn(async move {
        if let Err(error) = server.serve_with_incoming(incoming).await {
            eprintln!("the echo ended: {error}");
        }
    });
    Ok((address, serving))
}
