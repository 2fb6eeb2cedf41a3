//! Which hosts are served, and which origins may call.

use crate::support::{Request, Server};

#[test]
fn only_hosts_that_are_allowed_are_served() {
    let server = Server::with(&[("ALLOWED_HOSTS", "Docs.example, other.example:8443")]);
    let own = format!("docs.example:{}", server.address.port());
    for (host, served) in [
        ("docs.example", true),
        ("DOCS.EXAMPLE:443", true),
        ("docs.example:80", true),
        (own.as_str(), true),
        ("other.example:8443", true),
        ("localhost:1", true),
        ("[::1]", true),
        ("127.0.0.2", true),
        ("docs.example:1", false),
        ("other.example", false),
        ("evil.example", false),
        ("docs.example.evil.example", false),
        ("localhost.evil.example", false),
        ("10.0.0.1", false),
    ] {
        let answer = server.send(&Request::new("GET", "/health/live").with("Host", host));
        if served {
            assert_eq!(answer.status, 200, "{host}");
        } else {
            answer.assert_problem(403, "host-refused");
        }
    }
    server.send(&Request::new("GET", "/").with("Host", "a b")).assert_problem(400, "bad-host");
    let text = "GET / HTTP/1.1\r\nHost: docs.example\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    crate::support::exchange(server.address, text.as_bytes()).assert_problem(400, "bad-host");
    crate::support::exchange(server.address, b"GET / HTTP/1.0\r\n\r\n").assert_problem(400, "bad-host");
}

#[test]
fn production_serves_listed_hosts_alone() {
    let variables = [("TANDEM_ENV", "production"), ("ALLOWED_HOSTS", "docs.example")];
    let server = Server::with(&variables);
    server.get("/health/live").assert_problem(403, "host-refused");
    let answer = server.send(&Request::new("GET", "/health/live").with("Host", "docs.example"));
    assert_eq!(answer.status, 200);
}

#[test]
fn an_upgrade_is_for_pages_of_this_host_and_of_listed_origins() {
    let server = Server::with(&[("CORS_ORIGINS", "https://app.example")]);
    let own = format!("http://{}", server.address);
    let shouted = own.to_uppercase();
    let neighbour = format!("http://127.0.0.1:{}", server.address.port() ^ 1);
    for (origin, allowed) in [
        ("", true),
        (own.as_str(), true),
        (shouted.as_str(), true),
        ("https://app.example", true),
        ("HTTPS://App.Example:443", true),
        ("http://app.example", false),
        ("https://app.example:8443", false),
        (neighbour.as_str(), false),
        ("https://evil.example", false),
        ("https://app.example.evil.example", false),
        ("null", false),
        ("nonsense", false),
    ] {
        for target in ["/yjs/a", "/hocuspocus"] {
            let opened = server.socket(Request::upgrade(target).with("Origin", origin));
            match (opened, allowed) {
                (Ok(_), true) => {}
                (Err(answer), false) => answer.assert_problem(403, "origin-refused"),
                (opened, _) => panic!("{target} from {origin:?}: {opened:?}"),
            }
        }
    }
    let metrics = server.get("/metrics").text();
    assert!(metrics.contains("tandem_refusals_total{reason=\"origin-refused\"} 14"), "{metrics}");
}

#[test]
fn a_host_that_is_not_allowed_gets_no_socket() {
    let server = Server::start();
    let refused = server.socket(Request::upgrade("/yjs/a").with("Host", "evil.example")).expect_err("refused");
    refused.assert_problem(403, "host-refused");
}

#[test]
fn listed_origins_may_read_the_api_and_no_others() {
    let server = Server::with(&[("CORS_ORIGINS", "https://app.example")]);
    let guest = |origin| {
        server.send(&Request::new("POST", "/api/v1/auth/guest").json("{\"name\":\"Ann\"}").with("Origin", origin))
    };
    let allowed = guest("https://app.example");
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(allowed.header("access-control-allow-credentials"), "");
    assert_eq!(allowed.header("vary"), "origin");
    let refused = guest("https://evil.example");
    refused.assert_problem(403, "origin-refused");
    assert_eq!(refused.header("access-control-allow-origin"), "");
    let preflight = |origin| {
        let request = Request::new("OPTIONS", "/api/v1/auth/guest").with("Origin", origin);
        server.send(&request.with("Access-Control-Request-Method", "POST"))
    };
    let allowed = preflight("https://app.example");
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example");
    assert!(allowed.header("access-control-allow-headers").contains("authorization"));
    assert_eq!(preflight("https://evil.example").header("access-control-allow-origin"), "");
}
