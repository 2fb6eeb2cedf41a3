//! The security headers stand on every answer, errors included.

use crate::support::{Answer, Request, Server};

fn assert_secure(what: &str, answer: &Answer) {
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-xss-protection", "0"),
    ] {
        assert_eq!(answer.header(name), value, "{what}: {name}: {answer:?}");
    }
    let policy = answer.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"),
        "{what}: {policy}"
    );
    assert!(!policy.contains("unsafe"), "{what}: {policy}");
    assert!(answer.header("permissions-policy").contains("camera=()"), "{what}");
    assert!(!answer.header("cache-control").is_empty(), "{what}");
    assert_eq!(answer.header("strict-transport-security"), "", "{what}: there is no TLS here");
    assert_eq!(answer.header("server"), "", "{what}");
}

#[test]
fn every_answer_carries_the_security_headers() {
    let server = Server::start();
    let guest = || Request::new("POST", "/api/v1/auth/guest");
    for (what, request, status) in [
        ("the page", Request::new("GET", "/"), 200),
        ("HEAD", Request::new("HEAD", "/"), 200),
        ("health", Request::new("GET", "/health"), 200),
        ("live", Request::new("GET", "/health/live"), 200),
        ("ready", Request::new("GET", "/health/ready"), 200),
        ("metrics", Request::new("GET", "/metrics"), 200),
        ("a guest", guest().json("{\"name\":\"Ann\"}"), 200),
        ("nothing", Request::new("GET", "/nothing"), 404),
        ("no asset", Request::new("GET", "/assets/gone.js"), 404),
        ("another method", Request::new("DELETE", "/health"), 405),
        ("too much", guest().json(&format!("{{\"name\":\"{}\"}}", "a".repeat(70_000))), 413),
        ("no token", Request::new("DELETE", "/api/v1/documents/a"), 401),
        ("another host", Request::new("GET", "/").with("Host", "evil.example"), 403),
        ("no upgrade", Request::new("GET", "/yjs/a"), 426),
        ("a refused upgrade", Request::upgrade("/yjs/a").with("Origin", "https://evil.example"), 403),
    ] {
        let answer = match what {
            // Its connection stays open, so that it is read by its length.
            "a refused upgrade" => server.socket(request).expect_err("refused"),
            _ => server.send(&request),
        };
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        assert_secure(what, &answer);
    }
}

#[test]
fn errors_are_problems_with_a_stable_code() {
    let server = Server::start();
    let guest = || Request::new("POST", "/api/v1/auth/guest");
    server.get("/nothing").assert_problem(404, "not-found");
    server.get("/index.html").assert_problem(404, "not-found");
    server.get("/assets/gone-1.js").assert_problem(404, "not-found");
    let wrong = server.send(&Request::new("DELETE", "/health"));
    wrong.assert_problem(405, "method-not-allowed");
    assert_eq!(wrong.header("allow"), "GET, HEAD");
    let wrong = server.get("/api/v1/auth/guest");
    wrong.assert_problem(405, "method-not-allowed");
    assert_eq!(wrong.header("allow"), "POST");
    server.send(&Request::new("POST", "/")).assert_problem(405, "method-not-allowed");
    server.send(&guest().json("{")).assert_problem(400, "bad-body");
    server.send(&guest().json("{\"name\":\"\"}")).assert_problem(400, "bad-name");
    server.send(&guest().json("{\"name\":\"a\",\"admin\":true}")).assert_problem(400, "bad-body");
    let plain = guest().json("{\"name\":\"Ann\"}").with("Content-Type", "text/plain");
    server.send(&plain).assert_problem(415, "unsupported-media-type");
    server.send(&guest().json(&"a".repeat(70_000))).assert_problem(413, "too-large");
    let upgrade = server.get("/yjs/a");
    upgrade.assert_problem(426, "upgrade-required");
    assert_eq!(upgrade.header("upgrade"), "websocket");
}

#[test]
fn the_page_may_reach_its_own_sockets_and_nothing_else() {
    let server = Server::start();
    let policy = server.get("/").header("content-security-policy").to_owned();
    let host = server.address;
    let connect = format!("connect-src 'self' ws://{host} wss://{host};");
    assert!(policy.contains(&connect) && policy.contains("script-src 'self';"), "{policy}");
}
