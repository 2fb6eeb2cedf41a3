//! Why a frame is no message.

use tandem_yjs::lib0;
use thiserror::Error;

/// Why a frame is no message of its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// A number, text or buffer in it cannot be read, or ends behind the frame's end.
    #[error(transparent)]
    Primitive(#[from] lib0::DecodeError),
    /// A sync message is none of the three that exist.
    #[error("sync message {0} does not exist")]
    SyncKind(u64),
    /// An auth message does not exist in this direction.
    #[error("auth message {0} does not exist in this direction")]
    AuthKind(u64),
}
