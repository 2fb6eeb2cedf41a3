//! What the published clients and servers sent, read and written again.

mod common;

use common::{Vector, hocuspocus_meaning, ysync_meaning};
use tandem_protocol::hocuspocus::{self, Frame};
use tandem_protocol::{awareness, ysync};
use tandem_yjs::lib0::{self, Reader};

/// Frames that were sent to see a server refuse them: none of them is a message, and why.
const NOT_A_MESSAGE: [(&str, &str); 6] = [
    ("", "an empty frame has no type and no key"),
    ("ffffff", "a number that does not end"),
    ("0372617700070101", "sync message 7 does not exist"),
    ("0372617700", "the sync message is cut off"),
    ("0372617701020501", "read as a message; its awareness update announces 5 entries and ends"),
    ("01020501", "the same from y-websocket"),
];

/// Frames that are read, and that Tandem never sends: protocols.md calls them faults, or internal.
///
/// Their encodings are regular, so they are still held to give the same bytes; but for the first, whose type nobody
/// knows, so that its body is not kept.
const DECODED_ONLY: [(&str, &str); 5] = [
    ("2a0102", "type 42 does not exist: the body of an unknown type is not kept"),
    ("0372617763", "type 99 does not exist"),
    ("03726177060178", "BroadcastStateless is internal to the reference's nodes"),
    ("0372617704000100", "SyncReply is internal to the reference's nodes; a client logs an error for it"),
    ("0a", "the reference takes a Pong for an unreadable key, closes with 4401; here it is a Pong"),
];

/// Whether a body that stands inside a readable message is garbage, so that the capture calls the frame malformed.
const GARBAGE_INSIDE: [(&str, &str); 2] =
    [("03726177000203090909", "\"raw\" Sync/Update 3B"), ("000203090909", "sync/Update 3B")];

fn listed<'a>(table: &'a [(&str, &str)], vector: &Vector) -> Option<&'a str> {
    table.iter().find(|(hex, _)| common::unhex(hex) == vector.bytes).map(|(_, why)| *why)
}

/// What the capture says of the frame, as far as these codecs can know.
fn expected(vector: &Vector) -> &str {
    if let Some(meaning) = listed(&GARBAGE_INSIDE, vector) {
        return meaning;
    }
    vector.meaning.split_once(" structs=").map_or(vector.meaning.as_str(), |(before, _)| before)
}

fn frames(of: fn(&Vector) -> bool) -> Vec<Vector> {
    // Text frames never reach a codec: the reader refuses them.
    common::vectors().into_iter().filter(|vector| of(vector) && vector.opcode.as_deref() != Some("text")).collect()
}

#[test]
fn every_y_websocket_frame_means_what_was_captured_and_is_written_alike() {
    let frames = frames(Vector::is_ysync);
    let mut seen = 0;
    for vector in frames.iter().filter(|vector| listed(&NOT_A_MESSAGE, vector).is_none()) {
        let message = ysync::decode(&vector.bytes).expect(&vector.meaning);
        assert_eq!(ysync_meaning(&message), expected(vector));
        assert_eq!(ysync::head(&vector.bytes), message.kind());
        let mut written = Vec::new();
        ysync::encode(&message, &mut written);
        if vector.bytes == [0x2a, 1, 2] {
            assert_eq!(written, [0x2a]);
        } else {
            assert_eq!(written, vector.bytes, "{}", vector.meaning);
        }
        seen += 1;
    }
    assert_eq!(seen, 76);
}

#[test]
fn every_hocuspocus_frame_means_what_was_captured_and_is_written_alike() {
    let frames = frames(Vector::is_hocuspocus);
    let mut seen = 0;
    for vector in frames.iter().filter(|vector| listed(&NOT_A_MESSAGE, vector).is_none()) {
        let frame = hocuspocus::decode(vector.sent_by(), &vector.bytes).expect(&vector.meaning);
        assert_eq!(hocuspocus_meaning(&frame), expected(vector));
        if let Frame::Document { key, message } = frame {
            let head = hocuspocus::head(&vector.bytes).expect("the frame begins with a key");
            assert_eq!((head.key, head.kind), (key, message.kind()));
        }
        let mut written = Vec::new();
        hocuspocus::encode(&frame, &mut written);
        assert_eq!(written, vector.bytes, "{}", vector.meaning);
        seen += 1;
    }
    assert_eq!(seen, 378);
}

#[test]
fn every_captured_awareness_update_is_written_alike() {
    let mut seen = 0;
    for vector in frames(|vector| !vector.flow.starts_with("lib0")) {
        let update = match (vector.is_ysync(), ysync::decode(&vector.bytes)) {
            (true, Ok(ysync::Message::Awareness(update))) => update,
            (true, _) => continue,
            (false, _) => match hocuspocus::decode(vector.sent_by(), &vector.bytes) {
                Ok(Frame::Document { message: hocuspocus::Message::Awareness(update), .. }) => update,
                _ => continue,
            },
        };
        let Ok(entries) = awareness::decode(update, &common::LIMITS) else {
            assert!(listed(&NOT_A_MESSAGE, &vector).is_some(), "{}", vector.meaning);
            continue;
        };
        let entries: Vec<_> = entries.into_iter().map(|entry| entry.expect("a kept state")).collect();
        assert_eq!(awareness::encode(&entries), update, "{}", vector.meaning);
        seen += 1;
    }
    assert_eq!(seen, 114);
}

#[test]
fn what_is_no_message_is_refused() {
    let mut refused = 0;
    for vector in frames(|vector| !vector.flow.starts_with("lib0")) {
        let Some(why) = listed(&NOT_A_MESSAGE, &vector) else { continue };
        let readable = if vector.is_ysync() {
            match ysync::decode(&vector.bytes) {
                Ok(ysync::Message::Awareness(update)) => awareness::decode(update, &common::LIMITS).is_ok(),
                message => message.is_ok(),
            }
        } else {
            match hocuspocus::decode(vector.sent_by(), &vector.bytes) {
                Ok(Frame::Document { message: hocuspocus::Message::Awareness(update), .. }) => {
                    awareness::decode(update, &common::LIMITS).is_ok()
                }
                frame => frame.is_ok(),
            }
        };
        assert!(!readable, "{}: {why}", vector.flow);
        refused += 1;
    }
    assert_eq!(refused, 9);
}

#[test]
fn every_listed_exception_was_captured() {
    let frames = frames(|vector| !vector.flow.starts_with("lib0"));
    for (hex, why) in NOT_A_MESSAGE.iter().chain(&DECODED_ONLY).chain(&GARBAGE_INSIDE) {
        assert!(frames.iter().any(|vector| vector.bytes == common::unhex(hex)), "{hex}: {why}");
    }
}

#[test]
fn every_lib0_value_is_read_and_written_alike() {
    for vector in common::vectors().iter().filter(|vector| vector.flow == "lib0-primitives") {
        let mut reader = Reader::new(&vector.bytes);
        let mut written = Vec::new();
        let (what, value) = vector.meaning.split_once(' ').expect("a type and a value");
        match what {
            "varUint" => {
                let number = reader.var_uint().expect(value);
                assert_eq!(number.to_string(), value);
                lib0::write_var_uint(&mut written, number);
            }
            "varInt" => {
                let number = reader.var_int().expect(value);
                assert_eq!(number.to_string(), value);
                lib0::write_var_int(&mut written, number);
            }
            "varString" => {
                let text = reader.var_string().expect(value);
                assert_eq!(text, serde_json::from_str::<String>(value).expect("a JSON string"));
                lib0::write_var_string(&mut written, text);
            }
            "varUint8Array" => {
                let bytes = reader.buf().expect(value);
                assert_eq!(format!("{bytes:?}"), value.trim().replace(',', ", "));
                lib0::write_buf(&mut written, bytes);
            }
            // Updates and state vectors: the vectors of the crate that reads them.
            "Yjs" => continue,
            other => panic!("{other} is no value of lib0"),
        }
        assert!(reader.is_empty());
        assert_eq!(written, vector.bytes, "{}", vector.meaning);
    }
}
