//! What a socket may send: settable at any time, because authentication changes it.

/// Fragments that any message may have, however small it is.
pub const FRAGMENTS_FREE: u32 = 64;

/// The bounds of one socket's incoming messages. Changes count from the next frame header on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketLimits {
    /// The longest message that is handed over, in bytes.
    pub message_bytes: usize,
    /// The longest message that is skipped, in bytes, if [`Over::Skip`]. Beyond: closed with 1009.
    pub skip_bytes: u64,
    /// What happens to a message above `message_bytes`.
    pub over: Over,
    /// Fragments that any message may have; a message of more KiB than this may have one a KiB. Beyond: closed with
    /// 1008.
    pub fragments: u32,
}

/// What happens to a message that is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The socket is closed with 1009: nothing is owed to somebody who is not authenticated.
    Close,
    /// The message is read and thrown away, its beginning is reported, the socket stays.
    Skip,
}

impl SocketLimits {
    /// The limits of a socket that is not authenticated: too large is the end.
    #[must_use]
    pub fn unauthenticated(message_bytes: usize) -> Self {
        Self { message_bytes, skip_bytes: 0, over: Over::Close, fragments: FRAGMENTS_FREE }
    }

    /// The limits of an authenticated socket: too large is skipped, up to `skip_bytes`.
    #[must_use]
    pub fn authenticated(message_bytes: usize, skip_bytes: u64) -> Self {
        Self { message_bytes, skip_bytes, over: Over::Skip, fragments: FRAGMENTS_FREE }
    }

    /// True if a message of so many bytes is handed over.
    pub(crate) fn takes(&self, bytes: u64) -> bool {
        usize::try_from(bytes).is_ok_and(|bytes| bytes <= self.message_bytes)
    }

    /// True if a message of so many bytes that is not handed over is at least skipped.
    pub(crate) fn skips(&self, bytes: u64) -> bool {
        self.over == Over::Skip && bytes <= self.skip_bytes
    }

    /// The most fragments that a message may have when it is so long, in bytes.
    pub(crate) fn fragments_of(&self, bytes: u64) -> u64 {
        u64::from(self.fragments).max(bytes / 1024)
    }
}
