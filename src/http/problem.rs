//! Errors as RFC 9457 problem details, each with a stable `code`.

use serde_json::json;
use tandem_protocol::refusal::Refusal;
use warp::http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use warp::http::{self, StatusCode};

use super::Response;

/// An answer that says what is wrong.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem with the stable `code`, explained for people by `detail`.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), headers: Vec::new() }
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// A refusal of the protocols' table that is told before an upgrade; counted with the others.
    #[must_use]
    pub fn refused(status: StatusCode, refusal: Refusal, detail: impl Into<String>) -> Self {
        tandem_actors::refusals::count(refusal);
        Self::new(status, refusal.code(), detail)
    }

    /// There is nothing here.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "there is nothing here")
    }

    /// There is no such document, or the credential gives no right to know it: one answer.
    #[must_use]
    pub fn no_document() -> Self {
        Self::new(StatusCode::NOT_FOUND, "document-not-found", "there is no such document, or it is not yours")
    }

    /// The path takes other methods.
    #[must_use]
    pub fn method(allow: &'static str) -> Self {
        let detail = format!("this takes {allow}");
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail);
        problem.with(ALLOW, HeaderValue::from_static(allow))
    }

    /// Something is wrong with the request.
    #[must_use]
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// A bearer token is needed.
    #[must_use]
    pub fn unauthorized(code: &'static str, detail: &'static str) -> Self {
        let problem = Self::new(StatusCode::UNAUTHORIZED, code, detail);
        problem.with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// Not now: try again in `seconds`.
    #[must_use]
    pub fn unavailable(code: &'static str, detail: impl Into<String>, seconds: u32) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(seconds)
    }

    /// The same for a client that should try again in `seconds`.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        self.with(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The stable code.
    #[cfg(test)]
    pub fn code(&self) -> &'static str {
        self.code
    }
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        let body = json!({
            "type": "about:blank",
            "title": problem.status.canonical_reason().unwrap_or("Error"),
            "status": problem.status.as_u16(),
            "code": problem.code,
            "detail": problem.detail,
        });
        let mut response = http::Response::new(body.to_string().into());
        *response.status_mut() = problem.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        for (name, value) in problem.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}
