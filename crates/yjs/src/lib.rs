//! The Yjs update format (version 1) as data: decode, admit, index, difference, merge.
//!
//! Rooms index, they do not integrate: what clients need from a server is "what do you have" (a state vector), "what
//! do I miss" (a difference) and a relay, and all three are answered from the update format itself. So this crate
//! executes no CRDT. It is pure and safe, knows no IO, and allocates nothing that the length of its input does not
//! justify. The rules below are read from Yjs 13.6.33 and held against it by `tests/index`, which runs random honest
//! histories and hostile updates through both.
//!
//! # Decoding
//!
//! [`Update::decode`] checks every length before it is believed. An update is refused *whole*, with a [`Refusal`] that
//! names the rule, when Yjs throws or misbehaves on it, live or at the next load:
//!
//! - content references above 10; GC (0) or Skip (10) with any other bit set: Yjs' readers differ about them;
//! - type references above 6, `Any` tags outside 116 to 127, text that is not UTF-8;
//! - JSON in Embed, Format or JSON that `JSON.parse` throws on (the bare word `undefined` is legal in JSON content);
//! - sub-document options that are no object, or whose `guid` is no string;
//! - an `Any` object whose `__proto__` member is bytes: it passes for a `Uint8Array`, and Yjs throws when it writes it;
//! - values nested deeper than [`NESTING_MAX`]; a length of 0; integers and clocks above 2^53-1;
//! - one client listed twice among the struct blocks (the second block would replace the first);
//! - a struct that refers to its own client at its own clock or above.
//!
//! # Admission
//!
//! [`Index::admit`] takes what can be taken now. A struct can when its clock is its client's next and its origin,
//! right origin and parent are there; the order is found within the update. Of a struct that overlaps known clocks
//! only the rest is taken: the first copy stays. A deletion is taken as far as its clocks are known. Skips only move
//! the reading position. What lacks something is not kept: [`Admission::missing`] names the first element to ask for.
//! What can never be taken is refused for good ([`Cause`]): a cycle between clients, types that hang more than
//! [`TYPE_NESTING_MAX`] deep in one another, what the judge refuses, what is beyond a limit, and what depends on it.
//!
//! # What is held
//!
//! Each client's structs stand encoded in a row, so that a difference is little more than a copy. They are
//!
//! - *coalesced*: same client, contiguous, the right one's origin is the left one's last element, right origins equal,
//!   contents both String, Any, JSON or Deleted; GC with GC. This needs no knowledge of the document, with one
//!   exception: values under a key. Yjs deletes such a value when the next arrives as a struct of its own; joined, the
//!   first would stay alive inside, and Yjs throws when their parent is deleted. So they join only once all are
//!   deleted, and one struct of several values that are not comes apart;
//! - *collected* ([`Collect`]), as `Item.gc` does: the content of what is deleted becomes its length. Types stay, for
//!   their children hang on them. Nobody who joins receives what was overwritten.
//!
//! Lengths are UTF-16 units. A cut inside a surrogate pair leaves U+FFFD on both sides, as in Yjs.
//!
//! For this the index knows of each element whether it is listed, stands under a key or hangs nowhere (its parent holds
//! no type, or a neighbour is GC: Yjs makes GC of it), and how deep.

#![forbid(unsafe_code)]

mod admission;
mod any;
mod bulk;
mod client;
mod content;
mod cut;
mod deleting;
mod encode;
mod index;
mod json;
pub mod lib0;
mod merge;
mod plan;
mod ranges;
mod refusal;
mod restoring;
mod runs;
mod state_vector;
mod structs;
mod taken;
mod update;

pub use admission::{Admission, Cause, Verdict};
pub use index::{Collect, Index, IndexLimits};
pub use lib0::DecodeError;
pub use merge::merge;
pub use refusal::Refusal;
pub use restoring::NoPair;
pub use state_vector::StateVector;
pub use tandem_model::{ClientId, Clock, Id};
pub use update::Update;

/// How deep an `Any` or JSON value may be nested.
pub const NESTING_MAX: usize = 64;

/// How many types may hang in one another. Yjs deletes and collects them by recursion and overflows its stack between
/// 3,000 and 5,000; the callers of an application take their share.
pub const TYPE_NESTING_MAX: u16 = 500;
