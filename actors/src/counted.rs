//! What is counted on the path of an edit, with handles that are kept: to look one up by its name each time would cost
//! more than some of the steps.
//!
//! They count for the recorder that is installed when one is first used: the binary installs its own before anything.

use std::sync::LazyLock;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// A counter that is looked up once.
pub type Count = LazyLock<Counter>;

/// Messages of clients.
pub static FRAMES_IN: Count = LazyLock::new(|| counter!("tandem_frames_in_total"));
/// Frames of rooms to clients.
pub static FRAMES_OUT: Count = LazyLock::new(|| counter!("tandem_frames_out_total"));
/// Statuses paid.
pub static ACKNOWLEDGEMENTS: Count = LazyLock::new(|| counter!("tandem_acknowledgements_total"));
/// Edits of which something was new.
pub static UPDATES_TAKEN: Count = LazyLock::new(|| counter!("tandem_updates_taken_total"));
/// Presence sent to a room.
pub static PRESENCE_FLUSHES: Count = LazyLock::new(|| counter!("tandem_presence_flushes_total"));
/// Bytes in all rings.
pub static OUTBOX_BYTES: LazyLock<Gauge> = LazyLock::new(|| gauge!("tandem_outbox_bytes"));
/// Commits of the journal.
pub static COMMITS: Count = LazyLock::new(|| counter!("tandem_journal_commits_total"));
/// Rows in them.
pub static ROWS: Count = LazyLock::new(|| counter!("tandem_journal_rows_total"));
/// How long a commit took.
pub static COMMIT_SECONDS: LazyLock<Histogram> = LazyLock::new(|| histogram!("tandem_journal_commit_seconds"));
/// Documents that are to be read from the store, from when a room asks until it has an answer.
pub static LOADS: LazyLock<Gauge> = LazyLock::new(|| gauge!("tandem_journal_loads"));
/// Bytes that wait for a commit.
pub static JOURNAL_WAITING: LazyLock<Gauge> = LazyLock::new(|| gauge!("tandem_journal_waiting_bytes"));
