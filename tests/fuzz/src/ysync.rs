//! y-protocols, as `y-websocket` speaks it.

use tandem_protocol::ysync::{Message, decode, encode, encode_head, head};

/// What was read is written and read again as the same; its beginning tells its kind.
///
/// # Panics
/// When it is not so.
pub fn ysync(data: &[u8]) {
    let Ok(message) = decode(data) else { return };
    assert_eq!(head(data), message.kind());
    let mut written = Vec::new();
    encode(&message, &mut written);
    assert!(written.len() <= data.len(), "what is written is never longer than what was read");
    assert_eq!(decode(&written), Ok(message));

    let mut parts = Vec::new();
    let payload = encode_head(&message, &mut parts);
    parts.extend_from_slice(payload);
    assert_eq!(parts, written);
    if let Message::Awareness(update) = message {
        crate::awareness(update);
    }
}
