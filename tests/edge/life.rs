//! Start and stop.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{DEADLINE, Request, Server};

#[test]
fn the_start_says_what_it_does_and_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::within(folder, &[]);
    assert!(server.folder.path().join("data/tandem.db").is_file());
    server.signal("INT");
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("SIGINT: draining") && log.contains("drained"), "{log}");
}

#[test]
fn a_stop_closes_sockets_and_ends_with_0() {
    let mut server = Server::start();
    let token = server.token(&["--sub", "ann"]);
    let offered = format!("tandem, {token}");
    let mut yjs = server.socket(Request::upgrade("/yjs/a").with("Sec-WebSocket-Protocol", &offered)).expect("upgraded");
    yjs.message(0);
    let idle = TcpStream::connect(server.address).expect("it listens");
    server.signal("TERM");
    assert_eq!(yjs.closed(), (4503, "draining".into()));
    drop(yjs);
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    drop(idle);
}

#[test]
fn a_request_in_flight_is_finished() {
    let mut server = Server::start();
    let mut stream = TcpStream::connect(server.address).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let request =
        Request::new("POST", "/api/v1/auth/guest").with("Connection", "keep-alive").json("{\"name\":\"Ann\"}");
    let bytes = request.bytes(server.address);
    // "Expect" makes the server say that it waits for the body: the request is in flight from then on.
    let text = String::from_utf8(bytes).expect("text").replacen("\r\n", "\r\nExpect: 100-continue\r\n", 1);
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    stream.write_all(format!("{head}\r\n\r\n").as_bytes()).expect("it reads");
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).expect("an interim answer");
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    server.signal("TERM");
    server.logged("SIGTERM: draining");
    stream.write_all(body.as_bytes()).expect("it still reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer, then the end");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(0), "{log}");
}

/// A request in flight for good: the server has said that it waits for the body, and none comes.
fn request_without_its_body(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).expect("it listens");
    let request = Request::new("POST", "/api/v1/auth/guest").with("Content-Length", "9").with("Expect", "100-continue");
    stream.write_all(&request.bytes(server.address)).expect("it reads");
    stream.read_exact(&mut [0; 25]).expect("an interim answer");
    stream
}

#[test]
fn a_request_that_does_not_end_makes_the_stop_late() {
    let variables = [("TANDEM__SERVER__DRAIN_SECONDS", "1"), ("TANDEM__SERVER__BODY_SECONDS", "3600")];
    let mut server = Server::with(&variables);
    let _stream = request_without_its_body(&server);
    server.signal("TERM");
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(75), "{log}");
    assert!(log.contains("drained late") && log.contains("requests that did not end"), "{log}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server =
        Server::with(&[("TANDEM__SERVER__DRAIN_SECONDS", "3600"), ("TANDEM__SERVER__BODY_SECONDS", "3600")]);
    let _stream = request_without_its_body(&server);
    server.signal("TERM");
    server.logged("SIGTERM: draining");
    server.signal("TERM");
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(75), "{log}");
    assert!(log.contains("ending at once"), "{log}");
}
