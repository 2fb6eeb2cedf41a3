//! Codecs of the wire protocols that Yjs clients speak, and the one table of refusals.
//!
//! Pure: bytes in, borrowed messages out, and back. No IO, no runtime, no actor. Decoding copies nothing, recurses
//! nowhere, and believes a length only after comparing it with the bytes that are there.
//!
//! - [`ysync`]: y-protocols as `y-websocket` speaks it, one document a socket;
//! - [`hocuspocus`]: the same messages behind a document key, with auth, acknowledgements and more;
//! - [`awareness`]: the presence update that both carry;
//! - [`websocket`]: whole server-to-client WebSocket frames, encoded once and shared;
//! - [`refusal`]: every refusal, each with its name, its way in each protocol, and whether to reconnect.
//!
//! `docs/PROTOCOLS.md` tells the same to whoever writes a client.

pub mod awareness;
mod error;
pub mod hocuspocus;
mod json;
mod kind;
pub mod refusal;
mod sync;
pub mod websocket;
pub mod ysync;

pub use error::DecodeError;
pub use kind::Kind;
pub use refusal::Refusal;
pub use sync::Sync;
