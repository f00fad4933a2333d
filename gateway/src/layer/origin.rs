//! Web pages: which of them may call.
//!
//! A browser takes any page's requests to any address, also to a developer's own
//! machine, and asks first (a *preflight*) only for what an old form could not
//! have sent. Three things keep strange pages out, each by itself:
//!
//! - the doors take no content type that a page may send unasked;
//! - a request that names its origin is refused unless that is this gateway
//!   itself, or a page that the settings allow;
//! - a page whose own name was made to point to this machine (DNS rebinding)
//!   counts as this gateway to the browser, so no preflight comes, but the
//!   request still has that name as its host. On a loopback address the host
//!   must be one of this machine.
//!
//! Other clients send no origin, and are not kept out by any of it.

use std::net::{IpAddr, SocketAddr};

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, HOST, ORIGIN, VARY,
};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Version};
use tonic::body::Body;

use crate::door::headers::TOLD;

/// How long a browser may remember the answer to a preflight, in seconds. Chrome
/// remembers none longer.
const PREFLIGHT_SECONDS: &str = "7200";

/// Where browsers tell how far away the page is that a request comes from.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What gRPC-Web and Connect tell in headers.
const PROTOCOL_HEADERS: [&str; 3] = ["grpc-status", "grpc-message", "grpc-status-details-bin"];

/// The address of this machine at which a request has arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArrivedAt(pub(crate) SocketAddr);

/// Which web pages may call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pages {
    any: bool,
    origins: Vec<String>,
    hosts: Vec<String>,
}

/// The page that a request comes from, which may make it.
#[derive(Debug)]
pub(crate) struct Page {
    /// Its origin, when it is another than this gateway's.
    origin: Option<HeaderValue>,
}

impl Pages {
    /// Those of the origins, `https://app.example.com` or `*` for all. `hosts` are
    /// further names under which the gateway is called.
    pub(crate) fn new(origins: &[String], hosts: &[String]) -> Self {
        let lower = |names: &[String]| names.iter().map(|name| name.to_ascii_lowercase()).collect();
        Self {
            any: origins.iter().any(|origin| origin == "*"),
            origins: lower(origins),
            hosts: lower(hosts),
        }
    }

    /// Lets a request pass, or refuses it with an answer.
    pub(crate) fn admit<B>(&self, request: &Request<B>) -> Result<Page, Box<http::Response<Body>>> {
        let host = host(request);
        if let Some(host) = &host
            && !self.is_host(request, host)
        {
            return Err(refusal(&format!(
                "the host {host} is not known here; allow it with --allow-host\n"
            )));
        }
        let headers = request.headers();
        let Some(origin) = headers.get(ORIGIN) else {
            // A picture's address, for example, comes without an origin.
            let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
            return match site {
                Some(b"cross-site" | b"same-site") if !self.any => {
                    Err(refusal("another site's page must not call\n"))
                }
                _ => Ok(Page { origin: None }),
            };
        };
        let text = origin.to_str().unwrap_or_default().to_ascii_lowercase();
        // The scheme may differ: where TLS ends before the gateway, it does not
        // know of it.
        let own = text.split_once("://").and_then(|(_, name)| name.parse::<Authority>().ok());
        if own.is_some() && own == host {
            return Ok(Page { origin: None });
        }
        if self.any || self.origins.contains(&text) {
            return Ok(Page { origin: Some(origin.clone()) });
        }
        Err(refusal(&format!("pages of {text:?} must not call; allow it with --allow-origin\n")))
    }

    /// Whether a host may be this gateway. Browsers speak HTTP/2 only where a
    /// certificate has shown the name to be right; so what comes with HTTP/2 may
    /// call the gateway as it likes, such as a gRPC client that goes through a
    /// tunnel. Elsewhere than on loopback nobody knows all of its names; it is
    /// checked there when some are given.
    fn is_host<B>(&self, request: &Request<B>, host: &Authority) -> bool {
        let at = request.extensions().get::<ArrivedAt>();
        let is_loopback = at.is_some_and(|at| at.0.ip().to_canonical().is_loopback());
        let is_unknown = !is_loopback && self.hosts.is_empty();
        if request.version() > Version::HTTP_11 || is_unknown {
            return true;
        }
        let name = host.host().trim_end_matches('.').to_ascii_lowercase();
        let literal = name.trim_start_matches('[').trim_end_matches(']');
        // An address is not a name that somebody could point elsewhere.
        literal.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.hosts.contains(&name)
    }
}

impl Page {
    /// The answer to a browser that asks whether its page may make a call.
    pub(crate) fn preflight<B>(&self, request: &Request<B>) -> Option<http::Response<Body>> {
        let asks = request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if request.method() != Method::OPTIONS || !asks {
            return None;
        }
        let mut response = http::Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        self.let_read(headers);
        if self.origin.is_some() {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_SECONDS));
            headers.append(VARY, HeaderValue::from(ACCESS_CONTROL_REQUEST_HEADERS));
            // No header is dangerous by itself, and a call may have any.
            if let Some(names) = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS) {
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
            }
        }
        Some(response)
    }

    /// Lets the page read an answer.
    pub(crate) fn let_read(&self, headers: &mut HeaderMap) {
        let Some(origin) = &self.origin else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.append(VARY, HeaderValue::from(ORIGIN));
        let exposed: Vec<_> = PROTOCOL_HEADERS.into_iter().chain(TOLD).collect();
        let exposed = HeaderValue::from_str(&exposed.join(", "));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed.expect("names are visible ASCII"));
    }
}

/// Whom a request is for, as its sender says.
fn host<B>(request: &Request<B>) -> Option<Authority> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = host.map(|host| host.to_ascii_lowercase().parse());
    // With HTTP/2 it is a part of the address.
    host.and_then(Result::ok).or_else(|| request.uri().authority().cloned())
}

fn refusal(text: &str) -> Box<http::Response<Body>> {
    let mut response = http::Response::new(Body::new(text.to_owned()));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Box::new(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: &str = "127.0.0.1:7070";

    fn request(host: &str, at: &str, more: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().method("POST").uri("/a.B/C").header(HOST, host);
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        let at = ArrivedAt(at.parse().expect("an address"));
        request.extension(at).body(()).expect("a request")
    }

    fn pages(origins: &[&str]) -> Pages {
        let origins: Vec<_> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        Pages::new(&origins, &[])
    }

    fn is_admitted(pages: &Pages, host: &str, at: &str, more: &[(&str, &str)]) -> bool {
        pages.admit(&request(host, at, more)).is_ok()
    }

    #[test]
    fn on_loopback_the_host_is_of_this_machine() {
        let pages = pages(&["*"]);
        for host in ["localhost:7070", "a.localhost", "127.0.0.1:7070", "[::1]:7070", "LOCALHOST"] {
            assert!(is_admitted(&pages, host, LOOPBACK, &[]), "{host}");
        }
        for host in ["evil.example:7070", "localhost.evil.example", "127.0.0.1.evil.example"] {
            assert!(!is_admitted(&pages, host, LOOPBACK, &[]), "{host}");
            assert!(!is_admitted(&pages, host, "[::1]:7070", &[]), "{host}");
            assert!(!is_admitted(&pages, host, "[::ffff:127.0.0.1]:7070", &[]), "{host}");
            assert!(is_admitted(&pages, host, "10.0.0.7:7070", &[]), "{host}");
        }
    }

    #[test]
    fn names_that_are_given_are_hosts_everywhere() {
        let pages = Pages::new(&[], &["Gateway.Example".into()]);
        for at in [LOOPBACK, "10.0.0.7:7070"] {
            assert!(is_admitted(&pages, "gateway.example:7070", at, &[]), "{at}");
            assert!(!is_admitted(&pages, "evil.example:7070", at, &[]), "{at}");
        }
    }

    #[test]
    fn a_grpc_client_may_call_the_gateway_as_it_likes() {
        let mut request = request("gateway.test", LOOPBACK, &[]);
        *request.version_mut() = Version::HTTP_2;
        assert!(pages(&[]).admit(&request).is_ok());
    }

    #[test]
    fn only_its_own_and_allowed_origins_pass() {
        let from = |origin| [("origin", origin)];
        let some = pages(&["https://app.example"]);
        let own = from("http://localhost:7070");
        assert!(is_admitted(&some, "localhost:7070", LOOPBACK, &own));
        for origin in ["http://localhost:8080", "http://evil.example", "null", "https://x:x:x"] {
            assert!(!is_admitted(&some, "localhost:7070", LOOPBACK, &from(origin)), "{origin}");
            let any = pages(&["*"]);
            assert!(is_admitted(&any, "localhost:7070", LOOPBACK, &from(origin)), "{origin}");
        }
        let page = some.admit(&request("localhost", LOOPBACK, &from("https://app.example")));
        let mut headers = HeaderMap::new();
        page.expect("it is allowed").let_read(&mut headers);
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example");
    }

    #[test]
    fn pictures_of_other_sites_are_no_calls() {
        for (site, is_fine) in
            [("cross-site", false), ("same-site", false), ("same-origin", true), ("none", true)]
        {
            let header = [("sec-fetch-site", site)];
            assert_eq!(is_admitted(&pages(&[]), "localhost", LOOPBACK, &header), is_fine, "{site}");
        }
    }

    #[test]
    fn a_preflight_allows_what_is_asked_for() {
        let asks = [
            ("origin", "https://app.example"),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type,callboard-message-id"),
        ];
        let mut request = request("localhost", LOOPBACK, &asks);
        *request.method_mut() = Method::OPTIONS;
        let page = pages(&["https://app.example"]).admit(&request).expect("it is allowed");
        let answer = page.preflight(&request).expect("it is a preflight");
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        let allowed = &answer.headers()[ACCESS_CONTROL_ALLOW_HEADERS];
        assert_eq!(allowed, "content-type,callboard-message-id");
        assert!(pages(&[]).admit(&request).is_err());
    }
}
