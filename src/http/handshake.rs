//! The opening handshake of a WebSocket, as rules on headers.

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use warp::http::StatusCode;
use warp::http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};

use super::Response;
use super::documents::bearer;
use super::problem::Problem;

/// The subprotocol that we speak; beside it a y-websocket offers its token.
const OURS: &str = "tandem";

/// A handshake that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    accept: String,
    protocol: Option<String>,
    offered_token: Option<String>,
}

impl Handshake {
    /// Checks what RFC 6455 demands.
    ///
    /// # Errors
    /// 426 for what is no upgrade to version 13, 400 for one without a valid key.
    pub fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        if !lists(headers, CONNECTION, "upgrade") || !lists(headers, UPGRADE, "websocket") {
            return Err(upgrade_required("this speaks WebSocket"));
        }
        if headers.get(SEC_WEBSOCKET_VERSION).map(HeaderValue::as_bytes) != Some(b"13") {
            let version = HeaderValue::from_static("13");
            return Err(upgrade_required("this speaks version 13").with(SEC_WEBSOCKET_VERSION, version));
        }
        let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).filter(|key| is_key(key));
        let Some(key) = key else {
            return Err(Problem::bad_request("bad-handshake", "Sec-WebSocket-Key is not 16 bytes in base64"));
        };
        let offered: Vec<&str> = items(headers, SEC_WEBSOCKET_PROTOCOL).collect();
        let ours = offered.contains(&OURS);
        Ok(Self {
            accept: derive_accept_key(key),
            // Browsers refuse an answer that selects none of what they offered.
            protocol: if ours { Some(OURS) } else { offered.first().copied() }.map(Into::into),
            offered_token: offered.iter().find(|item| ours && **item != OURS).map(|token| (*token).to_owned()),
        })
    }

    /// The token that came with the handshake: as a subprotocol, as a bearer, or in the query where that is allowed.
    pub fn token(&self, headers: &HeaderMap, query: Option<&str>) -> Option<String> {
        self.offered_token
            .clone()
            .or_else(|| bearer(headers).map(Into::into))
            .or_else(|| query.and_then(query_token))
            .filter(|token| !token.is_empty())
    }

    /// The answer that switches protocols.
    pub fn answer(&self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        let values = [(SEC_WEBSOCKET_ACCEPT, Some(&self.accept)), (SEC_WEBSOCKET_PROTOCOL, self.protocol.as_ref())];
        for (name, value) in values {
            // Both came from header values, so they are header values.
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
        response
    }
}

fn upgrade_required(detail: &'static str) -> Problem {
    Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade-required", detail)
        .with(UPGRADE, HeaderValue::from_static("websocket"))
        .with(CONNECTION, HeaderValue::from_static("upgrade"))
}

/// The items of a comma list, over all lines of that header.
fn items(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|item| !item.is_empty())
}

fn lists(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    items(headers, name).any(|item| item.eq_ignore_ascii_case(wanted))
}

/// Whether it is the base64 of 16 bytes: 22 digits, the last of which carries two bits, and two signs of filling.
fn is_key(key: &[u8]) -> bool {
    let digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == 24 && key.ends_with(b"==") && key[..22].iter().all(digit) && b"AQgw".contains(&key[21])
}

/// The first `token` of a query, its escapes decoded once.
fn query_token(query: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("token="))?;
    if !value.contains('%') {
        return Some(value.to_owned());
    }
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = tail.get(..2).filter(|_| *first == b'%').and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = escape.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(changes: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let base = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        for (name, value) in base.iter().chain(changes) {
            headers.remove(*name);
            if !value.is_empty() {
                headers.insert(*name, value.parse().expect("a header value"));
            }
        }
        headers
    }

    #[test]
    fn the_example_of_the_rfc_is_answered_as_it_says() {
        let answer = Handshake::read(&request(&[])).expect("a handshake").answer();
        assert_eq!(answer.status(), 101);
        assert_eq!(answer.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(!answer.headers().contains_key("sec-websocket-protocol"));
    }

    #[test]
    fn what_is_no_handshake_is_refused_with_its_code() {
        for (name, value, code) in [
            ("connection", "keep-alive", "upgrade-required"),
            ("connection", "", "upgrade-required"),
            ("connection", "notupgrade", "upgrade-required"),
            ("upgrade", "h2c", "upgrade-required"),
            ("sec-websocket-version", "8", "upgrade-required"),
            ("sec-websocket-version", "", "upgrade-required"),
            ("sec-websocket-key", "", "bad-handshake"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ", "bad-handshake"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZR==", "bad-handshake"),
            ("sec-websocket-key", "dGhl IHNhbXBsZSBub25jZ==", "bad-handshake"),
        ] {
            let refused = Handshake::read(&request(&[(name, value)])).expect_err(value);
            assert_eq!(refused.code(), code, "{name}: {value}");
        }
    }

    #[test]
    fn one_of_the_offered_subprotocols_is_selected_and_ours_brings_a_token() {
        for (offered, selected, token) in [
            ("tandem, abc", Some("tandem"), Some("abc")),
            ("abc,tandem", Some("tandem"), Some("abc")),
            ("tandem", Some("tandem"), None),
            ("other, third", Some("other"), None),
            ("", None, None),
        ] {
            let handshake = Handshake::read(&request(&[("sec-websocket-protocol", offered)])).expect("a handshake");
            assert_eq!(handshake.protocol.as_deref(), selected, "{offered}");
            assert_eq!(handshake.token(&HeaderMap::new(), None).as_deref(), token, "{offered}");
        }
    }

    #[test]
    fn a_token_is_looked_for_in_the_subprotocol_then_the_bearer_then_the_query() {
        let all = request(&[("sec-websocket-protocol", "tandem, one"), ("authorization", "Bearer two")]);
        let bearer = request(&[("authorization", "bearer two")]);
        let none = request(&[]);
        let token = |headers: &HeaderMap, query| Handshake::read(headers).expect("a handshake").token(headers, query);
        assert_eq!(token(&all, Some("token=three")).as_deref(), Some("one"));
        assert_eq!(token(&bearer, Some("token=three")).as_deref(), Some("two"));
        assert_eq!(token(&none, Some("a=b&token=th%72ee&token=four")).as_deref(), Some("three"));
        assert_eq!(token(&none, Some("token=")), None);
        assert_eq!(token(&none, Some("xtoken=a")), None);
        assert_eq!(token(&none, Some("token=%ff")), None);
        assert_eq!(token(&none, Some("token=100%")).as_deref(), Some("100%"));
        assert_eq!(token(&none, None), None);
    }
}
