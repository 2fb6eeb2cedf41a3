//! y-protocols as `y-websocket` speaks it: one document a socket, one message a frame, no document name.
//!
//! ```
//! use tandem_protocol::ysync::{Message, Sync, decode};
//!
//! assert_eq!(decode(&[0, 0, 1, 0]), Ok(Message::Sync(Sync::Step1(&[0]))));
//! ```

use tandem_yjs::lib0::{self, Reader};

pub use crate::error::DecodeError;
use crate::kind::Kind;
pub use crate::sync::Sync;
use crate::sync::write_buf_head;

const SYNC: u64 = 0;
const AWARENESS: u64 = 1;
const AUTH: u64 = 2;
const QUERY_AWARENESS: u64 = 3;

const PERMISSION_DENIED: u64 = 0;

/// An Awareness message without entries: changes nothing, and resets the watchdog of every client version.
pub const KEEPALIVE: [u8; 3] = [1, 1, 0];

/// One message, borrowing its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A state vector, or an update.
    Sync(Sync<'a>),
    /// An awareness update; [`crate::awareness`] reads it.
    Awareness(&'a [u8]),
    /// Server to client: something was refused, for this reason. The client logs it and goes on.
    PermissionDenied(&'a str),
    /// "Send me all awareness states."
    QueryAwareness,
    /// A type that does not exist here, to be ignored as the clients do. Its body is not kept.
    Unknown(u64),
}

impl Message<'_> {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Sync(sync) => sync.kind(),
            Self::Awareness(_) => Kind::Awareness,
            Self::PermissionDenied(_) => Kind::Auth,
            Self::QueryAwareness => Kind::QueryAwareness,
            Self::Unknown(_) => Kind::Unknown,
        }
    }
}

/// Reads a frame. Bytes behind the message are ignored, as the clients ignore them.
///
/// # Errors
/// [`DecodeError`] says what cannot be read.
pub fn decode(frame: &[u8]) -> Result<Message<'_>, DecodeError> {
    let mut reader = Reader::new(frame);
    Ok(match reader.var_uint()? {
        SYNC => Message::Sync(Sync::read(&mut reader)?),
        AWARENESS => Message::Awareness(reader.buf()?),
        AUTH => match reader.var_uint()? {
            PERMISSION_DENIED => Message::PermissionDenied(reader.var_string()?),
            other => return Err(DecodeError::AuthKind(other)),
        },
        QUERY_AWARENESS => Message::QueryAwareness,
        other => Message::Unknown(other),
    })
}

/// Learns the kind of a frame from its first bytes, when it is too large to be read.
#[must_use]
pub fn head(prefix: &[u8]) -> Kind {
    let mut reader = Reader::new(prefix);
    match reader.var_uint() {
        Ok(SYNC) => Sync::peek(&mut reader),
        Ok(AWARENESS) => Kind::Awareness,
        Ok(AUTH) => Kind::Auth,
        Ok(QUERY_AWARENESS) => Kind::QueryAwareness,
        _ => Kind::Unknown,
    }
}

/// Appends the message's frame.
pub fn encode(message: &Message<'_>, out: &mut Vec<u8>) {
    let payload = encode_head(message, out);
    out.extend_from_slice(payload);
}

/// Appends the message's frame without its payload, and returns the payload that belongs behind it.
///
/// With [`crate::websocket::binary`] a large payload is thus copied once. Messages without payload return nothing.
pub fn encode_head<'a>(message: &Message<'a>, out: &mut Vec<u8>) -> &'a [u8] {
    match message {
        Message::Sync(sync) => {
            lib0::write_var_uint(out, SYNC);
            sync.write_head(out)
        }
        Message::Awareness(update) => {
            lib0::write_var_uint(out, AWARENESS);
            write_buf_head(out, update)
        }
        Message::PermissionDenied(reason) => {
            lib0::write_var_uint(out, AUTH);
            lib0::write_var_uint(out, PERMISSION_DENIED);
            write_buf_head(out, reason.as_bytes())
        }
        Message::QueryAwareness => {
            lib0::write_var_uint(out, QUERY_AWARENESS);
            &[]
        }
        Message::Unknown(number) => {
            lib0::write_var_uint(out, *number);
            &[]
        }
    }
}
