//! The connection that appends, and the writes that are no appends.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::{Connection, PgConnection};
use sea_orm::{DatabaseConnection, DbErr};
use tandem_model::log::{Append, Appended, Document, Installed, LogError, Row};
use tandem_model::{DocumentId, DocumentName, Epoch};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::append::append;
use super::connect;
use crate::fault::{database_error, describe, log_error};
use crate::options::PostgresOptions;
use crate::reader::document;
use crate::statistics::{Counters, WriterStatistics};
use crate::writes::{self, owned};

/// The server ends a statement by itself after its own timeout. One that is still silent so much later is given up on.
const SILENCE: Duration = Duration::from_secs(2);

/// Writes, each in a task of its own: a caller that leaves does not interrupt it.
///
/// A write that is given up on may have happened, or happen yet: its outcome is unknown, as after any failure.
pub struct Writer {
    settings: PgConnectOptions,
    pool: DatabaseConnection,
    connect_within: Duration,
    answer_within: Duration,
    appender: Mutex<Appender>,
    counters: Counters,
}

/// The connection that appends: it is used again and again without being tested each time, as one of a pool is.
enum Appender {
    Open {
        connection: PgConnection,
        used: Instant,
    },
    /// None was needed yet, or an append failed: the next one connects.
    Absent,
    Closed,
}

impl Writer {
    pub fn new(settings: PgConnectOptions, pool: DatabaseConnection, limits: &PostgresOptions) -> Arc<Self> {
        Arc::new(Self {
            settings,
            pool,
            connect_within: limits.acquire_timeout,
            answer_within: limits.statement_timeout + SILENCE,
            appender: Mutex::new(Appender::Absent),
            counters: Counters::default(),
        })
    }

    pub fn statistics(&self) -> WriterStatistics {
        self.counters.read()
    }

    /// Waits for the appends before it, then ends all appending.
    pub async fn close(&self) {
        let mut appender = self.appender.lock().await;
        if let Appender::Open { connection, .. } = mem::replace(&mut *appender, Appender::Closed) {
            // The server notices a connection that did not end well.
            connection.close().await.ok();
        }
    }

    pub async fn append(self: &Arc<Self>, rows: Vec<Append>) -> Result<Vec<Appended>, LogError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let writer = Arc::clone(self);
        owned(async move {
            let outcomes = writer.append_in_turn(&rows).await?;
            writer.counters.appended(&outcomes);
            Ok(outcomes)
        })
        .await
    }

    pub async fn create(self: &Arc<Self>, name: DocumentName) -> Result<Document, LogError> {
        let found = self.beside(move |writer| async move { writes::create(&writer.pool, &name).await }).await?;
        document(&found)
    }

    pub async fn install_snapshot(
        self: &Arc<Self>,
        document: DocumentId,
        epoch: Epoch,
        snapshot: Row,
    ) -> Result<Installed, LogError> {
        let install = move |writer: Arc<Self>| async move {
            writes::install_snapshot(&writer.pool, document, epoch, snapshot, None).await
        };
        self.beside(install).await?.ok_or(LogError::Absent)
    }

    pub async fn delete(self: &Arc<Self>, document: DocumentId, tombstone: Bytes) -> Result<(), LogError> {
        let delete =
            move |writer: Arc<Self>| async move { writes::delete(&writer.pool, document, &tombstone, None).await };
        self.beside(delete).await?.ok_or(LogError::Absent)
    }

    async fn append_in_turn(&self, rows: &[Append]) -> Result<Vec<Appended>, LogError> {
        let waiting = self.counters.waiting();
        let mut appender = self.appender.lock().await;
        // Taken out: if the append fails, or ends without an outcome, the next one connects.
        let mut connection = match mem::replace(&mut *appender, Appender::Absent) {
            Appender::Closed => {
                *appender = Appender::Closed;
                return Err(LogError::Unavailable("the store is closed".to_owned()));
            }
            Appender::Open { connection, used } => self.fresh(connection, used).await?,
            Appender::Absent => self.connected().await?,
        };
        drop(waiting);
        let since = Instant::now();
        match timeout(self.answer_within, append(&mut connection, rows)).await {
            Ok(Ok(outcomes)) => {
                *appender = Appender::Open { connection, used: Instant::now() };
                self.counters.done(since);
                Ok(outcomes)
            }
            Ok(Err(error)) => Err(self.failed(&database_error(error))),
            Err(_) => Err(self.silent(self.answer_within)),
        }
    }

    /// Tests a connection that was not used for a while.
    async fn fresh(&self, mut connection: PgConnection, used: Instant) -> Result<PgConnection, LogError> {
        if used.elapsed() <= connect::FRESH {
            return Ok(connection);
        }
        match timeout(self.connect_within, connection.ping()).await {
            Ok(Ok(())) => Ok(connection),
            _ => self.connected().await,
        }
    }

    async fn connected(&self) -> Result<PgConnection, LogError> {
        let connected = connect::once(&self.settings, self.connect_within).await;
        connected.map_err(|error| self.failed(&database_error(error)))
    }

    /// Runs a write on a connection of the pool.
    async fn beside<T, F>(self: &Arc<Self>, write: impl FnOnce(Arc<Self>) -> F) -> Result<T, LogError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, DbErr>> + Send + 'static,
    {
        let (writer, write) = (Arc::clone(self), write(Arc::clone(self)));
        owned(async move {
            let since = Instant::now();
            let within = writer.connect_within + writer.answer_within;
            match timeout(within, write).await {
                Ok(Ok(done)) => {
                    writer.counters.done(since);
                    Ok(done)
                }
                Ok(Err(error)) => Err(writer.failed(&error)),
                Err(_) => Err(writer.silent(within)),
            }
        })
        .await
    }

    fn failed(&self, error: &DbErr) -> LogError {
        self.counters.failed();
        tracing::warn!(error = describe(error), "a write failed; what became of it is unknown");
        log_error(error)
    }

    fn silent(&self, within: Duration) -> LogError {
        self.counters.failed();
        tracing::warn!(?within, "the server does not answer a write; what becomes of it is unknown");
        LogError::Unavailable(format!("the server did not answer a write in {within:?}"))
    }
}
