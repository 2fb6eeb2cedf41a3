//! What every request passes on its way in, and every answer on its way out.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper::upgrade::OnUpgrade;
use hyper_util::service::TowerToHyperService;
use metrics::{counter, histogram};
use tandem_protocol::refusal::Refusal;
use tokio::time::timeout;
use tracing::debug;
use warp::http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderValue, LOCATION};
use warp::http::request::Parts;
use warp::http::uri::PathAndQuery;
use warp::http::{HeaderMap, Method, Request, StatusCode, Uri};

use super::cors::Caller;
use super::hosts::Host;
use super::problem::Problem;
use super::{Edge, Response, address, headers, route};

/// What was found out about a request before its route; handlers get it as an extension.
#[derive(Clone, Debug)]
pub struct Context {
    /// The host that it names.
    pub host: Host,
    /// Who calls.
    pub caller: Caller,
    /// The client's address.
    pub client: IpAddr,
}

type Routes = Box<dyn Fn(Request<Full<Bytes>>) -> BoxFuture<'static, Response> + Send + Sync>;

/// The routes and what stands round them.
pub struct Service {
    edge: Arc<Edge>,
    routes: Routes,
}

impl Service {
    /// Puts the routes together.
    pub fn new(edge: Arc<Edge>) -> Self {
        let service = TowerToHyperService::new(warp::service(route::all(&edge)));
        let routes: Routes = Box::new(move |request| {
            let answer = service.call(request);
            async move { answer.await.unwrap_or_else(|never| match never {}) }.boxed()
        });
        Self { edge, routes }
    }

    /// What handlers share.
    pub fn edge(&self) -> &Edge {
        &self.edge
    }

    /// Answers one request.
    pub async fn answer(&self, peer: IpAddr, request: Request<Incoming>) -> Response {
        let since = Instant::now();
        let (mut parts, body) = request.into_parts();
        let method = parts.method.clone();
        let context = self.context(peer, &parts.headers);
        let rest = context.as_ref().ok().and_then(|_| self.below_base(&parts.uri));
        let area = rest.as_ref().map_or("none", |uri| area(uri.path()));
        let mut response = match (&context, rest) {
            (Err(_), _) => Response::default(),
            (Ok(_), None) => self.beside_base(&parts.uri),
            (Ok(context), Some(uri)) => {
                parts.uri = uri;
                self.route(context, parts, body).await.unwrap_or_else(Response::from)
            }
        };
        match context {
            Ok(context) if area == "api" => context.caller.tell(response.headers_mut()),
            Ok(_) => {}
            Err(problem) => response = problem.into(),
        }
        headers::secure(response.headers_mut());
        let took = since.elapsed();
        let status = response.status();
        // Never the query: it may hold a token.
        debug!(%method, area, status = status.as_u16(), took_us = took.as_micros(), "answered");
        counter!("tandem_http_requests_total", "area" => area, "status" => class(status)).increment(1);
        histogram!("tandem_http_request_seconds", "area" => area).record(took.as_secs_f64());
        if method == Method::HEAD { without_body(response) } else { response }
    }

    /// Reads who calls and whom.
    fn context(&self, peer: IpAddr, headers: &HeaderMap) -> Result<Context, Problem> {
        let settings = &self.edge.settings;
        let mut hosts = headers.get_all(HOST).into_iter();
        let host = hosts.next().and_then(|host| host.to_str().ok()).and_then(|host| host.parse::<Host>().ok());
        let (Some(host), None) = (host, hosts.next()) else {
            return Err(Problem::bad_request("bad-host", "a request names exactly one host"));
        };
        if !settings.hosts.allow(&host) {
            let detail = format!("{host} is not served here: server.allowed_hosts (ALLOWED_HOSTS) lists what is");
            return Err(Problem::refused(StatusCode::FORBIDDEN, Refusal::HostRefused, detail));
        }
        let caller = Caller::of(headers, &host, &settings.cors_origins);
        let client = address::client(peer, headers, &settings.trusted_proxies);
        Ok(Context { host, caller, client })
    }

    /// The target below the base path; `None` beside it.
    fn below_base(&self, uri: &Uri) -> Option<Uri> {
        let base = self.edge.settings.base_path.as_str();
        if base.is_empty() {
            return uri.path().starts_with('/').then(|| uri.clone());
        }
        let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let rest = target.strip_prefix(base)?;
        rest.starts_with('/').then(|| rest.parse().ok()).flatten()
    }

    /// Answers a target outside the base path: the base path itself lacks only its slash.
    fn beside_base(&self, uri: &Uri) -> Response {
        let base = self.edge.settings.base_path.as_str();
        if base.is_empty() || uri.path() != base {
            return Problem::not_found().into();
        }
        let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
        let Ok(location) = HeaderValue::from_str(&format!("{base}/{query}")) else {
            return Problem::not_found().into();
        };
        let mut response = Response::default();
        *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
        response.headers_mut().insert(LOCATION, location);
        response
    }

    async fn route(&self, context: &Context, mut parts: Parts, body: Incoming) -> Result<Response, Problem> {
        if let Some(answer) = context.caller.preflight(&parts.method, &parts.headers) {
            return Ok(answer);
        }
        if parts.method == Method::HEAD {
            // Routes know GET only; what answers to HEAD is the same without its body, and upgrades nothing.
            parts.method = Method::GET;
            parts.extensions.remove::<OnUpgrade>();
        }
        if !parts.method.is_safe() {
            context.caller.check()?;
        }
        let body = self.body(body).await?;
        parts.extensions.insert(context.clone());
        let answer = (self.routes)(Request::from_parts(parts, Full::new(body)));
        AssertUnwindSafe(answer).catch_unwind().await.map_err(|_| {
            // The panic hook has logged where.
            counter!("tandem_http_panics_total").increment(1);
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong here")
        })
    }

    /// Reads the body whole, within its bounds.
    async fn body(&self, body: Incoming) -> Result<Bytes, Problem> {
        let settings = &self.edge.settings;
        let closing = |problem: Problem| problem.with(CONNECTION, HeaderValue::from_static("close"));
        let too_large = || {
            let detail = format!("a body is at most {} bytes", settings.body_bytes);
            closing(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail))
        };
        let declared = hyper::body::Body::size_hint(&body).lower();
        if declared > u64::try_from(settings.body_bytes).unwrap_or(u64::MAX) {
            return Err(too_large());
        }
        let collected = timeout(settings.body_within, Limited::new(body, settings.body_bytes).collect()).await;
        match collected {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) => Err(closing(Problem::bad_request("bad-body", "the body cannot be read"))),
            Err(_) => {
                let detail = "the body did not arrive in time";
                Err(closing(Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", detail)))
            }
        }
    }
}

/// The part of the site that a path belongs to, for metrics: few values, whatever is asked for.
fn area(path: &str) -> &'static str {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    ["yjs", "hocuspocus", "assets", "api", "health", "metrics"]
        .into_iter()
        .find(|known| *known == first)
        .unwrap_or("page")
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        101 => "101",
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

/// The answer to HEAD: what GET would give, its length said and its body kept.
fn without_body(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    if let Some(length) = hyper::body::Body::size_hint(&body).exact()
        && !matches!(parts.status, StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT)
    {
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(parts, Bytes::new().into())
}
