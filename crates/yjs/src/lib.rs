//! The Yjs update format (version 1) as data: decode, admit, index, difference, merge. Pure, safe, executes no CRDT.

#![forbid(unsafe_code)]

mod admission;
mod any;
mod client;
mod content;
mod cut;
mod encode;
mod index;
mod json;
pub mod lib0;
mod merge;
mod plan;
mod ranges;
mod refusal;
mod runs;
mod state_vector;
mod structs;
mod update;

pub use admission::{Admission, Cause, Verdict};
pub use index::{Collect, Index, IndexLimits};
pub use lib0::DecodeError;
pub use merge::merge;
pub use refusal::Refusal;
pub use state_vector::StateVector;
pub use tandem_model::{ClientId, Clock, Id};
pub use update::Update;

/// How deep an `Any` or JSON value may be nested.
pub const NESTING_MAX: usize = 64;

/// How deep types may hang in one another: Yjs deletes and collects them by recursion.
pub const TYPE_NESTING_MAX: u16 = 500;
