//! However a stream is cut, it says the same.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test that panics has failed")]

mod support;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use support::{BINARY, CLOSE, CONTINUATION, PING, Script, Seen, TEXT, WIDE, conversation, frame, run, socket};
use tandem_wire::SocketLimits;
use tandem_wire::fuzzing::fuzz_frames;

#[test]
fn a_stream_cut_at_any_byte_gives_the_same_messages() {
    let limits = SocketLimits { message_bytes: 300, ..WIDE };
    let mut bytes = Vec::new();
    bytes.extend(frame(BINARY, true, &[7; 130]));
    bytes.extend(frame(TEXT, false, "grü".as_bytes()));
    bytes.extend(frame(PING, true, b"?"));
    bytes.extend(frame(CONTINUATION, true, "ße".as_bytes()));
    bytes.extend(frame(BINARY, false, &[8; 290]));
    bytes.extend(frame(PING, true, b""));
    bytes.extend(frame(CONTINUATION, false, &[9; 300]));
    bytes.extend(frame(CONTINUATION, true, b""));
    bytes.extend(frame(CLOSE, true, &[0x03, 0xe8]));
    let mut head = vec![8; 290];
    head.resize(512, 9);
    let expected = [
        Seen::Binary(vec![7; 130]),
        Seen::Ping,
        Seen::Text("grüße".into()),
        Seen::Ping,
        Seen::TooLarge(head, 590),
        Seen::Close(Some(1000)),
        Seen::End,
    ];
    let written = b"\x8a\x01?\x8a\x00\x88\x02\x03\xe8";
    for cut in 0..=bytes.len() {
        let (one, two) = bytes.split_at(cut);
        let mut socket = socket(Script::of([one.to_vec(), two.to_vec()]), limits);
        assert_eq!(run(&mut socket), expected, "cut at {cut}");
        assert_eq!(socket.get_ref().written, written, "cut at {cut}");
    }
    let mut socket = socket(Script::of(bytes.iter().map(|&byte| vec![byte])), limits);
    assert_eq!(run(&mut socket), expected);
    assert_eq!(socket.get_ref().written, written);
}

#[test]
fn random_conversations_in_random_pieces_give_their_messages() {
    for seed in 0..300 {
        let mut rng = StdRng::seed_from_u64(seed);
        let limit = if rng.random_bool(0.5) { 1 << 20 } else { 10_000 };
        let (bytes, expected) = conversation(&mut rng, limit);
        let limits = SocketLimits { message_bytes: limit, ..WIDE };
        let mut socket = socket(Script::random(&bytes, &mut rng), limits);
        let all = run(&mut socket);
        assert!(all == expected, "seed {seed}: {} things of {}", all.len(), expected.len());
        assert_eq!(socket.received(), bytes.len() as u64, "seed {seed}");
    }
}

#[test]
fn what_came_with_the_upgrade_request_comes_first() {
    let bytes = [frame(TEXT, true, b"early"), frame(TEXT, true, b"late")].concat();
    for cut in 0..bytes.len() {
        let script = Script::of([bytes[cut..].to_vec()]);
        let early = bytes::Bytes::copy_from_slice(&bytes[..cut]);
        let mut socket = tandem_wire::Socket::new(script, early, WIDE, tandem_wire::Budget::new(1 << 20));
        assert_eq!(run(&mut socket), [Seen::Text("early".into()), Seen::Text("late".into())]);
    }
}

#[test]
fn mutated_frames_neither_panic_nor_depend_on_their_pieces() {
    // More seeds: `TANDEM_SEEDS=1000000 cargo test --release -p tandem-wire --test cutting`.
    let seeds = std::env::var("TANDEM_SEEDS").map_or(3000, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut bytes = vec![rng.random()];
        for _ in 0..rng.random_range(1..8) {
            let opcode = [BINARY, TEXT, CONTINUATION, PING, CLOSE, BINARY][rng.random_range(0..6)];
            let length = [0, 1, 2, 30, 126, 400, 700, 4000][rng.random_range(0..8)];
            bytes.extend(frame(opcode, rng.random_bool(0.7), &vec![rng.random_range(0..128); length]));
        }
        for _ in 0..rng.random_range(0..6) {
            let at = rng.random_range(0..bytes.len());
            match rng.random_range(0..3) {
                0 => bytes[at] ^= 1 << rng.random_range(0..8),
                1 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, rng.random()),
            }
        }
        fuzz_frames(&bytes);
    }
}
