//! The port of the update log: the single source of truth.

use std::fmt;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use thiserror::Error;

use crate::{DocumentId, DocumentName, Epoch, Seq};

/// What the store knows of a document's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its number.
    pub id: DocumentId,
    /// Its name.
    pub name: DocumentName,
    /// Raised by each deletion of the name.
    pub epoch: Epoch,
    /// The newest committed position.
    pub head: Seq,
    /// Whether the name is deleted and not used again since.
    pub deleted: bool,
    /// The state vector (as Yjs encodes one) of all that was deleted under this name; empty if nothing ever was.
    pub tombstone: Bytes,
}

/// One position of a document's log.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it stands.
    pub seq: Seq,
    /// What the journal wrote; opaque to the store.
    pub payload: Bytes,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({}, {} bytes)", self.seq, self.payload.len())
    }
}

/// All that a load needs, or that was committed since a position, read in one snapshot.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The document as of that read.
    pub document: Document,
    /// The newest snapshot, whose `seq` is the last row that it holds; `None` also where the rows do without it.
    pub snapshot: Option<Row>,
    /// Every row after it, or after the position that was asked for, without a gap, ending at the document's head.
    pub rows: Vec<Row>,
}

/// One row to write.
#[derive(Clone, Debug)]
pub struct Append {
    /// Where to.
    pub document: DocumentId,
    /// The epoch that the writer holds the document open in.
    pub epoch: Epoch,
    /// What.
    pub payload: Bytes,
}

/// What became of one appended row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is durable at this position.
    At(Seq),
    /// The document was deleted or its epoch moved on: nothing was written for it, and nothing ever will be.
    Gone,
}

/// Whether a snapshot was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installed {
    /// Loads start from it now.
    Yes,
    /// A newer snapshot, or a deletion, was there first: nothing was changed.
    Superseded,
}

/// Why the log did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LogError {
    /// The store cannot be reached or did not answer in time. After an append the outcome is *unknown*: append again.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The store has no room left. Nothing was written.
    #[error("the store is full: {0}")]
    Full(String),
    /// What is stored of the document contradicts itself; it is never overwritten.
    #[error("document {document} cannot be read: {reason}")]
    Unreadable {
        /// Which document.
        document: DocumentId,
        /// What contradicts what.
        reason: String,
    },
    /// No document has this number or name.
    #[error("there is no such document")]
    Absent,
}

/// The update log of all documents.
///
/// Contract, held by [`crate::conformance`]:
/// - A name, compared byte by byte, is one document; its number never changes. `create` is safe to repeat and to race.
/// - `append` is one commit for all its rows, all or nothing; each document's positions go up by one a row, without a
///   gap; only the commit assigns them. Two rows of one document in one call get positions in their order. A position is
///   never given twice, not even after a deletion.
/// - Rows for a document that is deleted, unknown or in another epoch are answered [`Appended::Gone`] and hold up nobody.
/// - After an error of `append` it is unknown whether the rows are stored, except [`LogError::Full`]: they are not.
/// - A caller that drops the answer of a write leaves the log whole: the write happens wholly or not at all.
/// - `load` reads in one snapshot and answers [`LogError::Unreadable`] rather than rows with a gap; so does `since`, which
///   answers the rows behind a position alone while the log has all of them, and else what `load` answers.
/// - `install_snapshot` never shortens what a load returns in content, and rows up to its position leave the load path.
///   A snapshot that is not newer than the present one, of another epoch, or beyond the head changes nothing.
/// - `delete` removes rows and snapshots, raises the epoch, also of a name that is deleted already, and replaces the
///   tombstone; the head stays.
/// - What is asked of a number that no document has is [`LogError::Absent`], appends excepted.
pub trait Log: Send + Sync + 'static {
    /// Looks a name up; `None` if it was never used.
    fn find<'a>(&'a self, name: &'a DocumentName) -> BoxFuture<'a, Result<Option<Document>, LogError>>;

    /// Makes the name a live document, if it is not one already, and returns it. A name that was deleted comes back
    /// empty, in its new epoch, with its tombstone.
    fn create<'a>(&'a self, name: &'a DocumentName) -> BoxFuture<'a, Result<Document, LogError>>;

    /// Commits the rows; answers one outcome for each, in their order.
    fn append(&self, rows: Vec<Append>) -> BoxFuture<'_, Result<Vec<Appended>, LogError>>;

    /// Reads the newest snapshot and every row after it.
    fn load(&self, document: DocumentId) -> BoxFuture<'_, Result<Loaded, LogError>>;

    /// Reads what was committed behind `after`, by whomever. May answer more than that, as a load does.
    fn since(&self, document: DocumentId, after: Seq) -> BoxFuture<'_, Result<Loaded, LogError>> {
        let _ = after;
        self.load(document)
    }

    /// Makes loads of the document start from `snapshot`, which holds all rows up to its `seq`.
    fn install_snapshot(
        &self,
        document: DocumentId,
        epoch: Epoch,
        snapshot: Row,
    ) -> BoxFuture<'_, Result<Installed, LogError>>;

    /// Deletes the document's content, raises its epoch and keeps `tombstone` (merged by the caller with the old one).
    fn delete(&self, document: DocumentId, tombstone: Bytes) -> BoxFuture<'_, Result<(), LogError>>;

    /// Asks the store for a sign of life.
    fn ping(&self) -> BoxFuture<'_, Result<(), LogError>>;
}
