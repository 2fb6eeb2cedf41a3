//! What the first bytes of a frame tell, when it is too large to be read.

use tandem_yjs::lib0::Reader;

use super::{
    AUTH, AWARENESS, BROADCAST_STATELESS, CLOSE, DecodeError, QUERY_AWARENESS, STATELESS, SYNC, SYNC_REPLY, SYNC_STATUS,
};
use crate::kind::Kind;
use crate::sync::Sync;

/// How many bytes of a frame are enough for [`head`]: the longest name, a session's id and the numbers between them.
pub const HEAD_BYTES: usize = 512;

/// The beginning of a frame about one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// The document's key, whole.
    pub key: &'a str,
    /// The kind of the message; [`Kind::Unknown`] if the bytes end before it.
    pub kind: Kind,
}

/// Reads the key and the kind from a frame's first bytes ([`HEAD_BYTES`] of them, or all there are).
///
/// # Errors
/// [`DecodeError`] if the key cannot be read, also because it is longer than the bytes at hand.
pub fn head(prefix: &[u8]) -> Result<Head<'_>, DecodeError> {
    let mut reader = Reader::new(prefix);
    let key = reader.var_string()?;
    let kind = match reader.var_uint() {
        Ok(SYNC | SYNC_REPLY) => Sync::peek(&mut reader),
        Ok(AWARENESS) => Kind::Awareness,
        Ok(AUTH) => Kind::Auth,
        Ok(QUERY_AWARENESS) => Kind::QueryAwareness,
        Ok(STATELESS) => Kind::Stateless,
        Ok(BROADCAST_STATELESS) => Kind::BroadcastStateless,
        Ok(CLOSE) => Kind::Close,
        Ok(SYNC_STATUS) => Kind::SyncStatus,
        _ => Kind::Unknown,
    };
    Ok(Head { key, kind })
}
