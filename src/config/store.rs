//! The `[store]` section as the store takes it.

use std::time::Duration;

use tandem_store::{Options, PostgresOptions, SqliteOptions};

use super::Store;

impl Store {
    /// How the database is opened.
    #[must_use]
    pub fn options(&self) -> Options {
        let seconds = Duration::from_secs;
        Options {
            slow_statement: Duration::from_millis(self.slow_statement_ms),
            sqlite: SqliteOptions {
                tail_rows: usize::try_from(self.tail_rows).unwrap_or(usize::MAX),
                ..SqliteOptions::default()
            },
            postgres: PostgresOptions {
                connections: u32::try_from(self.connections).unwrap_or(u32::MAX),
                acquire_timeout: seconds(self.acquire_seconds),
                statement_timeout: seconds(self.statement_seconds),
                lock_timeout: seconds(self.lock_seconds),
                idle_in_transaction_timeout: seconds(self.idle_in_transaction_seconds),
                idle_timeout: seconds(self.idle_seconds),
            },
            ..Options::default()
        }
    }
}
