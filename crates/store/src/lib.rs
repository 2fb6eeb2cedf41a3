//! The update log on SQLite.
//!
//! One process owns the file, by a lock beside it. One connection writes, each write a task of its own that nobody's
//! leaving interrupts; up to eight read, each load in one snapshot. Nothing is acknowledged before it is synced to disk.
//! After a write that failed the writer believes nothing that it held in memory: it opens the file again.
//!
//! sea-orm stays inside: no public function is generic or names a type of it, so that who uses this crate need not
//! build it again.

mod connect;
mod entities;
mod error;
mod fault;
mod folder;
mod heads;
mod location;
mod lock;
mod log;
mod options;
mod queries;
mod reader;
mod schema;
mod statistics;
mod store;
mod writer;

pub use error::OpenError;
pub use log::SqliteLog;
pub use options::{Options, Schema};
pub use statistics::{Statistics, WriterStatistics};
pub use store::Store;
