//! The supervised actors of a node, and the pure rules that they carry.
//!
//! ```text
//! Root
//! ├─ Journal          groups the appends of all rooms into one commit
//! ├─ Rooms → Keeper*  one a thread: tend the rooms that are small and told little
//! ├─ Rooms → Room*    one for each other; the only owners of documents
//! ├─ Sessions → Session*   one actor a socket
//! └─ Jobs → Job*      compaction
//! ```
//! An edit makes three hops: session, room, journal. No acknowledgement leaves before its commit; a session holds no
//! document state but its gate; no CRDT runs in this process. The edge sees [`node::Node`], and
//! counts its own refusals where ours are counted ([`refusals`]).

mod blocking;
mod cell;
mod counted;
mod dialect;
mod downtime;
mod failpoint;
mod gathering;
mod intensity;
mod jobs;
mod journal;
mod keeper;
mod links;
pub mod node;
mod reached;
pub mod refusals;
mod room;
mod rooms;
mod root;
pub mod row;
mod session;
mod sessions;
mod short;

#[cfg(feature = "fuzzing")]
pub use room::fuzzing;

pub use links::Link;
pub use node::{Arrival, DeleteError, Drained, Node, NodeHealth, Ports, Readiness, Speaks, StartError};
pub use room::Observed;
