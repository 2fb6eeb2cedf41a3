//! The sockets: checks the handshake, and says to whom the connection is handed over.

use std::sync::{Arc, Mutex, PoisonError};

use hyper::upgrade::OnUpgrade;
use tandem_actors::Speaks;
use tandem_model::{DocumentName, Place};
use tandem_protocol::refusal::Refusal;
use warp::http::header::HeaderMap;
use warp::http::{Method, StatusCode};
use warp::path::FullPath;
use warp::{Filter, Rejection};

use super::handshake::Handshake;
use super::problem::Problem;
use super::route::{Route, only, shared};
use super::service::Context;
use super::{Edge, Response, address};

const YJS: &str = "/yjs/";

/// Goes with the answer to a handshake: what the connection speaks once the answer is written, and its place. Whoever
/// serves the connection takes it; extensions want to be cloned, so clones share it.
#[derive(Clone, Debug)]
pub struct Upgrade(Arc<Mutex<Option<(Speaks, Place)>>>);

impl Upgrade {
    fn new(speaks: Speaks, place: Place) -> Self {
        Self(Arc::new(Mutex::new(Some((speaks, place)))))
    }

    /// Takes it, once.
    pub fn take(&self) -> Option<(Speaks, Place)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What comes with a handshake.
struct Asked {
    headers: HeaderMap,
    query: Option<String>,
    /// Whether hyper would let go of the connection.
    upgradable: bool,
    context: Context,
}

/// `/yjs/{document}` and `/hocuspocus`.
pub fn routes(edge: &Arc<Edge>) -> Route {
    let get = || only(Method::GET, "GET");
    let yjs = warp::path("yjs").and(get()).and(shared(edge)).and(warp::path::full()).and(asked());
    let yjs = yjs.map(|edge: Arc<Edge>, path: FullPath, asked: Asked| {
        // The whole rest of the path, still escaped; `/yjs` alone names nothing, and the session says so.
        let document = DocumentName::from_path(path.as_str().strip_prefix(YJS).unwrap_or_default());
        let speaks = |credential| Speaks::YSync { document, credential };
        upgrade(&edge, asked, speaks).unwrap_or_else(Response::from)
    });
    let hocuspocus = warp::path!("hocuspocus").and(get()).and(shared(edge)).and(asked());
    let hocuspocus = hocuspocus.map(|edge: Arc<Edge>, asked: Asked| {
        upgrade(&edge, asked, |_| Speaks::Hocuspocus).unwrap_or_else(Response::from)
    });
    yjs.boxed().or(hocuspocus.boxed()).unify().boxed()
}

fn asked() -> impl Filter<Extract = (Asked,), Error = Rejection> + Clone {
    let query = warp::query::raw().map(Some).or(warp::any().map(|| None)).unify();
    warp::header::headers_cloned()
        .and(query)
        .and(warp::ext::optional::<OnUpgrade>())
        .and(warp::ext::get::<Context>())
        .map(|headers, query, upgrade: Option<OnUpgrade>, context| {
            let upgradable = upgrade.is_some();
            Asked { headers, query, upgradable, context }
        })
}

/// Answers the handshake. A credential that is wrong is no reason to refuse it: the session says so, and for good.
fn upgrade(edge: &Arc<Edge>, asked: Asked, speaks: impl FnOnce(Option<String>) -> Speaks) -> Result<Response, Problem> {
    let handshake = Handshake::read(&asked.headers)?;
    asked.context.caller.check()?;
    if !asked.upgradable {
        return Err(Problem::bad_request("bad-handshake", "this connection cannot be upgraded"));
    }
    if edge.backend.readiness().draining {
        let detail = "this node is shutting down";
        return Err(Problem::refused(StatusCode::SERVICE_UNAVAILABLE, Refusal::Draining, detail).retry_after(1));
    }
    let place = edge.places.take(address::counted(asked.context.client)).ok_or_else(|| {
        let detail = "this address has as many sockets open as it may have";
        Problem::refused(StatusCode::SERVICE_UNAVAILABLE, Refusal::AddressFull, detail).retry_after(10)
    })?;
    let query = asked.query.as_deref().filter(|_| edge.settings.query_tokens);
    let speaks = speaks(handshake.token(&asked.headers, query));
    let mut answer = handshake.answer();
    answer.extensions_mut().insert(Upgrade::new(speaks, place));
    Ok(answer)
}
