//! What the store says of itself.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The store's figures since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Reading connections that are open.
    pub readers_open: u32,
    /// Reading connections that nobody uses.
    pub readers_idle: u32,
    /// The most reading connections.
    pub readers_max: u32,
    /// The writer's figures.
    pub writer: WriterStatistics,
}

/// The writer's figures since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriterStatistics {
    /// Writes that ended well: appends, snapshots, creations and deletions.
    pub commits: u64,
    /// Rows that were appended.
    pub rows: u64,
    /// Writes that failed; after each the writer opens the file again.
    pub failures: u64,
    /// Whether the newest write failed.
    pub failing: bool,
    /// Writes that wait for their turn, or for the file to be opened again.
    pub waiting: u32,
    /// How long the newest write took, from its turn to its commit.
    pub last_commit: Duration,
}

/// The writer's figures while they change.
#[derive(Debug, Default)]
pub struct Counters(Mutex<WriterStatistics>);

impl Counters {
    pub fn read(&self) -> WriterStatistics {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn change(&self, change: impl FnOnce(&mut WriterStatistics)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
