//! The awareness update: who is there, in which state. The same in both protocols.
//!
//! `varUint n, n × (varUint client, varUint clock, varString JSON)`, where JSON `null` means "gone".
//!
//! A frame is read in two steps, because honest clients repeat the states of everybody: [`entries`] walks it without
//! allocating, so that a known (client, clock) is skipped before anything is spent on it, and [`Raw::check`] looks at a
//! state that is news. [`decode`] does both for all of them.

mod read;

use tandem_model::ClientId;
use tandem_yjs::lib0;
use thiserror::Error;

pub use self::read::{Decoded, Entries, Raw, decode, entries};

/// The update without entries: as a message it changes nothing, and keeps a connection alive.
pub const EMPTY: &[u8] = &[0];

/// One client's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Whose.
    pub client: ClientId,
    /// Grows with each change of this client's state.
    pub clock: u64,
    /// What.
    pub state: State<'a>,
}

/// A client's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State<'a> {
    /// The client is gone: `null`.
    Gone,
    /// Valid JSON within the limits, as it stood in the frame.
    Json(&'a str),
}

/// An entry that is not to be kept. The other entries of its update are not affected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("client {client} at {clock}: {fault}")]
pub struct Refused {
    /// Whose.
    pub client: ClientId,
    /// Its clock.
    pub clock: u64,
    /// Why.
    pub fault: StateFault,
}

/// What is wrong with one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StateFault {
    /// It has more bytes than [`AwarenessLimits::state_bytes`].
    #[error("the state has {0} bytes")]
    TooLarge(usize),
    /// It nests deeper than [`AwarenessLimits::depth`].
    #[error("the state nests too deep")]
    TooDeep,
    /// It is no JSON.
    #[error("the state is not valid JSON")]
    Json,
}

/// The bounds of an awareness update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AwarenessLimits {
    /// Entries in one update.
    pub entries: usize,
    /// Bytes of one state's JSON.
    pub state_bytes: usize,
    /// Nesting of one state's brackets: `{}` is 1. At most 64 whatever stands here.
    pub depth: usize,
}

/// Why an update cannot be read at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AwarenessError {
    /// A number or text in it cannot be read, or ends behind its end.
    #[error(transparent)]
    Primitive(#[from] lib0::DecodeError),
    /// It announces more entries than [`AwarenessLimits::entries`].
    #[error("the update announces {0} entries")]
    TooManyEntries(u64),
}

/// Writes an update of these entries.
#[must_use]
pub fn encode(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    lib0::write_var_uint(&mut out, entries.len() as u64);
    for entry in entries {
        lib0::write_var_uint(&mut out, entry.client.0);
        lib0::write_var_uint(&mut out, entry.clock);
        lib0::write_var_string(&mut out, entry.state.as_str());
    }
    out
}

impl<'a> State<'a> {
    /// The state as the wire says it.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        match self {
            Self::Gone => "null",
            Self::Json(json) => json,
        }
    }
}
