//! Other origins: which may call, and what they are told.

use tandem_protocol::refusal::Refusal;
use warp::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use warp::http::{Method, StatusCode};

use super::Response;
use super::hosts::{Host, Origin};
use super::problem::Problem;

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Who calls, as far as a browser says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// No browser, or a page's plain navigation: there is no `Origin`.
    Unnamed,
    /// A page of this host.
    Own,
    /// A page of an origin that the configuration lists; the header to echo.
    Listed(HeaderValue),
    /// A page of any other origin, or an opaque one.
    Foreign,
}

impl Caller {
    /// Reads the `Origin` header.
    pub fn of(headers: &HeaderMap, host: &Host, listed: &[Origin]) -> Self {
        let mut origins = headers.get_all(ORIGIN).into_iter();
        let Some(header) = origins.next() else { return Self::Unnamed };
        let parsed = header.to_str().ok().and_then(|text| text.parse::<Origin>().ok());
        match parsed {
            Some(_) if origins.next().is_some() => Self::Foreign,
            Some(origin) if origin.is_of(host) => Self::Own,
            Some(origin) if listed.contains(&origin) => Self::Listed(header.clone()),
            _ => Self::Foreign,
        }
    }

    /// Refuses pages of other origins.
    ///
    /// # Errors
    /// The refusal, for [`Caller::Foreign`].
    pub fn check(&self) -> Result<(), Problem> {
        match self {
            Self::Foreign => Err(Problem::refused(
                StatusCode::FORBIDDEN,
                Refusal::OriginRefused,
                "pages of this origin may not call: server.cors_origins (CORS_ORIGINS) lists those that may",
            )),
            _ => Ok(()),
        }
    }

    /// The answer to a preflight request, if this is one from an origin that may call.
    pub fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        let asks = *method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !asks || !matches!(self, Self::Own | Self::Listed(_)) {
            return None;
        }
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        for (name, value) in [
            (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT, PATCH, DELETE"),
            (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, idempotency-key"),
            (ACCESS_CONTROL_MAX_AGE, "600"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        Some(response)
    }

    /// Tells the browser that the page may read the answer. Never with credentials: tokens are sent by hand.
    pub fn tell(&self, headers: &mut HeaderMap) {
        headers.append(VARY, HeaderValue::from_name(ORIGIN));
        if let Self::Listed(origin) = self {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
        }
    }
}
