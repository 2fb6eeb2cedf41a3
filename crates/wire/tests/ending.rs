//! Peers that hang: in the middle of a message, or at the end.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use support::{BINARY, CONTINUATION, PING, PONG, Script, WIDE, frame, header, socket, socket_with};
use tandem_wire::{Budget, Counts, FINISH_WITHIN, Socket, Standstill, WireError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::Instant;

const WITHIN: Duration = Duration::from_secs(10);

/// Polls until nothing more comes by itself.
fn settle(socket: &mut Socket<Script>) {
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..4 {
        assert!(matches!(socket.poll_message(&mut cx), Poll::Pending));
    }
}

#[test]
fn a_message_that_reserved_and_does_not_arrive_is_told_from_one_that_waits() {
    let budget = Budget::new(128 * 1024);
    let pieces = || Script::of([header(BINARY, true, 100_000), vec![0; 5000]]);
    let (mut first, mut second) = (socket_with(pieces(), WIDE, &budget), socket_with(pieces(), WIDE, &budget));
    let mut watches = [Standstill::new(WITHIN), Standstill::new(WITHIN)];
    let now = Instant::now();
    settle(&mut first);
    settle(&mut second);
    assert!(first.reserved() > 0 && second.is_waiting());
    watches[0].look(&first, true, now);
    watches[1].look(&second, true, now);
    assert_eq!(watches.each_ref().map(Standstill::deadline), [Some(now + WITHIN), None]);

    let late = now + WITHIN;
    watches[0].look(&first, true, late);
    watches[1].look(&second, true, late);
    assert_eq!(watches.each_ref().map(|watch| watch.is_over(late)), [true, false]);

    // The first is closed: from here on the second holds, and its time begins.
    drop(first);
    settle(&mut second);
    watches[1].look(&second, true, late);
    assert_eq!(watches[1].deadline(), Some(late + WITHIN));
}

#[test]
fn a_message_between_two_fragments_holds_its_budget_and_is_watched() {
    let mut socket = socket(Script::of([frame(BINARY, false, &[1; 20_000])]), WIDE);
    let (mut watch, now) = (Standstill::new(WITHIN), Instant::now());
    settle(&mut socket);
    watch.look(&socket, true, now);
    assert_eq!(watch.deadline(), Some(now + WITHIN));
    socket.get_mut().pieces.push_back(frame(CONTINUATION, false, &[1; 20_000]));
    settle(&mut socket);
    watch.look(&socket, true, now + WITHIN);
    assert!(!watch.is_over(now + WITHIN), "so much earns four seconds");
    assert!(watch.is_over(now + WITHIN + Duration::from_secs(5)));
}

#[test]
fn frames_that_hand_nothing_over_are_counted_while_the_socket_is_pending() {
    let pieces = [frame(BINARY, false, b""), frame(CONTINUATION, false, b""), frame(CONTINUATION, false, b"x")];
    let mut socket = socket(Script::of([pieces.concat()]), WIDE);
    settle(&mut socket);
    assert_eq!(socket.take_counts(), Counts { frames: 3, pings: 0, empty: 2 });
    socket.get_mut().pieces.push_back([frame(PONG, true, b""), frame(PING, true, b"")].concat());
    let mut cx = Context::from_waker(Waker::noop());
    while socket.poll_message(&mut cx).is_pending() {}
    assert_eq!(socket.take_counts().frames, 1, "a pong is handed over by itself");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_neither_reads_nor_leaves_is_not_waited_for() {
    // It takes four bytes of the close frame, and never ends its half.
    let (_client, server) = duplex(4);
    let mut stuck = Socket::new(server, Bytes::new(), WIDE, Budget::new(1 << 20));
    stuck.close(1002, "protocol violation");
    let began = Instant::now();
    assert!(!stuck.finish().await);
    assert_eq!(began.elapsed(), FINISH_WITHIN);

    // This one reads all and goes on talking.
    let (mut client, server) = duplex(1024);
    let mut talking = Socket::new(server, Bytes::new(), WIDE, Budget::new(1 << 20));
    talking.close(1002, "protocol violation");
    let talk = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        while client.write_all(b"and another thing").await.is_ok() {
            ticks.tick().await;
        }
    });
    let began = Instant::now();
    assert!(!talking.finish().await);
    assert_eq!(began.elapsed(), FINISH_WITHIN);
    talk.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_broke_a_rule_reads_why_and_is_let_go_at_once() {
    let (mut client, server) = duplex(1024);
    let mut socket = Socket::new(server, Bytes::new(), WIDE, Budget::new(1 << 20));
    client.write_all(&frame(CONTINUATION, true, b"of nothing")).await.unwrap();
    let error = support::take(&mut socket).await.unwrap().unwrap_err();
    assert!(matches!(error, WireError::Protocol(_)), "{error}");
    let began = Instant::now();
    let told = async {
        let mut told = Vec::new();
        client.read_to_end(&mut told).await.unwrap();
        drop(client);
        told
    };
    let (finished, told) = tokio::join!(socket.finish(), told);
    assert!(finished);
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(told[2..4], 1002u16.to_be_bytes());
}

#[tokio::test]
async fn a_peer_that_sends_its_document_twice_before_it_reads_is_told_why() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let peer = tokio::spawn(async move {
        let mut peer = tokio::net::TcpStream::connect(address).await.unwrap();
        peer.write_all(&vec![0; 12 << 20]).await.unwrap();
        peer.shutdown().await.unwrap();
        let mut read = Vec::new();
        peer.read_to_end(&mut read).await.map(|_| read)
    });
    let (stream, _) = listener.accept().await.unwrap();
    let mut socket = Socket::new(stream, Bytes::new(), WIDE, Budget::new(1 << 20));
    socket.close(1009, "too large");
    assert!(socket.finish().await);
    assert_eq!(peer.await.unwrap().unwrap(), [b"\x88\x0b\x03\xf1".as_slice(), b"too large"].concat());
}
