//! The protocol of `@hocuspocus/provider`, in both directions.

use tandem_protocol::hocuspocus::{Direction, Frame, HEAD_BYTES, Message, Scope, decode, encode, head, split_key};

/// What was read is written and read again as the same; the first bytes tell key and kind.
///
/// # Panics
/// When it is not so.
pub fn hocuspocus(data: &[u8]) {
    for direction in [Direction::FromClient, Direction::FromServer] {
        if let Ok(frame) = decode(direction, data) {
            read(direction, data, frame);
        }
    }
    let _ = head(data);
}

fn read(direction: Direction, data: &[u8], frame: Frame<'_>) {
    let mut written = Vec::new();
    encode(&frame, &mut written);
    assert_eq!(decode(direction, &written), Ok(frame));
    let Frame::Document { key, message } = frame else {
        assert_eq!(written, data);
        return;
    };
    // Only an unknown scope is written longer, as the one that the client takes it for.
    let spare = if message == Message::Authenticated(Scope::ReadOnly) { "readonly".len() } else { 0 };
    assert!(written.len() <= data.len() + spare, "what is written is never longer than what was read");

    let whole = head(data).expect("a frame that can be read begins with a key");
    assert_eq!((whole.key, whole.kind), (key, message.kind()));
    if let Ok(begun) = head(&data[..data.len().min(HEAD_BYTES)]) {
        assert_eq!(begun.key, key);
    }
    let (name, session) = split_key(key);
    assert!(!name.contains('\0'));
    assert_eq!(session.map_or(name.len(), |session| name.len() + 1 + session.len()), key.len());
    if let Message::Awareness(update) = message {
        crate::awareness(update);
    }
}
