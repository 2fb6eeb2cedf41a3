//! Why a socket ends, and with which close code.

use std::io;

use bytes::Bytes;
use thiserror::Error;

/// Why a socket ended without a close handshake that the peer began.
#[derive(Debug, Error)]
pub enum WireError {
    /// The peer's stream ended, or was reset, without a close frame. No close code.
    #[error("the peer went away without a close frame")]
    Cut,
    /// Reading or writing failed. No close code.
    #[error("the socket failed: {0}")]
    Io(#[from] io::Error),
    /// The peer broke the framing rules. Closed with 1002.
    #[error("protocol violation: {0}")]
    Protocol(#[from] Violation),
    /// A text message, or the reason of a close frame, is not UTF-8. Closed with 1007.
    #[error("text that is not utf-8")]
    NotUtf8,
    /// A message longer than is taken, and longer than is skipped. Closed with 1009.
    #[error("message of {bytes} bytes or more is too large")]
    TooLarge {
        /// What the message's headers have announced so far.
        bytes: u64,
        /// The first bytes of its payload, at most [`HEAD_BYTES_MAX`](crate::HEAD_BYTES_MAX), so that the session can
        /// tell which document it was for; none from a peer whose messages are not skipped.
        head: Bytes,
    },
    /// A message in more fragments than its length justifies. Closed with 1008.
    #[error("message in too many fragments")]
    Fragments,
}

impl WireError {
    /// The close code that the peer is told, if it can be told anything.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Cut | Self::Io(_) => None,
            Self::Protocol(_) => Some(1002),
            Self::NotUtf8 => Some(1007),
            Self::Fragments => Some(1008),
            Self::TooLarge { .. } => Some(1009),
        }
    }
}

/// Which rule of RFC 6455 a peer broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// Reserved bits, with no extension agreed.
    #[error("reserved bits are set")]
    ReservedBits,
    /// An opcode that means nothing.
    #[error("opcode {0} is reserved")]
    Opcode(u8),
    /// A frame of a client that is not masked.
    #[error("frame is not masked")]
    Unmasked,
    /// A control frame above 125 bytes.
    #[error("control frame is too long")]
    LongControl,
    /// A control frame in fragments.
    #[error("control frame is fragmented")]
    FragmentedControl,
    /// A length above 2^63, or one that is not encoded in the fewest bytes.
    #[error("length is not encoded as it must be")]
    Length,
    /// A continuation where no message has begun.
    #[error("continuation of nothing")]
    UnexpectedContinuation,
    /// A new message inside another one.
    #[error("message inside a message")]
    ExpectedContinuation,
    /// A close frame whose body is one byte.
    #[error("close frame has half a code")]
    CloseBody,
    /// A rule that the codec knows of and the frame rules here do not.
    #[error("framing is broken")]
    Other,
}
