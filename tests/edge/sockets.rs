//! The upgrade.

use crate::support::{Request, Server, Socket, frame};

/// SyncStep1 of an empty document.
const STEP1: [u8; 4] = [0, 0, 1, 0];

#[test]
fn the_handshake_is_that_of_the_rfc() {
    let server = Server::start();
    for target in ["/yjs/a", "/hocuspocus", "/yjs/a/b%20c", "/hocuspocus/"] {
        let socket = server.socket(Request::upgrade(target)).unwrap_or_else(|answer| panic!("{target}: {answer:?}"));
        assert_eq!(socket.answer.header("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(socket.answer.header("upgrade"), "websocket");
        assert_eq!(socket.answer.header("sec-websocket-protocol"), "");
        assert_eq!(socket.answer.header("sec-websocket-extensions"), "");
    }
    for (name, value, status, code) in [
        ("Upgrade", "h2c", 426, "upgrade-required"),
        ("Connection", "keep-alive", 426, "upgrade-required"),
        ("Sec-WebSocket-Version", "8", 426, "upgrade-required"),
        ("Sec-WebSocket-Key", "short", 400, "bad-handshake"),
    ] {
        let refused = server.socket(Request::upgrade("/yjs/a").with(name, value)).expect_err("refused");
        refused.assert_problem(status, code);
    }
    let head = crate::support::Request::upgrade("/yjs/a");
    let text = String::from_utf8(head.bytes(server.address)).expect("text").replacen("GET", "HEAD", 1);
    let text = text.replace("keep-alive, Upgrade", "close, Upgrade");
    assert_eq!(crate::support::exchange(server.address, text.as_bytes()).status, 400, "HEAD upgrades nothing");
}

#[test]
fn one_of_the_offered_subprotocols_is_selected() {
    let server = Server::start();
    for (offered, selected) in [("tandem, abc", "tandem"), ("abc, tandem", "tandem"), ("a, b", "a")] {
        let request = Request::upgrade("/yjs/a").with("Sec-WebSocket-Protocol", offered);
        let socket = server.socket(request).expect("upgraded");
        assert_eq!(socket.answer.header("sec-websocket-protocol"), selected, "{offered}");
    }
}

#[test]
fn what_a_client_sends_with_its_handshake_is_not_lost() {
    let server = Server::start();
    let token = server.token(&["--sub", "ann"]);
    let request = Request::upgrade("/yjs/a").with("Sec-WebSocket-Protocol", &format!("tandem, {token}"));
    let mut socket = Socket::open_with(server.address, &request, &frame(&STEP1)).expect("upgraded");
    loop {
        // SyncStep2: the answer to the early question.
        if socket.message(0)[1] == 1 {
            break;
        }
    }
}

#[test]
fn a_name_that_is_none_is_refused_for_good_after_the_upgrade() {
    let server = Server::start();
    let token = server.token(&["--sub", "ann"]);
    let long = format!("/yjs/{}", "a".repeat(256));
    for target in ["/yjs/", "/yjs", "/yjs/%00", "/yjs/%20", long.as_str()] {
        let request = Request::upgrade(target).with("Sec-WebSocket-Protocol", &format!("tandem, {token}"));
        let mut socket = server.socket(request).expect("upgraded");
        assert_eq!(socket.closed(), (4422, "name-not-allowed".into()), "{target}");
    }
}

#[test]
fn an_address_has_so_many_sockets_and_gets_them_back() {
    let server = Server::with(&[("TANDEM__LIMITS__UNAUTHENTICATED_PER_ADDRESS", "2")]);
    let first = server.socket(Request::upgrade("/hocuspocus")).expect("the first");
    let _second = server.socket(Request::upgrade("/hocuspocus")).expect("the second");
    let refused = server.socket(Request::upgrade("/hocuspocus")).expect_err("two are the limit");
    refused.assert_problem(503, "address-full");
    assert!(refused.header("retry-after").parse::<u32>().is_ok());
    drop(first);
    // The server notices the end of a socket in its own time.
    let deadline = std::time::Instant::now() + crate::support::DEADLINE;
    while server.socket(Request::upgrade("/hocuspocus")).is_err() {
        assert!(std::time::Instant::now() < deadline, "the place does not come back");
    }
}

#[test]
fn sockets_through_a_trusted_proxy_count_for_their_clients() {
    let variables =
        [("TANDEM__LIMITS__UNAUTHENTICATED_PER_ADDRESS", "1"), ("TANDEM__SERVER__TRUSTED_PROXIES", "127.0.0.0/8")];
    let server = Server::with(&variables);
    let from = |address: &str| server.socket(Request::upgrade("/hocuspocus").with("X-Forwarded-For", address));
    let _one = from("203.0.113.1").expect("the first of one");
    let _two = from("203.0.113.2").expect("the first of another");
    from("203.0.113.1").expect_err("its second").assert_problem(503, "address-full");
    from("203.0.113.9, 203.0.113.1")
        .expect_err("what it says itself is not believed")
        .assert_problem(503, "address-full");
    let plain = Server::with(&[("TANDEM__LIMITS__UNAUTHENTICATED_PER_ADDRESS", "1")]);
    let from = |address: &str| plain.socket(Request::upgrade("/hocuspocus").with("X-Forwarded-For", address));
    let _one = from("203.0.113.1").expect("the first");
    from("203.0.113.2").expect_err("nobody is trusted").assert_problem(503, "address-full");
}
