//! Whether the server serves, for people, for supervisors, and in numbers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tandem_actors::Readiness;
use tokio::sync::Mutex;
use tokio::time::timeout;
use warp::http::header::{CONTENT_TYPE, HeaderValue};
use warp::http::{Method, StatusCode};
use warp::{Filter, Reply};

use super::problem::Problem;
use super::route::{Route, only, shared};
use super::{Backend, Edge, Response};
use crate::telemetry;
use crate::version::VERSION;

/// A report is used again for this long, so that asking often costs the store nothing.
const FRESH: Duration = Duration::from_secs(1);
/// A dependency that does not answer for this long is down.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The newest report; whoever finds it stale makes the next, the others wait for it.
#[derive(Debug, Default)]
pub struct HealthCache(Mutex<Option<(Instant, Report)>>);

#[derive(Clone, Debug)]
struct Report {
    serving: bool,
    body: Value,
}

/// `/health`, `/api/health`, `/health/live`, `/health/ready`, `/metrics`.
pub fn routes(edge: &Arc<Edge>) -> Route {
    let get = || only(Method::GET, "GET, HEAD");
    let whole = warp::path!("health").or(warp::path!("api" / "health")).unify();
    let whole = whole.and(get()).and(shared(edge)).then(report).boxed();
    let live = warp::path!("health" / "live").and(get()).map(|| status("live")).boxed();
    let ready = warp::path!("health" / "ready").and(get()).and(shared(edge));
    let ready = ready.map(|edge: Arc<Edge>| ready_answer(edge.backend.readiness())).boxed();
    let metrics = warp::path!("metrics").and(get()).and(shared(edge)).map(|edge: Arc<Edge>| metrics(&edge)).boxed();
    ready.or(live).unify().boxed().or(whole).unify().boxed().or(metrics).unify().boxed()
}

fn status(word: &str) -> Response {
    warp::reply::json(&json!({ "status": word })).into_response()
}

fn ready_answer(readiness: Readiness) -> Response {
    if readiness.is_ready() {
        return status("ready");
    }
    let why = if readiness.draining { "it is shutting down" } else { "the journal does not work" };
    Problem::unavailable("not-ready", why, 1).into()
}

async fn report(edge: Arc<Edge>) -> Response {
    let report = edge.health.get(&*edge.backend).await;
    let answer = warp::reply::json(&report.body);
    let code = if report.serving { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    warp::reply::with_status(answer, code).into_response()
}

impl HealthCache {
    async fn get(&self, backend: &dyn Backend) -> Report {
        let mut newest = self.0.lock().await;
        match &*newest {
            Some((made, report)) if made.elapsed() < FRESH => report.clone(),
            _ => newest.insert((Instant::now(), Report::make(backend).await)).1.clone(),
        }
    }
}

impl Report {
    async fn make(backend: &dyn Backend) -> Self {
        let since = Instant::now();
        let answer = timeout(ANSWER_WITHIN, backend.ping()).await;
        let problem = match answer {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => Some(format!("no answer in {} s", ANSWER_WITHIN.as_secs())),
        };
        let latency_ms = since.elapsed().as_secs_f64() * 1000.0;
        let readiness = backend.readiness();
        let word = match (readiness.draining, readiness.is_ready() && problem.is_none()) {
            (true, _) => "draining",
            (false, true) => "serving",
            (false, false) => "degraded",
        };
        let mut store = json!({ "status": if problem.is_none() { "up" } else { "down" }, "latency_ms": latency_ms });
        if let Some(problem) = problem {
            store["problem"] = problem.into();
        }
        let body = json!({
            "status": word,
            "version": VERSION,
            "dependencies": { "store": store },
            "node": backend.snapshot().await,
        });
        Self { serving: word == "serving", body }
    }
}

fn metrics(edge: &Edge) -> Response {
    edge.backend.observe();
    telemetry::observe_process();
    let mut response = Response::new(edge.metrics.render().into());
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
