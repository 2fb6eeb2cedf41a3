//! `DELETE /api/v1/documents/{name}`.

use std::sync::Arc;
use std::time::SystemTime;

use tandem_actors::DeleteError;
use tandem_model::{Authority, Denied, DocumentName, Right};
use tracing::warn;
use warp::Filter;
use warp::http::header::{AUTHORIZATION, HeaderMap};
use warp::http::{Method, StatusCode};
use warp::path::Tail;

use super::problem::Problem;
use super::route::{Route, only, shared};
use super::{Edge, Response};

/// The route.
pub fn routes(edge: &Arc<Edge>) -> Route {
    warp::path!("api" / "v1" / "documents" / ..)
        .and(warp::path::tail())
        .and(only(Method::DELETE, "DELETE"))
        .and(shared(edge))
        .and(warp::header::headers_cloned())
        .then(|name: Tail, edge: Arc<Edge>, headers: HeaderMap| async move {
            delete(&edge, name.as_str(), &headers, SystemTime::now()).await.unwrap_or_else(Response::from)
        })
        .boxed()
}

async fn delete(edge: &Edge, name: &str, headers: &HeaderMap, now: SystemTime) -> Result<Response, Problem> {
    let name =
        DocumentName::from_path(name).map_err(|error| Problem::bad_request("bad-document-name", error.to_string()))?;
    let token = bearer(headers).ok_or_else(|| {
        Problem::unauthorized("unauthorized", "this needs a bearer token in the header Authorization")
    })?;
    let grant = edge.tokens.grant(token, &name, now).await.map_err(|denied| match denied {
        Denied::Unauthenticated => Problem::unauthorized("unauthorized", "the token cannot be believed"),
        Denied::Expired => Problem::unauthorized("token-expired", "the token has expired"),
        Denied::Forbidden => Problem::no_document(),
    })?;
    if grant.right < Right::Owner {
        return Err(Problem::no_document());
    }
    edge.backend.delete(&name).await.map_err(|error| match error {
        DeleteError::Absent => Problem::no_document(),
        DeleteError::Unavailable(reason) => {
            warn!(document = %name, reason, "a document cannot be deleted");
            Problem::unavailable("unavailable", "the document cannot be deleted now", 5)
        }
    })?;
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// The token of `Authorization: Bearer …`.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
