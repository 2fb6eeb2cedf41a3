//! The page that is embedded in the binary.

mod encoding;
mod file;

use std::collections::HashMap;
use std::sync::Arc;

use warp::Filter;
use warp::http::Method;
use warp::http::header::{CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue, IF_NONE_MATCH};
use warp::path::FullPath;

use self::encoding::Accepted;
use self::file::{Built, File};
use super::problem::Problem;
use super::route::{Route, only, shared};
use super::service::Context;
use super::{Edge, Response, headers};

/// The built page; made by the build script.
const BUILT: &[Built] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// All files, by the path that they are served at.
pub struct Pages {
    files: HashMap<String, File>,
}

impl Pages {
    /// The page of this binary.
    #[must_use]
    pub fn embedded() -> Self {
        Self::of(BUILT)
    }

    fn of(built: &[Built]) -> Self {
        Self { files: built.iter().map(|built| (path_of(built.name), File::new(built))).collect() }
    }

    fn answer(&self, path: &str, request: &HeaderMap, context: &Context) -> Result<Response, Problem> {
        let file = self.files.get(path).ok_or_else(Problem::not_found)?;
        let accepted = Accepted::of(request);
        let variant = file.best(accepted);
        let known = request.get_all(IF_NONE_MATCH).into_iter().any(|tags| variant.is_among(tags));
        let mut response = if known { variant.not_modified() } else { variant.whole() };
        file.describe(response.headers_mut());
        if file.is_page() {
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, headers::policy_of_page(&context.host));
        }
        Ok(response)
    }
}

/// Only `/` is HTML's own; `index.html` has no second address.
fn path_of(name: &str) -> String {
    format!("/{}", if name == "index.html" { "" } else { name })
}

/// `/` and every other file of the page.
pub fn routes(edge: &Arc<Edge>) -> Route {
    warp::path::full()
        .and(known(edge))
        .and(only(Method::GET, "GET, HEAD"))
        .and(shared(edge))
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<Context>())
        .map(|path: FullPath, edge: Arc<Edge>, request: HeaderMap, context: Context| {
            edge.pages.answer(path.as_str(), &request, &context).unwrap_or_else(Response::from)
        })
        .boxed()
}

/// Passes paths of files only, so that others are not asked for their method.
fn known(edge: &Arc<Edge>) -> impl Filter<Extract = (), Error = warp::Rejection> + Clone + use<> {
    let edge = edge.clone();
    warp::path::full()
        .and_then(move |path: FullPath| {
            let known = edge.pages.files.contains_key(path.as_str());
            async move { if known { Ok(()) } else { Err(warp::reject::not_found()) } }
        })
        .untuple_one()
}

/// A header value that was made here.
fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests;
