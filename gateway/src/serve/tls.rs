//! TLS: the gateway's certificate, and those of its clients.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::access::live::Live;
use crate::access::{Certified, FileError, certificate};

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// What the gateway speaks inside of TLS, best first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Where the certificates are.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The gateway's certificate and those up to its authority, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
    /// The authorities of the clients' certificates, in PEM; `None` when clients need
    /// none.
    pub client_authorities: Option<PathBuf>,
    /// Whether a client without a certificate is sent away.
    pub is_client_required: bool,
}

/// TLS for a port. Its files are read again when they change; connections keep what
/// they began with.
pub struct Tls {
    config: Live<ServerConfig>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// When one is not there, or they do not belong together.
    pub fn open(files: TlsFiles) -> Result<Self, FileError> {
        let TlsFiles { certificate, key, client_authorities, is_client_required } = files;
        let paths = [Some(certificate), Some(key), client_authorities];
        let paths = paths.into_iter().flatten().collect();
        let read = move |contents: &[Vec<u8>]| read(contents, is_client_required);
        Ok(Self { config: Live::open(paths, read)? })
    }

    /// Looks at the files again.
    pub fn refresh(&self) {
        self.config.refresh();
    }

    /// Shakes hands with a client, and finds out who it is if it has a certificate.
    /// `None` when it is not to be served.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
    ) -> Option<(TlsStream<TcpStream>, Option<Certified>)> {
        let shaking = TlsAcceptor::from(self.config.get()).accept(stream);
        let stream = match timeout(HANDSHAKE_TIMEOUT, shaking).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a TLS handshake failed");
                return None;
            }
            Err(_) => {
                tracing::debug!("a TLS handshake took too long");
                return None;
            }
        };
        let (_, session) = stream.get_ref();
        let own = session.peer_certificates().and_then(<[_]>::first);
        let certified = own.and_then(|own| certificate::principal(own)).map(Certified);
        Some((stream, certified))
    }
}

fn read(contents: &[Vec<u8>], is_client_required: bool) -> Result<ServerConfig, String> {
    let (chain, key) = (&contents[0], &contents[1]);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let chain = certificates(chain).map_err(|what| format!("the certificate: {what}"))?;
    // What the error says of a key is not for the log.
    let key = PrivateKeyDer::from_pem_slice(key);
    let key = key.map_err(|_| "the key's file has no private key in PEM".to_owned())?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(|e| e.to_string())?;
    let builder = match contents.get(2) {
        None => builder.with_no_client_auth(),
        Some(authorities) => {
            let verifier = verifier(authorities, is_client_required, provider);
            let verifier = verifier.map_err(|what| format!("the clients' authorities: {what}"))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let config = builder.with_single_cert(chain, key);
    let mut config = config.map_err(|error| format!("the certificate and its key: {error}"))?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    // A resumed session would keep its certificate's principal after its authority is
    // taken out of the file.
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn verifier(
    authorities: &[u8],
    is_required: bool,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(authorities)? {
        roots.add(authority).map_err(|error| error.to_string())?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if is_required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|error| error.to_string())
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let read = read.map_err(|_| "it is not PEM".to_owned())?;
    if read.is_empty() { Err("there is none in its file".into()) } else { Ok(read) }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tls").finish_non_exhaustive()
    }
}
