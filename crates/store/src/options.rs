//! What may be set.

use std::time::Duration;

/// How a database is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The most connections that read at the same time.
    pub readers: u32,
    /// How long one read of a page of rows may take.
    pub read_timeout: Duration,
    /// A statement that takes longer is logged as a warning.
    pub slow_statement: Duration,
    /// What is done about a schema that lacks steps.
    pub schema: Schema,
    /// The most bytes that the database's file may have, its write-ahead log not counted; beyond it the store is full.
    /// `None`: as many as the disk has.
    pub bytes_max: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 8,
            read_timeout: Duration::from_secs(2),
            slow_statement: Duration::from_millis(200),
            schema: Schema::Upgrade,
            bytes_max: None,
        }
    }
}

/// What is done about a schema that lacks steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// It is brought up to date.
    Upgrade,
    /// The database is not opened.
    Require,
}
