//! What comes in.

use std::ops::Deref;

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::budget::Reservation;

/// Something whole that a peer sent.
#[derive(Debug)]
pub enum Inward {
    /// A binary message.
    Binary(Message<Bytes>),
    /// A text message.
    Text(Message<Utf8Bytes>),
    /// A message that was too large and was thrown away, all of it.
    TooLarge {
        /// The first bytes of its payload, at most [`HEAD_BYTES_MAX`](crate::HEAD_BYTES_MAX).
        head: Bytes,
        /// Its whole length in bytes.
        bytes: u64,
    },
    /// A ping; its pong is queued already.
    Ping,
    /// A pong.
    Pong,
    /// The peer's close frame, with its code if it has one. The answer is queued already; nothing else follows.
    Close(Option<u16>),
}

/// The body of a message, with its share of the node's inbound budget, which is given back on drop.
#[derive(Debug)]
pub struct Message<T> {
    body: T,
    reservation: Reservation,
}

impl<T> Message<T> {
    pub(crate) fn new(body: T, reservation: Reservation) -> Self {
        Self { body, reservation }
    }

    /// Takes the body and the share apart. Whoever keeps the body keeps the share as long.
    #[must_use]
    pub fn into_parts(self) -> (T, Reservation) {
        (self.body, self.reservation)
    }
}

impl<T> Deref for Message<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.body
    }
}
