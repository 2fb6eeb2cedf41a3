//! The update log on SQLite and on PostgreSQL: one port, one schema, one suite of tests.
//!
//! What both do alike stands here: entities, queries, reads, the writes that are no appends. `sqlite` owns its file, by
//! a lock beside it, and holds the heads in memory; a commit is one segment, whose rows go to their documents many commits
//! at a time. `postgres` shares its server with other processes: positions are given by the database, in the statement
//! that appends. Nothing is acknowledged before it is committed and synced.
//!
//! sea-orm stays inside: no public function is generic or names a type of it, so that who uses this crate need not
//! build it again.

mod entities;
mod error;
mod fault;
mod log;
mod opened;
mod options;
mod pack;
mod pool;
mod postgres;
mod queries;
mod reader;
mod schema;
mod scheme;
mod sqlite;
mod statistics;
mod store;
mod tail;
mod writes;

pub use error::OpenError;
pub use log::StoreLog;
pub use options::{Options, PostgresOptions, Schema, SqliteOptions};
pub use statistics::{PoolStatistics, Statistics, WriterStatistics};
pub use store::Store;
