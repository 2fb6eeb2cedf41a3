//! What the areas build their routes from.

use std::sync::Arc;

use warp::filters::BoxedFilter;
use warp::http::Method;
use warp::reject::Reject;
use warp::{Filter, Rejection, Reply};

use super::problem::Problem;
use super::{Edge, Response, documents, guest, health, pages, upgrade};

/// The path is known and does not take the request's method.
#[derive(Debug)]
struct NotAllowed(&'static str);

impl Reject for NotAllowed {}

/// A route of an area.
pub type Route = BoxedFilter<(Response,)>;

/// Lets one method through; `allow` is what a refusal tells. HEAD comes here as GET.
pub fn only(method: Method, allow: &'static str) -> impl Filter<Extract = (), Error = Rejection> + Clone {
    warp::method()
        .and_then(move |asked: Method| {
            let fits = asked == method;
            async move { if fits { Ok(()) } else { Err(warp::reject::custom(NotAllowed(allow))) } }
        })
        .untuple_one()
}

/// Gives a handler what all handlers share.
pub fn shared(
    edge: &Arc<Edge>,
) -> impl Filter<Extract = (Arc<Edge>,), Error = std::convert::Infallible> + Clone + use<> {
    let edge = edge.clone();
    warp::any().map(move || edge.clone())
}

/// All routes, the most used first, each boxed: unboxed they do not compile in minutes.
pub fn all(edge: &Arc<Edge>) -> Route {
    let routes = upgrade::routes(edge)
        .or(health::routes(edge))
        .unify()
        .boxed()
        .or(guest::routes(edge))
        .unify()
        .boxed()
        .or(documents::routes(edge))
        .unify()
        .boxed()
        .or(pages::routes(edge))
        .unify()
        .boxed();
    #[cfg(feature = "failpoints")]
    let routes = routes.or(super::failpoints::routes()).unify().boxed();
    routes.recover(refused).unify().boxed()
}

async fn refused(rejection: Rejection) -> Result<Response, std::convert::Infallible> {
    let problem = match rejection.find::<NotAllowed>() {
        Some(NotAllowed(allow)) => Problem::method(allow),
        None => Problem::not_found(),
    };
    Ok(Response::from(problem).into_response())
}
