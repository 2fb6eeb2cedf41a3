//! Which tokens a socket is given to, driven through y-websocket's own way in.

use std::time::{Duration, SystemTime};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::{Request, SECRET, Server, Socket};

fn seconds(from_now: i64) -> i64 {
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    i64::try_from(now).expect("a small number") + from_now
}

fn signed(algorithm: Algorithm, claims: &Value, secret: &str) -> String {
    encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).expect("it signs")
}

/// Offers a token as y-websocket does with `protocols: ['tandem', token]`.
fn open(server: &Server, document: &str, token: &str) -> Socket {
    let offered = if token.is_empty() { String::new() } else { format!("tandem, {token}") };
    let request = Request::upgrade(&format!("/yjs/{document}")).with("Sec-WebSocket-Protocol", &offered);
    server.socket(request).expect("no credential fails an upgrade")
}

/// What became of it: "in", or the reason of its close.
fn outcome(server: &Server, document: &str, token: &str) -> String {
    let mut socket = open(server, document, token);
    match socket.frame() {
        Some((8, payload)) => {
            let code = u16::from_be_bytes([payload[0], payload[1]]);
            format!("{code} {}", String::from_utf8_lossy(&payload[2..]))
        }
        Some((2, payload)) if payload.starts_with(&[0, 0]) => "in".into(),
        other => panic!("neither let in nor closed: {other:?}"),
    }
}

#[test]
fn tokens_are_believed_only_when_all_is_right() {
    let server = Server::start();
    let good = json!({"sub": "ann", "name": "Ann", "exp": seconds(600)});
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let hs256 = |claims: &Value| signed(Algorithm::HS256, claims, SECRET);
    let (head, signature) = hs256(&good).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("parts");
    let (_, body) = head.split_once('.').expect("parts");
    for (what, token, expected) in [
        ("a good one", hs256(&good), "in"),
        ("none", String::new(), "4401 permission-denied"),
        ("noise", "abc".into(), "4401 permission-denied"),
        ("expired within the leeway", hs256(&with("exp", seconds(-1).into())), "in"),
        ("expired", hs256(&with("exp", seconds(-60).into())), "4401 token-expired"),
        ("not yet good", hs256(&with("nbf", seconds(60).into())), "4401 permission-denied"),
        ("without an end", hs256(&json!({"sub": "ann"})), "4401 permission-denied"),
        ("without a subject", hs256(&json!({"exp": seconds(600)})), "4401 permission-denied"),
        ("for an audience", hs256(&with("aud", "other".into())), "4401 permission-denied"),
        ("another algorithm", signed(Algorithm::HS512, &good, SECRET), "4401 permission-denied"),
        (
            "another secret",
            signed(Algorithm::HS256, &good, "not the secret of this server at all"),
            "4401 permission-denied",
        ),
        // {"alg":"none","typ":"JWT"}
        ("no algorithm", format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}."), "4401 permission-denied"),
        (
            "a changed signature",
            format!("{head}.{}", signature.chars().rev().collect::<String>()),
            "4401 permission-denied",
        ),
        ("no right here", hs256(&with("rooms", json!({"other": "owner"}))), "4403 permission-denied"),
        ("a right here", hs256(&with("rooms", json!({"notes": "viewer"}))), "in"),
        ("a right by prefix", hs256(&with("rooms", json!({"no*": "viewer"}))), "in"),
        ("no such right", hs256(&with("rooms", json!({"notes": "king"}))), "4401 permission-denied"),
    ] {
        assert_eq!(outcome(&server, "notes", &token), expected, "{what}");
    }
}

#[test]
fn issuer_and_audience_are_demanded_where_they_are_configured() {
    let server = Server::with(&[("TANDEM__AUTH__ISSUER", "us"), ("TANDEM__AUTH__AUDIENCE", "tandem")]);
    for (iss, aud, expected) in [
        (Some("us"), Some("tandem"), "in"),
        (None, Some("tandem"), "4401 permission-denied"),
        (Some("us"), None, "4401 permission-denied"),
        (Some("them"), Some("tandem"), "4401 permission-denied"),
        (Some("us"), Some("other"), "4401 permission-denied"),
    ] {
        let mut claims = json!({"sub": "ann", "exp": seconds(600)});
        for (name, value) in [("iss", iss), ("aud", aud)] {
            if let Some(value) = value {
                claims[name] = value.into();
            }
        }
        let token = signed(Algorithm::HS256, &claims, SECRET);
        assert_eq!(outcome(&server, "notes", &token), expected, "{claims}");
    }
}

#[test]
fn a_token_without_rooms_gives_nothing_in_production() {
    let server = Server::with(&[("TANDEM_ENV", "production")]);
    assert_eq!(outcome(&server, "notes", &server.token(&["--sub", "ann"])), "4403 permission-denied");
    assert_eq!(outcome(&server, "notes", &server.token(&["--sub", "ann", "--room", "notes=viewer"])), "in");
    assert_eq!(outcome(&server, "notes", &server.token(&["--sub", "ann", "--right", "viewer"])), "in");
}

#[test]
fn rights_are_checked_on_the_name_that_was_decoded_once() {
    let server = Server::start();
    let token = server.token(&["--sub", "ann", "--room", "a b/c=viewer", "--room", "x%20y=viewer"]);
    for (path, expected) in [
        ("a%20b/c", "in"),
        ("a%20b%2Fc", "in"),
        ("a%2520b/c", "4403 permission-denied"),
        ("x%2520y", "in"),
        ("x%20y", "4403 permission-denied"),
    ] {
        assert_eq!(outcome(&server, path, &token), expected, "{path}");
    }
}

#[test]
fn tokens_come_in_urls_only_where_that_is_allowed() {
    for (environment, expected) in [("development", true), ("production", false)] {
        let server = Server::with(&[("TANDEM_ENV", environment)]);
        let token = server.token(&["--sub", "ann", "--right", "viewer"]);
        let mut socket = server.socket(Request::upgrade(&format!("/yjs/notes?token={token}"))).expect("upgraded");
        if expected {
            assert!(socket.message(0).starts_with(&[0, 0]));
        } else {
            assert_eq!(socket.closed().0, 4401);
        }
        let bearer = Request::upgrade("/yjs/notes").with("Authorization", &format!("Bearer {token}"));
        assert!(server.socket(bearer).expect("upgraded").message(0).starts_with(&[0, 0]), "{environment}");
    }
}

#[test]
fn queries_are_never_logged() {
    let mut server = Server::with(&[("LOG_LEVEL", "trace")]);
    let mut socket = server.socket(Request::upgrade("/yjs/notes?token=hunter2")).expect("upgraded");
    assert_eq!(socket.closed().0, 4401);
    server.get("/?doc=hunter2");
    server.get("/nothing?key=hunter2");
    server.signal("TERM");
    let (_, log) = server.ended();
    assert!(log.contains("answered"), "{log}");
    let found: Vec<_> = log.lines().filter(|line| line.contains("hunter2")).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_guest_gets_a_token_of_their_own_that_ends() {
    let server = Server::with(&[("TANDEM__AUTH__GUEST_SECONDS", "1"), ("TANDEM__AUTH__LEEWAY_SECONDS", "0")]);
    let guest = || {
        let answer = server.send(&Request::new("POST", "/api/v1/auth/guest").json("{\"name\":\" Ann \"}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        answer.json()
    };
    let (first, second) = (guest(), guest());
    assert_eq!(first["name"], "Ann");
    assert!(first["subject"].as_str().expect("text").starts_with("guest-"));
    assert_ne!(first["subject"], second["subject"]);
    let token = first["token"].as_str().expect("text");
    let expires = humantime::parse_rfc3339(first["expires_at"].as_str().expect("text")).expect("RFC 3339");
    assert!(expires <= SystemTime::now() + Duration::from_secs(1));
    // It was let in or had ended already; in the end it is out.
    assert_eq!(open(&server, "notes", token).closed(), (4401, "token-expired".into()));
    let production = Server::with(&[("TANDEM_ENV", "production")]);
    let refused = production.send(&Request::new("POST", "/api/v1/auth/guest").json("{\"name\":\"Ann\"}"));
    refused.assert_problem(403, "guests-off");
}

#[test]
fn a_guest_who_brings_a_token_that_holds_stays_who_they_are() {
    let server = Server::start();
    let asks = |token: &str| {
        let request = Request::new("POST", "/api/v1/auth/guest").json("{\"name\":\"Ann\"}");
        let answer = server.send(&request.with("Authorization", &format!("Bearer {token}")));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["subject"].as_str().expect("text").to_owned()
    };
    let hs256 = |claims: &Value| signed(Algorithm::HS256, claims, SECRET);
    let guest = |since, exp| hs256(&json!({"sub": "guest-ann", "exp": seconds(exp), "guest_since": seconds(since)}));
    let days = 24 * 3_600;
    assert_eq!(asks(&guest(-29 * days, 600)), "guest-ann");
    for (what, token) in [
        ("one that has ended", guest(0, -600)),
        ("one who has been the same for long enough", guest(-31 * days, 600)),
        ("somebody who is no guest", hs256(&json!({"sub": "guest-ann", "exp": seconds(600)}))),
        ("noise", "noise".into()),
    ] {
        let subject = asks(&token);
        assert!(subject.starts_with("guest-") && subject != "guest-ann", "{what}: {subject}");
    }
    let first = server.send(&Request::new("POST", "/api/v1/auth/guest").json("{\"name\":\"Ann\"}")).json();
    assert_eq!(asks(first["token"].as_str().expect("text")), first["subject"], "what is minted here is renewed");
}
