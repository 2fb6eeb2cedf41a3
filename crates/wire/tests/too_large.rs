//! A message that is too large is thrown away, and nothing else is.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test that panics has failed")]

mod support;

use std::task::{Context, Poll, Waker};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use support::{
    BINARY, CONTINUATION, MASK, PING, Script, Seen, TEXT, WIDE, frame, header, next, run, socket, socket_with,
};
use tandem_wire::{Budget, Socket, SocketLimits, WireError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LIMITS: SocketLimits = SocketLimits { message_bytes: 20_000, skip_bytes: 60_000, ..WIDE };

#[test]
fn a_message_in_one_frame_is_skipped_and_the_next_one_arrives() {
    let mut payload = vec![0; 20_001];
    StdRng::seed_from_u64(1).fill_bytes(&mut payload);
    let bytes = [frame(BINARY, true, &payload), frame(TEXT, true, b"next")];
    let mut socket = socket(Script::of(bytes), LIMITS);
    let head = payload[..512].to_vec();
    assert_eq!(run(&mut socket), [Seen::TooLarge(head, 20_001), Seen::Text("next".into())]);
    assert_eq!(socket.get_ref().written, b"");
}

#[test]
fn a_message_that_becomes_too_large_at_its_third_fragment_keeps_its_head_and_gives_back_its_budget() {
    let budget = Budget::new(1 << 20);
    let bytes = [
        frame(TEXT, false, &[b'a'; 300]),
        frame(PING, true, b"1"),
        frame(CONTINUATION, false, &[b'b'; 19_000]),
        frame(CONTINUATION, false, &[b'c'; 10_000]),
        frame(PING, true, b"2"),
    ];
    let mut socket = socket_with(Script::of(bytes), LIMITS, &budget);
    assert_eq!(run(&mut socket), [Seen::Ping, Seen::Ping]);
    assert_eq!((socket.reserved(), budget.free_bytes()), (0, budget.bytes()), "given back before its end");

    let rest = [frame(CONTINUATION, true, &[b'd'; 10_000]), frame(BINARY, true, b"next")];
    socket.get_mut().pieces.extend(rest);
    let head = [[b'a'; 300].as_slice(), &[b'b'; 212]].concat();
    assert_eq!(run(&mut socket), [Seen::TooLarge(head, 39_300), Seen::Binary(b"next".to_vec())]);
    assert_eq!(socket.get_ref().written, b"\x8a\x011\x8a\x012");
}

#[test]
fn beyond_what_is_skipped_it_closes_with_1009_and_tells_the_head() {
    let payload = [7; 600];
    let masked: Vec<u8> = payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    let mut socket = socket(Script::of([header(BINARY, true, 60_001), masked]), LIMITS);
    let mut cx = Context::from_waker(Waker::noop());
    let error = loop {
        if let Poll::Ready(given) = socket.poll_message(&mut cx) {
            break given.unwrap().unwrap_err();
        }
    };
    let WireError::TooLarge { bytes, head } = error else { panic!("{error}") };
    assert_eq!((bytes, &head[..]), (60_001, &payload[..512]));
    assert!(socket.poll_drain(&mut cx).is_ready());
    assert_eq!(socket.get_ref().written[..4], [0x88, socket.get_ref().written[1], 0x03, 0xf1]);
    assert_eq!(run(&mut socket), [Seen::End]);
}

#[test]
fn a_stranger_s_message_is_refused_at_its_header() {
    let mut socket = socket(Script::of([header(BINARY, true, 20_001)]), SocketLimits::unauthenticated(20_000));
    assert_eq!(run(&mut socket), [Seen::Failed(Some(1009))]);
}

#[test]
fn a_message_of_exactly_the_limit_is_taken() {
    let mut socket = socket(Script::of([frame(BINARY, true, &[1; 20_000])]), LIMITS);
    assert_eq!(run(&mut socket), [Seen::Binary(vec![1; 20_000])]);
}

/// Resident memory of this process in KiB.
#[cfg(target_os = "linux")]
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn forty_megabytes_are_skipped_in_the_memory_of_one_buffer() {
    const CHUNKS: u64 = 1000;
    let chunk = vec![5u8; 40_000];
    let bytes = CHUNKS * chunk.len() as u64;
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    let limits = SocketLimits { skip_bytes: 256 << 20, ..WIDE };
    let mut socket = Socket::new(server, bytes::Bytes::new(), limits, Budget::new(1 << 20));
    let warm = frame(BINARY, true, &chunk);
    client.write_all(&warm).await.unwrap();
    assert_eq!(next(&mut socket).await, Seen::Binary(chunk.clone()));

    let before = resident_kib();
    let send = async {
        client.write_all(&header(BINARY, true, bytes)).await.unwrap();
        for _ in 0..CHUNKS {
            client.write_all(&chunk).await.unwrap();
        }
        client.write_all(&frame(PING, true, b"still here")).await.unwrap();
    };
    let ((), skipped) = tokio::join!(send, next(&mut socket));
    let grown = resident_kib() - before;
    let head: Vec<u8> = (0..512).map(|n| 5 ^ MASK[n % 4]).collect();
    assert_eq!(skipped, Seen::TooLarge(head, bytes));
    assert_eq!(next(&mut socket).await, Seen::Ping);
    let mut pong = [0; 12];
    client.read_exact(&mut pong).await.unwrap();
    assert_eq!(&pong, b"\x8a\x0astill here");
    // Other tests of this file run beside this one; a buffered message would be 40,000 KiB.
    assert!(grown < 1000, "the skipped message cost {grown} KiB");
}
