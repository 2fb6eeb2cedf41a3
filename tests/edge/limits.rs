//! What a stranger can cost.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use crate::support::{DEADLINE, Request, Server, exchange};

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address).expect("it listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    stream
}

/// Reads until the server closes; answers what came.
fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        Ok(_) => String::from_utf8_lossy(&all).into_owned(),
        Err(error) => panic!("the server does not close: {error}"),
    }
}

/// Waits until the server has counted a connection that was broken by this.
fn broken(server: &Server, by: &str) {
    let line = format!("tandem_http_connections_broken_total{{by=\"{by}\"}} ");
    let deadline = Instant::now() + DEADLINE;
    while !server.get("/metrics").text().contains(&line) {
        assert!(Instant::now() < deadline, "{by} is not counted");
    }
}

#[test]
fn a_client_that_never_ends_its_head_is_cut() {
    let server = Server::with(&[("TANDEM__SERVER__HEADER_SECONDS", "1")]);
    for sent in [&b""[..], b"GET / HTTP/1.1\r\nHost: loc"] {
        let since = Instant::now();
        let mut stream = connect(&server);
        stream.write_all(sent).expect("it reads");
        let answer = rest(&mut stream);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(since.elapsed() >= std::time::Duration::from_millis(900), "not before its time");
    }
    broken(&server, "header_seconds");
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let server = Server::with(&[("TANDEM__SERVER__BODY_SECONDS", "1")]);
    let mut stream = connect(&server);
    let request = Request::new("POST", "/api/v1/auth/guest").with("Content-Length", "100");
    stream.write_all(&request.bytes(server.address)).expect("it reads");
    stream.write_all(b"{").expect("it reads");
    let answer = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("\"code\":\"timeout\""), "{answer}");
}

#[test]
fn heads_and_bodies_beyond_their_bounds_are_refused() {
    let server = Server::start();
    let long = Request::new("GET", "/").with("X-Long", &"a".repeat(20_000));
    assert_eq!(exchange(server.address, &long.bytes(server.address)).status, 431);
    let chunked = Request::new("POST", "/api/v1/auth/guest").with("Transfer-Encoding", "chunked");
    let chunk = format!("{:x}\r\n{}\r\n", 40_000, "a".repeat(40_000));
    let bytes = [chunked.bytes(server.address), chunk.repeat(2).into_bytes(), b"0\r\n\r\n".to_vec()].concat();
    exchange(server.address, &bytes).assert_problem(413, "too-large");
    assert_eq!(exchange(server.address, b"nonsense\r\n\r\n").status, 400);
    broken(&server, "header_bytes");
    broken(&server, "no_http");
}

#[test]
fn connections_beyond_the_bound_are_told_so() {
    let server = Server::with(&[("TANDEM__SERVER__CONNECTIONS", "2")]);
    let (first, second) = (connect(&server), connect(&server));
    server.get("/health/live").assert_problem(503, "full");
    drop((first, second));
    let deadline = Instant::now() + DEADLINE;
    while server.get("/health/live").status != 200 {
        assert!(Instant::now() < deadline, "the connections do not come back");
    }
}

#[test]
fn a_socket_keeps_its_connection_counted() {
    let server = Server::with(&[("TANDEM__SERVER__CONNECTIONS", "1")]);
    let socket = server.socket(Request::upgrade("/hocuspocus")).expect("upgraded");
    server.get("/health/live").assert_problem(503, "full");
    drop(socket);
    let deadline = Instant::now() + DEADLINE;
    while server.get("/health/live").status != 200 {
        assert!(Instant::now() < deadline, "the connection does not come back");
    }
}

#[test]
fn a_reader_who_stands_still_is_cut() {
    let server = Server::with(&[("TANDEM__SERVER__WRITE_SECONDS", "1"), ("TANDEM__SERVER__CONNECTIONS", "1")]);
    let mut stream = connect(&server);
    let page = Request::new("GET", "/metrics").with("Connection", "keep-alive").bytes(server.address);
    // Far more than the buffers between the two can hold.
    stream.set_write_timeout(Some(DEADLINE)).expect("a timeout");
    let asked = (0..400_000).try_for_each(|_| stream.write_all(&page));
    assert!(asked.is_err(), "the server reads on though nobody reads its answers");
    let deadline = Instant::now() + DEADLINE;
    while server.get("/health/live").status != 200 {
        assert!(Instant::now() < deadline, "the connection does not come back");
    }
    broken(&server, "write_seconds");
}
