//! `callboard dev --trace`: finished flows as trees in this terminal, without a collector.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use callboard_telemetry::tree::{Bounds, receiver};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::loopback;
use crate::command::Failure;

/// How long the last trees may take to be drawn.
const DRAWING_MAX: Duration = Duration::from_secs(1);

/// What draws them.
pub(super) struct Trees {
    address: SocketAddr,
    stop: CancellationToken,
    drawing: JoinHandle<io::Result<()>>,
}

impl Trees {
    /// Begins to draw, on standard error beside the log.
    pub(super) async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind(loopback()).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let drawing = receiver::serve(listener, io::stderr(), Bounds::default(), stopped);
        Ok(Self { address, stop, drawing: tokio::spawn(drawing) })
    }

    /// What has gateway and functions send their spans here, whatever else is set.
    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        receiver::variables(self.address)
    }

    /// Draws what is left.
    pub(super) async fn finish(self) {
        self.stop.cancel();
        // What is not drawn by then is not worth waiting for.
        let _ = timeout(DRAWING_MAX, self.drawing).await;
    }
}
