//! The protocol of `@hocuspocus/provider`: many documents on one socket, each frame behind its document's key.
//!
//! The key is the document's name, or `name NUL session` for a provider with session awareness; every answer carries
//! the identical key. Only [`Frame::Ping`] and [`Frame::Pong`] stand without one.
//!
//! ```
//! use tandem_protocol::hocuspocus::{Direction, Frame, Message, decode};
//!
//! let token = Message::Token { token: "tok", version: None };
//! let frame = b"\x04doc1\x02\x00\x03tok";
//! assert_eq!(decode(Direction::FromClient, frame), Ok(Frame::Document { key: "doc1", message: token }));
//! ```

mod head;
mod read;
mod write;

pub use self::head::{HEAD_BYTES, Head, head};
pub use self::read::decode;
pub use self::write::{encode, encode_head};
pub use crate::error::DecodeError;
use crate::kind::Kind;
pub use crate::sync::Sync;

const SYNC: u64 = 0;
const AWARENESS: u64 = 1;
const AUTH: u64 = 2;
const QUERY_AWARENESS: u64 = 3;
const SYNC_REPLY: u64 = 4;
const STATELESS: u64 = 5;
const BROADCAST_STATELESS: u64 = 6;
const CLOSE: u64 = 7;
const SYNC_STATUS: u64 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

const TOKEN: u64 = 0;
const PERMISSION_DENIED: u64 = 1;
const AUTHENTICATED: u64 = 2;

/// Who sent a frame: the bodies of Auth and CLOSE depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The client sent it to the server.
    FromClient,
    /// The server sent it to the client.
    FromServer,
}

/// One frame, borrowing its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Server to client: "are you there?" (providers from 4.0; older ones throw on it).
    Ping,
    /// Client to server: "I am."
    Pong,
    /// A message about one document.
    Document {
        /// The document's name, or `name NUL session`; see [`split_key`].
        key: &'a str,
        /// What about it.
        message: Message<'a>,
    },
}

/// One message about one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A state vector, or an update.
    Sync(Sync<'a>),
    /// As [`Message::Sync`], between the reference's own nodes. Taken from a client, never sent to one.
    SyncReply(Sync<'a>),
    /// An awareness update; [`crate::awareness`] reads it.
    Awareness(&'a [u8]),
    /// Client to server: authenticates for this document.
    Token {
        /// The token, empty if the client has none.
        token: &'a str,
        /// The provider's version (from 4.0).
        version: Option<&'a str>,
    },
    /// Server to client: "send your token again."
    TokenRequest,
    /// Server to client: not authenticated, for this reason. The client does not try again by itself.
    PermissionDenied(&'a str),
    /// Server to client: authenticated with this scope.
    Authenticated(Scope),
    /// "Send me all awareness states."
    QueryAwareness,
    /// A text for the application.
    Stateless(&'a str),
    /// A text for all clients, between the reference's own nodes; from a client it is a mistake.
    BroadcastStateless(&'a str),
    /// Client to server without a reason: the client leaves the document. Server to client with one: it was closed.
    Close(Option<&'a str>),
    /// Server to client: the oldest unanswered edit is durable (true) or refused (false).
    SyncStatus(bool),
    /// A type that does not exist, to be ignored as the clients do. Its body is not kept.
    Unknown(u64),
}

/// What an authenticated client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Reads and edits.
    ReadWrite,
    /// Reads.
    ReadOnly,
}

impl Scope {
    /// The scope as the wire says it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "readonly",
        }
    }
}

impl Message<'_> {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Sync(sync) | Self::SyncReply(sync) => sync.kind(),
            Self::Awareness(_) => Kind::Awareness,
            Self::Token { .. } | Self::TokenRequest | Self::PermissionDenied(_) | Self::Authenticated(_) => Kind::Auth,
            Self::QueryAwareness => Kind::QueryAwareness,
            Self::Stateless(_) => Kind::Stateless,
            Self::BroadcastStateless(_) => Kind::BroadcastStateless,
            Self::Close(_) => Kind::Close,
            Self::SyncStatus(_) => Kind::SyncStatus,
            Self::Unknown(_) => Kind::Unknown,
        }
    }
}

/// Splits a key at its first NUL into the document's name and, if there is a NUL, the session's id.
#[must_use]
pub fn split_key(key: &str) -> (&str, Option<&str>) {
    match key.split_once('\0') {
        Some((name, session)) => (name, Some(session)),
        None => (key, None),
    }
}
