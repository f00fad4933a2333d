//! The way to DynamoDB while time stands still.
//!
//! The price of a message depends on the minutes between messages, which nobody
//! wants to wait for. So tokio's clock is paused: it leaps to the next thing that
//! is to happen whenever this thread has nothing to do. A request to another
//! process would look like nothing to do. Therefore it blocks the thread, and
//! takes a time of its own by the paused clock: what is measured does not depend
//! on how fast this machine is.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use tokio::time::sleep;

/// How long a request is on its way there, and its answer back: five milliseconds
/// together, as within a region.
const ONE_WAY: Duration = Duration::from_micros(2_500);

/// The header with the length of an answer.
const LENGTH: &str = "content-length:";

/// An HTTP client that is connected to one server, `127.0.0.1:8000`.
///
/// # Errors
/// When there is no connection.
pub(super) fn connect(server: &str) -> io::Result<SharedHttpClient> {
    let stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    let connection = Arc::new(Mutex::new(BufReader::new(stream)));
    let wire = SharedHttpConnector::new(Wire { connection });
    Ok(http_client_fn(move |_settings, _components| wire.clone()))
}

#[derive(Clone, Debug)]
struct Wire {
    connection: Arc<Mutex<BufReader<TcpStream>>>,
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let wire = self.clone();
        HttpConnectorFuture::new(async move {
            sleep(ONE_WAY).await;
            let answer = wire.exchange(&request);
            sleep(ONE_WAY).await;
            answer.map_err(|error| ConnectorError::io(error.into()))
        })
    }
}

impl Wire {
    /// Sends a request over the connection and waits for its answer.
    fn exchange(&self, request: &HttpRequest) -> io::Result<HttpResponse> {
        let mut head = format!("{} / HTTP/1.1\r\nhost: localhost\r\n", request.method());
        for (name, value) in request.headers() {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head += "\r\n";
        let body = request.body().bytes().ok_or_else(|| invalid("the request is a stream"))?;

        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        connection.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        let status = line(&mut connection)?;
        let status = status.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.and_then(|status: u16| StatusCode::try_from(status).ok());
        let status = status.ok_or_else(|| invalid("the answer has no status"))?;
        let mut length = None;
        loop {
            let header = line(&mut connection)?.to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            let value = header.strip_prefix(LENGTH);
            length = value.and_then(|value| value.trim().parse().ok()).or(length);
        }
        let mut body = vec![0; length.ok_or_else(|| invalid("the answer has no length"))?];
        connection.read_exact(&mut body)?;
        Ok(HttpResponse::new(status, SdkBody::from(body)))
    }
}

/// A line without its end.
fn line(connection: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    connection.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
