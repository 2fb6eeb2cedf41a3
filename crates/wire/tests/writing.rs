//! What leaves: whole frames, in order, many at once; and the close handshake, both ways.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test that panics has failed")]

mod support;

use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use support::{BINARY, CLOSE, PING, Script, Seen, TEXT, WIDE, frame, header, run, socket};
use tandem_wire::SocketLimits;

fn server_frame(payload: &[u8]) -> Bytes {
    Bytes::from([&[0x82, u8::try_from(payload.len()).unwrap()], payload].concat())
}

#[test]
fn a_pong_never_cuts_into_a_frame_that_is_half_written() {
    let script = Script { room: Some(5), ..Script::of([frame(PING, true, b"!!"), frame(TEXT, true, b"x")]) };
    let mut socket = socket(script, WIDE);
    let mut cx = Context::from_waker(Waker::noop());
    let frames = [server_frame(b"first"), server_frame(b"second")];
    frames.iter().for_each(|frame| socket.push(frame.clone()));
    assert_eq!(socket.queued(), (2, 15));
    assert!(socket.poll_drain(&mut cx).is_pending());
    assert_eq!((socket.accepted(), socket.queued()), (5, (2, 10)));
    assert_eq!(run(&mut socket), [Seen::Ping, Seen::Text("x".into())]);
    assert_eq!((socket.accepted(), socket.queued()), (5, (3, 14)));

    // The peer reads again.
    let mut socket = resume(socket);
    assert_eq!(run(&mut socket), []);
    assert_eq!((socket.accepted(), socket.queued()), (19, (0, 0)));
    let expected = [&frames[0][..], &frames[1], b"\x8a\x02!!"].concat();
    assert_eq!(socket.get_ref().written, expected);
}

/// Lets the script take everything from here on.
fn resume(socket: tandem_wire::Socket<Script>) -> tandem_wire::Socket<Script> {
    let mut socket = socket;
    socket.get_mut().room = None;
    socket
}

#[test]
fn every_split_of_what_the_kernel_takes_gives_the_same_bytes() {
    let frames: Vec<Bytes> = (0..200u8).map(|n| server_frame(&vec![n; usize::from(n % 50)])).collect();
    for write_bytes in [1, 2, 3, 7, 51, 52, 53, 1000, 100_000] {
        let script = Script { write_bytes: Some(write_bytes), ..Script::default() };
        let mut socket = socket(script, WIDE);
        for frame in &frames {
            socket.push_split(frame.slice(..2), frame.slice(2..));
        }
        let mut cx = Context::from_waker(Waker::noop());
        assert!(matches!(socket.poll_drain(&mut cx), Poll::Ready(Ok(()))));
        assert_eq!(socket.get_ref().written, frames.concat());
        assert_eq!(socket.accepted(), frames.concat().len() as u64);
    }
}

#[test]
fn many_frames_leave_in_one_write() {
    let mut socket = socket(Script::default(), WIDE);
    for _ in 0..640 {
        socket.push(server_frame(b"moved"));
    }
    let mut cx = Context::from_waker(Waker::noop());
    assert!(socket.poll_drain(&mut cx).is_ready());
    assert_eq!(socket.get_ref().writes, 10);
}

#[test]
fn a_peer_that_pings_and_does_not_read_is_not_read() {
    let pings = frame(PING, true, &[b'p'; 100]).repeat(1000);
    let mut socket = socket(Script { room: Some(0), ..Script::of([pings]) }, WIDE);
    let mut cx = Context::from_waker(Waker::noop());
    while !matches!(socket.poll_message(&mut cx), Poll::Pending if socket.queued().0 > 0) {}
    assert!(socket.queued().0 <= 65, "{:?}", socket.queued());
    let mut socket = resume(socket);
    assert_eq!(run(&mut socket).len() + socket.take_counts().frames as usize, 1000 + 1000 - 64);
    assert_eq!(socket.get_ref().written.len(), 1000 * 102);
}

#[test]
fn the_peer_closes_and_is_answered_behind_what_is_queued() {
    let mut socket = socket(Script::of([frame(CLOSE, true, b"\x03\xe9bye")]), WIDE);
    let last = server_frame(b"last");
    socket.push(last.clone());
    assert_eq!(run(&mut socket), [Seen::Close(Some(1001)), Seen::End]);
    assert!(socket.is_closing());
    socket.push(server_frame(b"too late"));
    let mut cx = Context::from_waker(Waker::noop());
    let _ = socket.poll_finish(&mut cx);
    let expected = [&last[..], b"\x88\x05\x03\xe9bye"].concat();
    assert_eq!(socket.get_ref().written, expected);
    assert!(socket.get_ref().shut);
}

#[test]
fn an_empty_close_frame_is_answered_with_an_empty_one() {
    let mut socket = socket(Script::of([frame(CLOSE, true, b"")]), WIDE);
    assert_eq!(run(&mut socket), [Seen::Close(None), Seen::End]);
    assert_eq!(socket.get_ref().written, b"\x88\x00");
}

#[test]
fn we_close_and_what_the_peer_sends_until_its_answer_is_thrown_away() {
    let script = Script::of([
        frame(TEXT, true, b"on its way"),
        frame(BINARY, false, &[0; 30_000]),
        frame(PING, true, b"no answer"),
        frame(0, true, &[0; 30_000]),
        frame(CLOSE, true, b"\x0f\xa0"),
    ]);
    let mut socket = socket(script, WIDE);
    socket.close(4000, "go");
    socket.close(4001, "only once");
    socket.push(server_frame(b"too late"));
    assert_eq!(run(&mut socket), [Seen::Close(Some(4000)), Seen::End]);
    assert_eq!(socket.get_ref().written, b"\x88\x04\x0f\xa0go");
}

#[test]
fn we_close_in_the_middle_of_a_message_and_the_handshake_still_ends() {
    let whole = frame(BINARY, true, &[0; 500]);
    for cut in [1, 3, 8, 200] {
        let script = Script::of([whole[..cut].to_vec(), whole[cut..].to_vec(), frame(CLOSE, true, b"\x03\xe8")]);
        let mut socket = socket(script, WIDE);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(socket.poll_message(&mut cx).is_pending());
        assert!(socket.poll_message(&mut cx).is_pending());
        socket.close(1001, "");
        assert_eq!(run(&mut socket), [Seen::Close(Some(1000)), Seen::End], "cut at {cut}");
        assert_eq!(socket.get_ref().written, b"\x88\x02\x03\xe9");
    }
}

#[test]
fn we_close_between_fragments_and_answer_nothing_more() {
    let mut socket = socket(Script::of([frame(TEXT, false, b"half")]), WIDE);
    assert_eq!(run(&mut socket), []);
    socket.close(1001, "");
    let rest = [frame(PING, true, b"?"), frame(0, true, b""), frame(PING, true, b"?"), frame(CLOSE, true, b"")];
    socket.get_mut().pieces.extend(rest);
    assert_eq!(run(&mut socket), [Seen::Close(None), Seen::End]);
    assert_eq!(socket.get_ref().written, b"\x88\x02\x03\xe9");
}

#[test]
fn data_after_our_close_frame_reserves_nothing() {
    let mut socket = socket(Script::of([header(BINARY, true, 500_000)]), WIDE);
    socket.close(1001, "");
    assert_eq!(run(&mut socket), []);
    assert_eq!((socket.reserved(), socket.is_waiting()), (0, false));
}

#[test]
fn a_peer_that_hangs_up_after_our_close_frame_is_no_error() {
    let mut socket = socket(Script { ends: true, ..Script::of([vec![0x82]]) }, WIDE);
    socket.close(1012, "restart");
    assert_eq!(run(&mut socket), [Seen::End]);
}

#[test]
fn a_long_reason_is_cut_between_characters() {
    let mut socket = socket(Script::default(), WIDE);
    socket.close(1008, &"ü".repeat(100));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(socket.poll_drain(&mut cx).is_ready());
    let written = &socket.get_ref().written;
    assert_eq!((written[0], written[1], written.len()), (0x88, 124, 126));
    assert_eq!(std::str::from_utf8(&written[4..]).unwrap(), "ü".repeat(61));
}

#[test]
fn after_a_refusal_the_rest_is_read_away_and_not_kept() {
    let limits = SocketLimits::unauthenticated(1000);
    let script = Script { ends: true, ..Script::of([header(BINARY, true, 500_000), vec![0; 500_000]]) };
    let mut socket = socket(script, limits);
    assert_eq!(run(&mut socket), [Seen::Failed(Some(1009))]);
    let mut cx = Context::from_waker(Waker::noop());
    let mut polls = 0;
    while socket.poll_finish(&mut cx).is_pending() {
        polls += 1;
        assert!(polls < 10);
    }
    assert!(socket.get_ref().shut && socket.get_ref().pieces.is_empty());
}
