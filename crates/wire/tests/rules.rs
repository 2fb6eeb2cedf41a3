//! Which frames are refused, and with which close code.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test that panics has failed")]

mod support;

use support::{BINARY, CLOSE, CONTINUATION, PING, PONG, Script, Seen, TEXT, WIDE, frame, header, run, socket};
use tandem_wire::{Counts, SocketLimits};

/// What a stream comes to, and the code of the close frame that goes out.
fn ends(bytes: Vec<u8>, limits: SocketLimits) -> (Vec<Seen>, u16) {
    let mut socket = socket(Script::of([bytes]), limits);
    let all = run(&mut socket);
    let written = &socket.get_ref().written;
    assert!(written.len() >= 4 && written[0] == 0x88, "no close frame in {written:02x?}");
    assert_eq!(usize::from(written[1]), written.len() - 2);
    (all, u16::from_be_bytes([written[2], written[3]]))
}

#[test]
fn a_broken_frame_closes_with_1002_before_its_payload_comes() {
    for (name, bytes) in [
        ("reserved bit", vec![0xc2, 0x85]),
        ("reserved opcode", vec![0x83, 0x85]),
        ("unmasked", vec![0x82, 0x05]),
        ("long ping", vec![0x89, 0xfe]),
        ("fragmented ping", vec![0x09, 0x85]),
        ("long form of a short length", vec![0x82, 0xfe, 0, 5, 0, 0, 0, 0]),
        ("length above 2^63", [vec![0x82, 0xff], vec![0xff; 12]].concat()),
        ("continuation of nothing", header(CONTINUATION, true, 1 << 40)),
        ("message in a message", [frame(TEXT, false, b""), header(TEXT, true, 1 << 40)].concat()),
    ] {
        assert_eq!(ends(bytes, WIDE), (vec![Seen::Failed(Some(1002))], 1002), "{name}");
    }
}

#[test]
fn text_that_is_not_utf_8_closes_with_1007() {
    assert_eq!(ends(frame(TEXT, true, b"a\xff"), WIDE).1, 1007);
    let halves = [frame(TEXT, false, b"\xc3"), frame(CONTINUATION, true, b"")].concat();
    assert_eq!(ends(halves, WIDE).1, 1007);
    assert_eq!(ends(frame(CLOSE, true, b"\x03\xe8\xff"), WIDE).1, 1007);
}

#[test]
fn an_unlawful_close_frame_is_answered_with_1002() {
    assert_eq!(ends(frame(CLOSE, true, b"\x03"), WIDE), (vec![Seen::Failed(Some(1002))], 1002));
    for code in [0u16, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535] {
        let (all, answer) = ends(frame(CLOSE, true, &code.to_be_bytes()), WIDE);
        assert_eq!((all, answer), (vec![Seen::Close(Some(1002)), Seen::End], 1002), "{code}");
    }
}

#[test]
fn too_many_fragments_close_with_1008() {
    let mut bytes = frame(BINARY, false, b"x");
    for _ in 0..63 {
        bytes.extend(frame(CONTINUATION, false, b"x"));
    }
    let mut good = socket(Script::of([bytes.clone()]), WIDE);
    assert_eq!(run(&mut good), []);
    bytes.extend(frame(CONTINUATION, true, b"x"));
    assert_eq!(ends(bytes, WIDE), (vec![Seen::Failed(Some(1008))], 1008));
}

#[test]
fn a_long_message_may_have_a_fragment_a_kibibyte() {
    let mut bytes = frame(BINARY, false, &[0; 1024]);
    for _ in 0..198 {
        bytes.extend(frame(CONTINUATION, false, &[0; 1024]));
    }
    bytes.extend(frame(CONTINUATION, true, &[0; 1024]));
    let mut socket = socket(Script::of([bytes]), WIDE);
    assert_eq!(run(&mut socket), [Seen::Binary(vec![0; 200 * 1024])]);
}

#[test]
fn a_message_whose_fragments_carry_less_than_a_kibibyte_closes_with_1008() {
    let mut bytes = frame(BINARY, false, &[0; 1000]);
    for _ in 0..64 {
        bytes.extend(frame(CONTINUATION, false, &[0; 1000]));
    }
    assert_eq!(ends(bytes, WIDE), (vec![Seen::Failed(Some(1008))], 1008));
}

#[test]
fn before_authentication_too_large_closes_with_1009_at_the_header() {
    let limits = SocketLimits::unauthenticated(1000);
    assert_eq!(ends(header(BINARY, true, 1001), limits), (vec![Seen::Failed(Some(1009))], 1009));
    let sum = [frame(BINARY, false, &[0; 600]), header(CONTINUATION, false, 401)].concat();
    assert_eq!(ends(sum, limits).1, 1009);
    let mut socket = socket(Script::of([frame(BINARY, true, &[0; 1000])]), limits);
    assert_eq!(run(&mut socket), [Seen::Binary(vec![0; 1000])]);
}

#[test]
fn limits_change_between_frames() {
    let bytes = [frame(BINARY, true, &[1; 900]), frame(BINARY, true, &[2; 1100])];
    let mut socket = socket(Script::of(bytes), SocketLimits::unauthenticated(1000));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    while socket.poll_message(&mut cx).is_pending() {}
    socket.set_limits(SocketLimits::authenticated(2000, 1 << 20));
    assert_eq!(run(&mut socket), [Seen::Binary(vec![2; 1100])]);
}

#[test]
fn a_stream_that_ends_without_a_close_frame_is_cut() {
    for bytes in [vec![], vec![0x82], header(BINARY, true, 9), frame(PONG, true, b""), frame(TEXT, false, b"a")] {
        let mut socket = socket(Script { ends: true, ..Script::of([bytes]) }, WIDE);
        assert_eq!(run(&mut socket).last(), Some(&Seen::Failed(None)));
        assert_eq!(socket.get_ref().written, b"");
    }
}

#[test]
fn frames_pings_and_empty_frames_are_counted() {
    let bytes = [
        frame(TEXT, true, b"a"),
        frame(PING, true, b"b"),
        frame(BINARY, false, b""),
        frame(PONG, true, b""),
        frame(CONTINUATION, true, b""),
    ];
    let mut socket = socket(Script::of([bytes.concat()]), WIDE);
    assert_eq!(run(&mut socket).len(), 4);
    assert_eq!(socket.take_counts(), Counts { frames: 5, pings: 1, empty: 2 });
    assert_eq!(socket.take_counts(), Counts::default());
}

#[test]
fn a_flood_of_fragments_gives_the_task_its_turn() {
    let mut bytes = frame(BINARY, false, b"x");
    for _ in 0..10_000 {
        bytes.extend(frame(CONTINUATION, false, b""));
    }
    let limits = SocketLimits { fragments: u32::MAX, ..WIDE };
    let mut socket = socket(Script::of([bytes]), limits);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let mut most = 0;
    let mut sum = 0;
    while sum < 10_001 {
        assert!(socket.poll_message(&mut cx).is_pending());
        let frames = socket.take_counts().frames;
        most = most.max(frames);
        sum += frames;
    }
    assert!(most <= 128, "{most} frames in one poll");
}
