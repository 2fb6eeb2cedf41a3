//! Measures collaboration servers from outside: over their public protocols alone, with sockets of its own.
//!
//! One thread drives all sockets ([`swarm`]) and speaks just enough WebSocket ([`frame`]) and Yjs ([`yjs`]). An update
//! counts as delivered when its clock enters the reader's state vector, so merged frames count for all that they hold.
//! Latencies run from the moment an edit was *due*, not from when it could be sent: a server that stalls its clients
//! cannot hide that.

#![forbid(unsafe_code)]

pub mod bench;
pub mod clock;
pub mod error;
pub mod frame;
pub mod histogram;
pub mod machine;
pub mod marks;
pub mod outcome;
pub mod plan;
pub mod plot;
pub mod postgres;
pub mod protocol;
pub mod report;
pub mod scenarios;
pub mod servers;
pub mod steps;
pub mod swarm;
pub mod yjs;
