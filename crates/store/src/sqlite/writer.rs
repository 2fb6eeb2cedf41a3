//! The one connection that writes.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use sea_orm::{DatabaseConnection, DbErr};
use tandem_model::log::{Append, Appended, Document, Installed, LogError, Row};
use tandem_model::{DocumentId, DocumentName, Epoch, Seq};
use tokio::sync::{Mutex, MutexGuard};

use super::connect;
use super::heads::{Head, Heads, Life};
use super::location::{Identity, Location, Missing};
use super::lock::FileLock;
use super::segment;
use super::spreading::{self, SEGMENT_BYTES_MAX, TAIL_BYTES, TAILS_MAX};
use crate::entities::document_update;
use crate::fault::{describe, log_error};
use crate::options::Options;
use crate::pack;
use crate::pool;
use crate::queries::{self, documents, segments, updates};
use crate::reader::document;
use crate::statistics::{Counters, WriterStatistics};
use crate::tail::Tail;
use crate::writes::{self, owned};

/// Orders all writes, in the order in which they ask for their turn.
///
/// Each write runs in a task of its own: a caller that leaves does not interrupt it, and nothing limits its time,
/// because a commit that is given up may have happened.
pub struct Writer {
    location: Location,
    /// The file that is written. SQLite goes on writing to one that was removed, and nobody would ever read it.
    file: Option<Identity>,
    options: Options,
    state: Mutex<State>,
    /// Changed only by who has the turn.
    tail: Arc<Tail>,
    /// Whether the tail is about to be spread.
    spreading: AtomicBool,
    counters: Counters,
}

struct State {
    connection: Connection,
    heads: Heads,
    /// Held with what writes: a write under way keeps it, whoever else has left.
    lock: Option<FileLock>,
}

enum Connection {
    /// With the newest segment's number. Numbers go up by one, so that of a write that was given up on and one that came
    /// since only one is stored.
    Open(DatabaseConnection, i64),
    /// A write failed, or did not end: the next one opens the file again, and goes on with the segments' numbers from
    /// that of the last write that is known to have ended. One that was given up on has the number after it.
    Broken(i64),
    Closed,
}

/// A write that has its turn. What it holds is taken out of the writer, not borrowed: if it ends without
/// [`Turn::settle`], by a panic too, the writer believes nothing and opens the file again.
struct Turn<'a> {
    writer: &'a Writer,
    state: MutexGuard<'a, State>,
    connection: DatabaseConnection,
    segment: i64,
    heads: Heads,
    since: Instant,
}

impl Writer {
    /// The tail holds what the file's segments hold, `segment` is the newest one's number.
    pub fn new(
        location: &Location,
        options: &Options,
        lock: FileLock,
        (connection, segment): (DatabaseConnection, i64),
        tail: Arc<Tail>,
    ) -> Arc<Self> {
        let connection = Connection::Open(connection, segment);
        let state = State { connection, heads: Heads::default(), lock: Some(lock) };
        Arc::new(Self {
            file: location.identity(),
            // A file that vanished while it was in use is never replaced by an empty one.
            location: Location { missing: Missing::Refuse, ..location.clone() },
            options: *options,
            state: Mutex::new(state),
            tail,
            spreading: AtomicBool::new(false),
            counters: Counters::default(),
        })
    }

    pub fn statistics(&self) -> WriterStatistics {
        WriterStatistics { tail_rows: self.tail.rows(), ..self.counters.read() }
    }

    /// Between two writes: what is held of documents that nobody writes to any more goes, all else is read again.
    pub async fn trim(self: &Arc<Self>) {
        self.spread().await;
        let mut state = self.state.lock().await;
        state.heads = Heads::default();
        if let Connection::Open(connection, _) = &state.connection {
            pool::trim(connection).await;
        }
    }

    /// Waits for the writes before it, then ends all writing and lets go of the lock.
    pub async fn close(self: &Arc<Self>) {
        self.spread().await;
        let mut state = self.state.lock().await;
        if let Connection::Open(connection, _) = mem::replace(&mut state.connection, Connection::Closed) {
            pool::close(&connection).await;
        }
        state.lock = None;
    }

    pub async fn append(self: &Arc<Self>, rows: Vec<Append>) -> Result<Vec<Appended>, LogError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let writer = Arc::clone(self);
        owned(async move {
            let mut turn = writer.turn().await?;
            let outcome = turn.append(rows).await;
            let outcomes = turn.settle(outcome).await?;
            writer.counters.appended(&outcomes);
            if writer.tail_is_long(1) && !writer.spreading.swap(true, Ordering::Relaxed) {
                let writer = Arc::clone(&writer);
                tokio::spawn(async move {
                    writer.spread().await;
                    writer.spreading.store(false, Ordering::Relaxed);
                });
            }
            Ok(outcomes)
        })
        .await
    }

    /// Brings the rows that wait to their documents. If that fails they go on waiting.
    async fn spread(self: &Arc<Self>) {
        if self.tail.rows() == 0 {
            return;
        }
        let writer = Arc::clone(self);
        let spread = owned(async move {
            let mut turn = writer.turn().await?;
            let outcome = turn.spread().await;
            turn.settle(outcome).await
        });
        // Whoever closes a store for the second time, and a file that cannot be written: both were told.
        if let Err(error) = spread.await {
            tracing::debug!(%error, "what was committed stays in its segments");
        }
    }

    /// Whether this many times the rows wait that may.
    fn tail_is_long(&self, times: usize) -> bool {
        let rows = self.options.sqlite.tail_rows.max(1);
        self.tail.rows() >= times * rows || self.tail.bytes() >= times * TAIL_BYTES
    }

    pub async fn create(self: &Arc<Self>, name: DocumentName) -> Result<Document, LogError> {
        let writer = Arc::clone(self);
        owned(async move {
            let mut turn = writer.turn().await?;
            let mut outcome = writes::create(&turn.connection, &name).await;
            if let Ok(found) = &mut outcome {
                turn.heads.forget(DocumentId(found.id));
                found.raise(writer.tail.newest(DocumentId(found.id)));
            }
            document(&turn.settle(outcome).await?)
        })
        .await
    }

    pub async fn install_snapshot(
        self: &Arc<Self>,
        document: DocumentId,
        epoch: Epoch,
        snapshot: Row,
    ) -> Result<Installed, LogError> {
        let writer = Arc::clone(self);
        owned(async move {
            let turn = writer.turn().await?;
            let newest = writer.tail.newest(document);
            let outcome = writes::install_snapshot(&turn.connection, document, epoch, snapshot, newest).await;
            turn.settle(outcome).await?.ok_or(LogError::Absent)
        })
        .await
    }

    pub async fn delete(self: &Arc<Self>, document: DocumentId, tombstone: Bytes) -> Result<(), LogError> {
        let writer = Arc::clone(self);
        owned(async move {
            let mut turn = writer.turn().await?;
            turn.heads.forget(document);
            let newest = writer.tail.newest(document);
            let outcome = writes::delete(&turn.connection, document, &tombstone, newest).await;
            if outcome.is_ok() {
                writer.tail.forget(document);
            }
            turn.settle(outcome).await?.ok_or(LogError::Absent)?;
            if newest.is_some() {
                // Room is what a deletion is for.
                writer.spread().await;
            }
            Ok(())
        })
        .await
    }

    async fn turn(&self) -> Result<Turn<'_>, LogError> {
        let _waiting = self.counters.waiting();
        let mut state = self.state.lock().await;
        let since = Instant::now();
        let (connection, segment) = match mem::replace(&mut state.connection, Connection::Closed) {
            Connection::Open(connection, segment) => {
                state.connection = Connection::Broken(segment);
                (connection, segment)
            }
            Connection::Broken(segment) => {
                state.connection = Connection::Broken(segment);
                let (connection, stored) = self.reopened().await.map_err(|error| self.failed(&error))?;
                let segment = stored.max(segment);
                state.connection = Connection::Broken(segment);
                (connection, segment)
            }
            Connection::Closed => return Err(LogError::Unavailable("the store is closed".to_owned())),
        };
        let heads = mem::take(&mut state.heads);
        Ok(Turn { writer: self, state, connection, segment, heads, since })
    }

    /// Opens the file again, and believes it rather than the tail: the write that failed may be in it.
    async fn reopened(&self) -> Result<(DatabaseConnection, i64), DbErr> {
        self.in_place()?;
        let connection = connect::writer(&self.location, &self.options).await?;
        match spreading::recover(&connection, &self.tail).await {
            Ok(segment) => Ok((connection, segment)),
            Err(error) => {
                pool::close(&connection).await;
                Err(error)
            }
        }
    }

    /// Whether the file is still the one at its path.
    fn in_place(&self) -> Result<(), DbErr> {
        if self.file.is_some() && self.file == self.location.identity() {
            return Ok(());
        }
        let path = self.location.path.display();
        Err(DbErr::Custom(format!(
            "{path} was removed or replaced while it was in use: nothing is acknowledged until it is back; to use another \
             file, start again"
        )))
    }

    fn failed(&self, error: &DbErr) -> LogError {
        self.counters.failed();
        tracing::warn!(error = describe(error), "a write failed; the next one opens the database again");
        log_error(error)
    }
}

impl Turn<'_> {
    async fn append(&mut self, rows: Vec<Append>) -> Result<Vec<Appended>, DbErr> {
        if self.writer.tail_is_long(TAILS_MAX) {
            // Spreading failed, or is late: no more waits before it is done.
            self.spread().await?;
        }
        self.learn(&rows).await?;
        let (outcomes, written) = self.heads.give(rows);
        let bytes: usize = written.iter().map(|(_, row)| row.payload.len()).sum();
        if written.is_empty() {
            return Ok(outcomes);
        }
        if self.writer.options.sqlite.tail_rows == 0 || bytes > SEGMENT_BYTES_MAX {
            // What waits comes before it there too.
            self.spread().await?;
            let written = written.iter().map(|(document, row)| pack::single(*document, row)).collect();
            self.append_at_documents(written).await?;
        } else {
            // One statement, which commits by itself: a transaction round it would double the price of a small group.
            self.segment += 1;
            segments::insert(&self.connection, self.segment, segment::encode(&written)).await?;
            self.writer.tail.extend(written);
        }
        Ok(outcomes)
    }

    /// Reads the heads that are not held.
    async fn learn(&mut self, rows: &[Append]) -> Result<(), DbErr> {
        for unknown in self.heads.unknown(rows).chunks(documents::DOCUMENTS_A_QUESTION) {
            for found in documents::heads(&self.connection, unknown).await? {
                let document = DocumentId(found.id);
                let life = if found.deleted_at.is_some() { Life::Deleted } else { Life::Live };
                let seq = Seq(found.head()).max(self.writer.tail.newest(document).unwrap_or_default());
                self.heads.learn(document, Head { seq, epoch: Epoch(found.epoch), life });
            }
        }
        Ok(())
    }

    async fn append_at_documents(&self, rows: Vec<document_update::Model>) -> Result<(), DbErr> {
        if rows.len() <= updates::ROWS_A_STATEMENT {
            return updates::insert(&self.connection, rows).await;
        }
        let transaction = queries::begin_write(&self.connection).await?;
        spreading::insert(&transaction, rows).await?;
        transaction.commit().await
    }

    async fn spread(&mut self) -> Result<(), DbErr> {
        if self.writer.tail.rows() > 0 {
            spreading::spread(&self.connection, &self.writer.tail).await?;
            self.writer.tail.replace(Vec::new());
        }
        Ok(())
    }

    /// Ends the turn. Only after a success is what it holds believed.
    async fn settle<T>(mut self, outcome: Result<T, DbErr>) -> Result<T, LogError> {
        let outcome = outcome.and_then(|done| self.writer.in_place().map(|()| done));
        match outcome {
            Ok(done) => {
                self.state.connection = Connection::Open(self.connection, self.segment);
                self.state.heads = self.heads;
                self.writer.counters.done(self.since);
                Ok(done)
            }
            Err(error) => {
                pool::close(&self.connection).await;
                Err(self.writer.failed(&error))
            }
        }
    }
}
