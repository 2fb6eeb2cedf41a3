//! `POST /failpoints`: the test harness sets a place of the code to stop, delay or panic; in no shipped binary.

use bytes::Bytes;
use warp::Filter;
use warp::http::{Method, StatusCode};

use super::Response;
use super::problem::Problem;
use super::route::{Route, only};

/// The route; its body is `place=actions`, as in the variable `FAILPOINTS`.
pub fn routes() -> Route {
    warp::path!("failpoints")
        .and(only(Method::POST, "POST"))
        .and(warp::body::bytes())
        .map(|body: Bytes| set(&body).unwrap_or_else(Response::from))
        .boxed()
}

fn set(body: &[u8]) -> Result<Response, Problem> {
    let refused = |detail: String| Problem::bad_request("bad-failpoint", detail);
    let text = std::str::from_utf8(body).map_err(|error| refused(error.to_string()))?;
    let (place, actions) = text.split_once('=').ok_or_else(|| refused("place=actions".into()))?;
    fail::cfg(place, actions).map_err(refused)?;
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}
