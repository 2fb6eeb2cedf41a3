//! The sockets: checks the handshake, takes the connection back from hyper, hands it over.

use std::sync::Arc;

use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Parts, Upgraded};
use hyper_util::rt::TokioIo;
use tandem_actors::{Arrival, Speaks};
use tandem_model::{DocumentName, Place};
use tandem_protocol::refusal::Refusal;
use tracing::debug;
use warp::http::header::HeaderMap;
use warp::http::{Method, StatusCode};
use warp::path::FullPath;
use warp::{Filter, Rejection};

use super::handshake::Handshake;
use super::problem::Problem;
use super::route::{Route, only, shared};
use super::service::Context;
use super::socket::Guarded;
use super::{Edge, Response, address};

const YJS: &str = "/yjs/";

/// What comes with a handshake.
struct Asked {
    headers: HeaderMap,
    query: Option<String>,
    upgrade: Option<OnUpgrade>,
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
        .map(|headers, query, upgrade, context| Asked { headers, query, upgrade, context })
}

/// Answers the handshake. A credential that is wrong is no reason to refuse it: the session says so, and for good.
fn upgrade(edge: &Arc<Edge>, asked: Asked, speaks: impl FnOnce(Option<String>) -> Speaks) -> Result<Response, Problem> {
    let handshake = Handshake::read(&asked.headers)?;
    asked.context.caller.check()?;
    let Some(upgrade) = asked.upgrade else {
        return Err(Problem::bad_request("bad-handshake", "this connection cannot be upgraded"));
    };
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
    tokio::spawn(hand_over(edge.clone(), upgrade, speaks, place));
    Ok(handshake.answer())
}

async fn hand_over(edge: Arc<Edge>, upgrade: OnUpgrade, speaks: Speaks, place: Place) {
    match upgrade.await {
        Ok(upgraded) => match taken_back(upgraded) {
            Some((io, early)) => edge.backend.accept(Arrival { io, early, speaks, place }),
            None => tracing::error!("an upgraded connection is not the one that was accepted"),
        },
        Err(error) => debug!(%error, "a client left during its upgrade"),
    }
}

/// The socket itself and what was read of it too early. The early bytes are copied: as they are they would pin hyper's
/// whole buffer while the socket lives.
fn taken_back(upgraded: Upgraded) -> Option<(super::Socket, Bytes)> {
    let Parts { io, read_buf, .. } = upgraded.downcast::<TokioIo<Guarded>>().ok()?;
    Some((io.into_inner().into_inner(), Bytes::copy_from_slice(&read_buf)))
}
