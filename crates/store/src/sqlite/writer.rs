//! The one connection that writes.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sea_orm::{DatabaseConnection, DbErr};
use tandem_model::log::{Append, Appended, Document, Installed, LogError, Row};
use tandem_model::{DocumentId, DocumentName, Epoch, Seq};
use tokio::sync::{Mutex, MutexGuard};

use super::connect;
use super::heads::{Head, Heads, Life};
use super::location::{Location, Missing};
use super::lock::FileLock;
use crate::entities::document_update;
use crate::fault::{describe, log_error};
use crate::options::Options;
use crate::pool;
use crate::queries::{self, documents, updates};
use crate::reader::document;
use crate::statistics::{Counters, WriterStatistics};
use crate::writes::{self, owned};

/// Orders all writes, in the order in which they ask for their turn.
///
/// Each write runs in a task of its own: a caller that leaves does not interrupt it, and nothing limits its time,
/// because a commit that is given up may have happened.
pub struct Writer {
    location: Location,
    options: Options,
    state: Mutex<State>,
    counters: Counters,
}

struct State {
    connection: Connection,
    heads: Heads,
    /// Held with what writes: a write under way keeps it, whoever else has left.
    lock: Option<FileLock>,
}

enum Connection {
    Open(DatabaseConnection),
    /// A write failed, or did not end: the next one opens the file again.
    Broken,
    Closed,
}

/// A write that has its turn. What it holds is taken out of the writer, not borrowed: if it ends without
/// [`Turn::settle`], by a panic too, the writer believes nothing and opens the file again.
struct Turn<'a> {
    writer: &'a Writer,
    state: MutexGuard<'a, State>,
    connection: DatabaseConnection,
    heads: Heads,
    since: Instant,
}

impl Writer {
    pub fn new(location: &Location, options: &Options, lock: FileLock, connection: DatabaseConnection) -> Arc<Self> {
        let connection = Connection::Open(connection);
        let state = State { connection, heads: Heads::default(), lock: Some(lock) };
        Arc::new(Self {
            // A file that vanished while it was in use is never replaced by an empty one.
            location: Location { missing: Missing::Refuse, ..location.clone() },
            options: *options,
            state: Mutex::new(state),
            counters: Counters::default(),
        })
    }

    pub fn statistics(&self) -> WriterStatistics {
        self.counters.read()
    }

    /// Between two writes.
    pub async fn trim(&self) {
        if let Connection::Open(connection) = &self.state.lock().await.connection {
            pool::trim(connection).await;
        }
    }

    /// Waits for the writes before it, then ends all writing and lets go of the lock.
    pub async fn close(&self) {
        let mut state = self.state.lock().await;
        if let Connection::Open(connection) = mem::replace(&mut state.connection, Connection::Closed) {
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
            let outcome = append(&turn.connection, &mut turn.heads, rows).await;
            let outcomes = turn.settle(outcome).await?;
            writer.counters.appended(&outcomes);
            Ok(outcomes)
        })
        .await
    }

    pub async fn create(self: &Arc<Self>, name: DocumentName) -> Result<Document, LogError> {
        let writer = Arc::clone(self);
        owned(async move {
            let mut turn = writer.turn().await?;
            let outcome = writes::create(&turn.connection, &name).await;
            if let Ok(found) = &outcome {
                turn.heads.forget(DocumentId(found.id));
            }
            let found = turn.settle(outcome).await?;
            document(&found)
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
            let outcome = writes::install_snapshot(&turn.connection, document, epoch, snapshot).await;
            turn.settle(outcome).await?.ok_or(LogError::Absent)
        })
        .await
    }

    pub async fn delete(self: &Arc<Self>, document: DocumentId, tombstone: Bytes) -> Result<(), LogError> {
        let writer = Arc::clone(self);
        owned(async move {
            let mut turn = writer.turn().await?;
            turn.heads.forget(document);
            let outcome = writes::delete(&turn.connection, document, &tombstone).await;
            turn.settle(outcome).await?.ok_or(LogError::Absent)
        })
        .await
    }

    async fn turn(&self) -> Result<Turn<'_>, LogError> {
        let _waiting = self.counters.waiting();
        let mut state = self.state.lock().await;
        let since = Instant::now();
        let connection = match mem::replace(&mut state.connection, Connection::Broken) {
            Connection::Open(connection) => connection,
            Connection::Broken => {
                connect::writer(&self.location, &self.options).await.map_err(|error| self.failed(&error))?
            }
            Connection::Closed => {
                state.connection = Connection::Closed;
                return Err(LogError::Unavailable("the store is closed".to_owned()));
            }
        };
        let heads = mem::take(&mut state.heads);
        Ok(Turn { writer: self, state, connection, heads, since })
    }

    fn failed(&self, error: &DbErr) -> LogError {
        self.counters.failed();
        tracing::warn!(error = describe(error), "a write failed; the next one opens the database again");
        log_error(error)
    }
}

impl Turn<'_> {
    /// Ends the turn. Only after a success is what it holds believed.
    async fn settle<T>(mut self, outcome: Result<T, DbErr>) -> Result<T, LogError> {
        match outcome {
            Ok(done) => {
                self.state.connection = Connection::Open(self.connection);
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

/// One statement, which commits by itself: a transaction round it would double the price of a small group.
async fn append(connection: &DatabaseConnection, heads: &mut Heads, rows: Vec<Append>) -> Result<Vec<Appended>, DbErr> {
    for unknown in heads.unknown(&rows).chunks(updates::ROWS_A_STATEMENT) {
        for found in documents::heads(connection, unknown).await? {
            let life = if found.deleted_at.is_some() { Life::Deleted } else { Life::Live };
            let seq = Seq(found.head());
            heads.learn(DocumentId(found.id), Head { seq, epoch: Epoch(found.epoch), life });
        }
    }
    let (outcomes, mut written) = heads.give(rows);
    if written.len() <= updates::ROWS_A_STATEMENT {
        if !written.is_empty() {
            updates::insert(connection, written).await?;
        }
        return Ok(outcomes);
    }
    let transaction = queries::begin_write(connection).await?;
    while !written.is_empty() {
        let part: Vec<document_update::Model> = written.drain(..written.len().min(updates::ROWS_A_STATEMENT)).collect();
        updates::insert(&transaction, part).await?;
    }
    transaction.commit().await?;
    Ok(outcomes)
}
