//! WebSocket messages on a socket: a frame-aware reader, one vectored writer.
//!
//! A [`Socket`] turns any byte stream on which the upgrade is done into whole messages, and writes whole frames. It is
//! IO but no actor: the task that owns it polls it, and so decides when the peer is read.
//!
//! - **Judged at the header.** The reader follows frame headers by itself ([`SocketLimits`]); a frame is counted,
//!   refused, skipped or reserved for before a byte of its payload is stored.
//! - **Nothing kept between messages.** Reads go through one buffer a thread; the codec (tungstenite: masks,
//!   fragments, UTF-8, pings, the close handshake) exists while a message is received, and never sees a byte beyond the
//!   current frame. An idle socket owns no buffer.
//! - **Too large is not the end.** An authenticated peer's message beyond `message_bytes` is read and thrown away; its
//!   first bytes are reported ([`Inward::TooLarge`]), so that its sender can be told.
//! - **One budget a node.** Large messages reserve from a shared [`Budget`] and give it back when they are dropped.
//! - **One queue out.** Frames, pongs and close frames leave through one queue, up to 64 in a system call.

mod budget;
mod codec;
mod error;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod header;
mod limits;
mod message;
mod outbox;
mod scratch;
mod socket;
mod standstill;
mod tracker;

pub use budget::{Budget, FREE_BYTES, Reservation};
pub use error::{Violation, WireError};
pub use limits::{FRAGMENTS_FREE, Over, SocketLimits};
pub use message::{Inward, Message};
pub use scratch::reads_of_this_thread;
pub use socket::{FINISH_WITHIN, LINGER_BYTES_MAX, Socket};
pub use standstill::{LEAST_RATE, Standstill};
pub use tokio_tungstenite::tungstenite::Utf8Bytes;
pub use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
pub use tracker::{Counts, HEAD_BYTES_MAX};
