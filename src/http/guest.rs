//! `POST /api/v1/auth/guest`: a token for whoever asks, where guests are allowed. A guest who brings the one before keeps
//! being the same.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;
use warp::http::header::{CONTENT_TYPE, HeaderMap};
use warp::http::{Method, StatusCode};
use warp::{Filter, Reply};

use super::documents::bearer;
use super::problem::Problem;
use super::route::{Route, only, shared};
use super::{Edge, Response};
use crate::auth::{Claims, numeric_date};

/// A guest stays the same for so long, in seconds, whatever tokens they bring: one that somebody else came by ends too.
const SAME_FOR: u64 = 30 * 24 * 3_600;

/// The longest name of a guest, in characters.
const NAME_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    name: String,
}

/// The route.
pub fn routes(edge: &Arc<Edge>) -> Route {
    warp::path!("api" / "v1" / "auth" / "guest")
        .and(only(Method::POST, "POST"))
        .and(shared(edge))
        .and(warp::header::headers_cloned())
        .and(warp::body::bytes())
        .map(|edge: Arc<Edge>, headers: HeaderMap, body: Bytes| {
            welcome(&edge, &headers, &body, SystemTime::now()).unwrap_or_else(Response::from)
        })
        .boxed()
}

fn welcome(edge: &Edge, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Result<Response, Problem> {
    let Some(lives) = edge.settings.guests_for else {
        let detail = "there are no guests here: auth.guests allows them";
        return Err(Problem::new(StatusCode::FORBIDDEN, "guests-off", detail));
    };
    let name = name(headers, body)?;
    let seconds = numeric_date(now).unwrap_or(0);
    let (subject, since) = known(edge, headers, now, seconds)
        .unwrap_or_else(|| (format!("guest-{:032x}", rand::random::<u128>()), seconds));
    let guest = Claims { guest_since: Some(since), ..Claims::about(&subject, Some(&name), None) };
    let minted = edge.tokens.mint(guest, lives, now).map_err(|error| {
        tracing::error!(%error, "no token for a guest");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the token could not be made")
    })?;
    let answer = json!({
        "token": minted.token.expose_secret(),
        "expires_at": humantime::format_rfc3339_seconds(minted.expires_at).to_string(),
        "subject": subject,
        "name": name,
    });
    Ok(warp::reply::json(&answer).into_response())
}

/// The guest whose token came with the request and still holds, and since when: who stays is the same person.
fn known(edge: &Edge, headers: &HeaderMap, now: SystemTime, seconds: u64) -> Option<(String, u64)> {
    let identity = edge.tokens.verify(bearer(headers)?, now).ok()?;
    let since = identity.guest_since.filter(|since| seconds < since.saturating_add(SAME_FOR))?;
    Some((identity.subject.as_str().to_owned(), since))
}

fn name(headers: &HeaderMap, body: &[u8]) -> Result<String, Problem> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let detail = "the body is application/json: {\"name\": \"Ada\"}";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail));
    }
    let asked: Asked = serde_json::from_slice(body)
        .map_err(|_| Problem::bad_request("bad-body", "the body is a JSON object with a name: {\"name\": \"Ada\"}"))?;
    let name = asked.name.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        let detail = format!("a name has 1 to {NAME_MAX} characters and no control characters");
        return Err(Problem::bad_request("bad-name", detail));
    }
    Ok(name.into())
}
