//! What the store says of itself.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tandem_model::log::Appended;

/// The store's figures since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The pool: on SQLite the connections that read, on PostgreSQL all but the one that appends.
    pub pool: PoolStatistics,
    /// The writer's figures.
    pub writer: WriterStatistics,
}

/// Connections of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStatistics {
    /// Those that are open.
    pub open: u32,
    /// Those that nobody uses.
    pub idle: u32,
    /// The most that may be open.
    pub max: u32,
}

/// The writer's figures since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriterStatistics {
    /// Writes that ended well: appends, snapshots, creations, deletions, and rows going to their documents.
    pub commits: u64,
    /// Rows that were appended.
    pub rows: u64,
    /// Writes that failed; after each the writer connects anew.
    pub failures: u64,
    /// Whether the newest write failed.
    pub failing: bool,
    /// Writes that wait for their turn, or for the database to be opened again.
    pub waiting: u32,
    /// How long the newest write took, from its turn to its commit.
    pub last_commit: Duration,
    /// Committed rows that are not yet at their documents; on PostgreSQL none.
    pub tail_rows: usize,
}

/// The writer's figures while they change.
#[derive(Debug, Default)]
pub struct Counters(Mutex<WriterStatistics>);

impl Counters {
    pub fn read(&self) -> WriterStatistics {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a write while it waits for its turn.
    pub fn waiting(&self) -> Waiting<'_> {
        self.change(|counters| counters.waiting += 1);
        Waiting(self)
    }

    /// A write ended well; its turn came at `since`.
    pub fn done(&self, since: Instant) {
        self.change(|counters| {
            counters.commits += 1;
            counters.failing = false;
            counters.last_commit = since.elapsed();
        });
    }

    /// A write failed.
    pub fn failed(&self) {
        self.change(|counters| {
            counters.failures += 1;
            counters.failing = true;
        });
    }

    /// Rows were appended, or not.
    pub fn appended(&self, outcomes: &[Appended]) {
        let rows = outcomes.iter().filter(|outcome| matches!(outcome, Appended::At(_))).count();
        self.change(|counters| counters.rows += rows as u64);
    }

    fn change(&self, change: impl FnOnce(&mut WriterStatistics)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A write that waits.
pub struct Waiting<'a>(&'a Counters);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.change(|counters| counters.waiting -= 1);
    }
}
