//! What the vectors do not show of the frames: directions, beginnings, and the odd ends.

use tandem_protocol::hocuspocus::{
    self, Direction, Frame, HEAD_BYTES, Head, Message, Scope, decode, encode, encode_head, head, split_key,
};
use tandem_protocol::{DecodeError, Kind, Sync, awareness, websocket, ysync};
use tandem_yjs::lib0;

fn document<'a>(key: &'a str, message: Message<'a>) -> Frame<'a> {
    Frame::Document { key, message }
}

fn written(frame: &Frame<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode(frame, &mut out);
    out
}

#[test]
fn the_body_of_auth_depends_on_who_sent_it() {
    let bytes = b"\x01d\x02\x00\x03tok";
    let token = Message::Token { token: "tok", version: None };
    assert_eq!(decode(Direction::FromClient, bytes), Ok(document("d", token)));
    assert_eq!(decode(Direction::FromServer, bytes), Ok(document("d", Message::TokenRequest)));
    for kind in [1, 2, 3] {
        let bytes = [1, b'd', 2, kind, 0];
        assert_eq!(decode(Direction::FromClient, &bytes), Err(DecodeError::AuthKind(kind.into())));
    }
    assert_eq!(decode(Direction::FromServer, &[1, b'd', 2, 3]), Err(DecodeError::AuthKind(3)));
}

#[test]
fn the_body_of_close_depends_on_who_sent_it() {
    assert_eq!(decode(Direction::FromClient, b"\x01d\x07"), Ok(document("d", Message::Close(None))));
    let bytes = b"\x01d\x07\x03bye";
    assert_eq!(decode(Direction::FromServer, bytes), Ok(document("d", Message::Close(Some("bye")))));
    assert_eq!(written(&document("d", Message::Close(Some("bye")))), bytes);
    assert!(decode(Direction::FromServer, b"\x01d\x07").is_err());
}

#[test]
fn a_scope_that_is_not_read_write_is_read_only() {
    for (text, scope) in [("read-write", Scope::ReadWrite), ("readonly", Scope::ReadOnly), ("?", Scope::ReadOnly)] {
        let mut bytes = b"\x01d\x02\x02".to_vec();
        lib0::write_var_string(&mut bytes, text);
        assert_eq!(decode(Direction::FromServer, &bytes), Ok(document("d", Message::Authenticated(scope))));
    }
}

#[test]
fn a_status_is_one_byte() {
    assert_eq!(written(&document("d", Message::SyncStatus(true))), b"\x01d\x08\x01");
    assert_eq!(written(&document("d", Message::SyncStatus(false))), b"\x01d\x08\x00");
}

#[test]
fn a_key_splits_at_its_first_nul() {
    assert_eq!(split_key("name"), ("name", None));
    assert_eq!(split_key("name\0s\0t"), ("name", Some("s\0t")));
    assert_eq!(split_key("\0s"), ("", Some("s")));
    assert_eq!(split_key("name\0"), ("name", Some("")));
}

#[test]
fn a_name_of_nine_or_ten_bytes_is_no_ping() {
    for name in ["ninebytes", "ten bytes."] {
        let frame = document(name, Message::QueryAwareness);
        assert_eq!(decode(Direction::FromClient, &written(&frame)), Ok(frame));
    }
}

#[test]
fn bytes_behind_a_message_are_ignored_but_for_a_version() {
    assert_eq!(ysync::decode(&[3, 1, 2]), Ok(ysync::Message::QueryAwareness));
    assert_eq!(ysync::decode(&[0, 0, 1, 0, 9]), Ok(ysync::Message::Sync(Sync::Step1(&[0]))));
    let version = Message::Token { token: "", version: Some("4.8.0") };
    assert_eq!(decode(Direction::FromClient, b"\x01d\x02\x00\x00\x054.8.0!"), Ok(document("d", version)));
    assert!(decode(Direction::FromClient, b"\x01d\x02\x00\x00\x054.8").is_err());
}

#[test]
fn other_auth_messages_do_not_exist_in_y_protocols() {
    assert_eq!(ysync::decode(&[2, 1, 0]), Err(DecodeError::AuthKind(1)));
    assert_eq!(ysync::decode(&[0, 3, 0]), Err(DecodeError::SyncKind(3)));
}

#[test]
fn texts_must_be_utf_8() {
    let error = Err(DecodeError::Primitive(lib0::DecodeError::Utf8));
    assert_eq!(decode(Direction::FromClient, b"\x01\xff\x03"), error);
    assert_eq!(decode(Direction::FromClient, b"\x01d\x05\x01\xff"), error);
}

#[test]
fn a_frame_too_large_to_be_read_is_known_by_its_beginning() {
    // The longest name, the longest usual session id, an edit of 40 MB.
    let key = format!("{}\0{}", "n".repeat(255), "s".repeat(200));
    let update = vec![0; 40 << 20];
    for (sync, kind) in [
        (Sync::Step1(&update), Kind::Step1),
        (Sync::Step2(&update), Kind::Step2),
        (Sync::Update(&update), Kind::Update),
    ] {
        for message in [Message::Sync(sync), Message::SyncReply(sync)] {
            let bytes = written(&document(&key, message));
            assert_eq!(head(&bytes[..HEAD_BYTES]), Ok(Head { key: &key, kind }));
            assert_eq!(kind.is_edit(), kind != Kind::Step1);
        }
        let mut bytes = Vec::new();
        ysync::encode(&ysync::Message::Sync(sync), &mut bytes);
        assert_eq!(ysync::head(&bytes[..HEAD_BYTES]), kind);
    }
}

#[test]
fn a_beginning_without_its_whole_key_says_so() {
    let bytes = written(&document(&"k".repeat(600), Message::QueryAwareness));
    assert!(head(&bytes[..HEAD_BYTES]).is_err());
    assert_eq!(head(&bytes).map(|head| head.kind), Ok(Kind::QueryAwareness));
    assert_eq!(head(b"\x01d"), Ok(Head { key: "d", kind: Kind::Unknown }));
    assert_eq!(head(b"\x01d\x00"), Ok(Head { key: "d", kind: Kind::SyncUnknown }));
}

#[test]
fn a_payload_can_be_left_out_and_sent_behind() {
    let update = [7; 300];
    let frame = document("d", Message::Sync(Sync::Update(&update)));
    let mut before = Vec::new();
    let payload = encode_head(&frame, &mut before);
    assert_eq!(payload, update);
    assert_eq!([&before[..], payload].concat(), written(&frame));
    let whole = websocket::binary(&[&before, payload]);
    assert_eq!(&whole[websocket::header_len(before.len() + payload.len())..], written(&frame));
}

#[test]
fn the_keepalive_is_an_awareness_message_without_entries() {
    let mut bytes = Vec::new();
    ysync::encode(&ysync::Message::Awareness(awareness::EMPTY), &mut bytes);
    assert_eq!(bytes, ysync::KEEPALIVE);
    assert_eq!(written(&document("d", Message::Awareness(awareness::EMPTY))), b"\x01d\x01\x01\x00");
    assert_eq!(written(&hocuspocus::Frame::Ping), [9]);
}
