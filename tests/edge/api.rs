//! Health, metrics, and the deletion of documents.

use crate::support::{Request, Server, Socket, frame};

/// An Update by client 1 that inserts "hi" into the text "t", as y-websocket sends it.
const EDIT: [u8; 18] = [0, 2, 15, 1, 1, 1, 0, 4, 1, 1, b't', 2, b'h', b'i', 0, 0, 0, 0];

#[test]
fn health_names_version_and_dependencies() {
    let server = Server::start();
    for path in ["/health", "/api/health"] {
        let answer = server.get(path);
        assert_eq!(answer.status, 200);
        let body = answer.json();
        assert_eq!(
            (&body["status"], &body["version"]),
            (&"serving".into(), &env!("CARGO_PKG_VERSION").into()),
            "{body}"
        );
        assert_eq!(body["dependencies"]["store"]["status"], "up", "{body}");
        assert!(body["dependencies"]["store"]["latency_ms"].is_f64(), "{body}");
        assert!(body["node"]["sessions"].is_u64(), "{body}");
    }
    assert_eq!(server.get("/health/live").json()["status"], "live");
    assert_eq!(server.get("/health/ready").json()["status"], "ready");
}

#[test]
fn metrics_are_real_histograms() {
    let server = Server::start();
    server.get("/");
    let metrics = server.get("/metrics");
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = metrics.text();
    for line in [
        "tandem_http_requests_total{area=\"page\",status=\"2xx\"} 1",
        "# TYPE tandem_http_request_seconds histogram",
        "tandem_http_request_seconds_bucket{area=\"page\",le=\"10\"} 1",
        "tandem_http_request_seconds_count{area=\"page\"} 1",
        "tandem_http_connections ",
    ] {
        assert!(text.contains(line), "{line:?} is not in {text}");
    }
}

fn delete(server: &Server, name: &str, token: &str) -> crate::support::Answer {
    let bearer = if token.is_empty() { String::new() } else { format!("Bearer {token}") };
    server.send(&Request::new("DELETE", &format!("/api/v1/documents/{name}")).with("Authorization", &bearer))
}

/// Writes the document, and waits until it is there.
fn write(server: &Server, name: &str) -> Socket {
    let token = server.token(&["--sub", "ann"]);
    let request = Request::upgrade(&format!("/yjs/{name}")).with("Sec-WebSocket-Protocol", &format!("tandem, {token}"));
    let mut edit = EDIT.to_vec();
    // The update's own length, without the three bytes before it.
    edit[2] = u8::try_from(EDIT.len() - 3).expect("short");
    let early = [frame(&edit), frame(&[0, 0, 1, 0])].concat();
    let mut socket = Socket::open_with(server.address, &request, &early).expect("upgraded");
    // The answer to the question that follows the edit holds it.
    loop {
        let message = socket.message(0);
        if message[1] == 1 && message.windows(2).any(|pair| pair == b"hi") {
            return socket;
        }
    }
}

#[test]
fn an_owner_deletes_a_document_and_who_has_it_open_is_told() {
    let server = Server::start();
    let owner = server.token(&["--sub", "olga", "--room", "team/notes=owner"]);
    let mut open = write(&server, "team/notes");
    for (what, token) in [("an editor", ["--sub", "ed"]), ("another", ["--sub", "eve"])] {
        let token = server.token(&token);
        delete(&server, "team%2Fnotes", &token).assert_problem(404, "document-not-found");
        assert_eq!(delete(&server, "never-there", &token).status, 404, "{what} cannot tell the two apart");
    }
    let gone = delete(&server, "team/notes", &owner);
    assert_eq!((gone.status, gone.body.len()), (204, 0), "{gone:?}");
    assert_eq!(open.closed(), (4410, "deleted".into()));
    delete(&server, "team/notes", &owner).assert_problem(404, "document-not-found");
}

#[test]
fn a_deletion_needs_a_token_and_a_name() {
    let server = Server::start();
    let refused = delete(&server, "notes", "");
    refused.assert_problem(401, "unauthorized");
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    delete(&server, "notes", "noise").assert_problem(401, "unauthorized");
    let owner = server.token(&["--sub", "olga", "--right", "owner"]);
    delete(&server, "", &owner).assert_problem(400, "bad-document-name");
    delete(&server, "%00", &owner).assert_problem(400, "bad-document-name");
    delete(&server, "never-there", &owner).assert_problem(404, "document-not-found");
    let wrong = server.send(&Request::new("PUT", "/api/v1/documents/a"));
    wrong.assert_problem(405, "method-not-allowed");
    assert_eq!(wrong.header("allow"), "DELETE");
}
