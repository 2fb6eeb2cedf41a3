//! What may be set.

use std::time::Duration;

/// How a database is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long one read of a page of rows may take.
    pub read_timeout: Duration,
    /// A statement that takes longer is logged as a warning.
    pub slow_statement: Duration,
    /// What is done about a schema that lacks steps.
    pub schema: Schema,
    /// What holds for a file only.
    pub sqlite: SqliteOptions,
    /// What holds for a server only.
    pub postgres: PostgresOptions,
}

/// How a SQLite file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The most connections that read at the same time.
    pub readers: u32,
    /// The most bytes that the database's file may have, its write-ahead log not counted; beyond it the store is full.
    /// `None`: as many as the disk has.
    pub bytes_max: Option<u64>,
    /// How many committed rows wait before they go to their documents; four times as many are the most. 0: each commit
    /// goes there at once, which touches a page or two a row.
    pub tail_rows: usize,
}

/// How a PostgreSQL server is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostgresOptions {
    /// The most connections, two or more: one appends, the others do everything else.
    pub connections: u32,
    /// How long a connection may take to be made or to become free.
    pub acquire_timeout: Duration,
    /// How long the server lets a statement take.
    pub statement_timeout: Duration,
    /// How long the server lets a statement wait for a lock.
    pub lock_timeout: Duration,
    /// How long the server lets a transaction stand still before it ends the connection.
    pub idle_in_transaction_timeout: Duration,
    /// How long a connection that nobody uses is kept.
    pub idle_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            read_timeout: Duration::from_secs(2),
            slow_statement: Duration::from_millis(200),
            schema: Schema::Upgrade,
            sqlite: SqliteOptions::default(),
            postgres: PostgresOptions::default(),
        }
    }
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { readers: 8, bytes_max: None, tail_rows: 1024 }
    }
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            connections: 20,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(5),
            idle_in_transaction_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(600),
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
