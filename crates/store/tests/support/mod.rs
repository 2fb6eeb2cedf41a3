//! A database in a folder of its own, and ways past the store to what is stored.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod keeper;
pub mod other;
pub mod postgres;

use std::path::PathBuf;

use bytes::Bytes;
use sea_orm::{ConnectionTrait, Database, DatabaseBackend, DatabaseConnection, Statement};
use tandem_model::DocumentName;
use tandem_model::log::{Append, Appended, Document, Loaded, Log, LogError};
use tandem_store::{Options, SqliteOptions, Store, StoreLog};
use tempfile::TempDir;

/// A folder for one database.
pub struct Place(TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn folder(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    pub fn path(&self) -> PathBuf {
        self.0.path().join("tandem.db")
    }

    pub fn url(&self) -> String {
        format!("sqlite://{}?mode=rwc", self.path().display())
    }

    pub async fn open(&self) -> Store {
        Store::open(&self.url(), &Options::default()).await.unwrap()
    }

    /// Opens it with so many rows that may wait to go to their documents.
    pub async fn open_with(&self, tail_rows: usize) -> Store {
        let sqlite = SqliteOptions { tail_rows, ..SqliteOptions::default() };
        Store::open(&self.url(), &Options { sqlite, ..Options::default() }).await.unwrap()
    }

    /// What a crash at this moment would leave of it.
    pub fn as_after_a_crash(&self) -> Self {
        let copy = Self::new();
        for file in ["tandem.db", "tandem.db-wal"] {
            std::fs::copy(self.folder().join(file), copy.folder().join(file)).unwrap();
        }
        copy
    }

    /// A connection past the store, which asks nobody for a lock.
    pub async fn past(&self) -> DatabaseConnection {
        Database::connect(self.url()).await.unwrap()
    }

    /// Runs one statement past the store.
    pub async fn run(&self, sql: &str) {
        let past = self.past().await;
        past.execute_unprepared(sql).await.unwrap();
        past.close().await.unwrap();
    }

    /// Answers one number past the store.
    pub async fn number(&self, sql: &str) -> i64 {
        let past = self.past().await;
        let row = past.query_one_raw(Statement::from_string(DatabaseBackend::Sqlite, sql)).await.unwrap().unwrap();
        past.close().await.unwrap();
        row.try_get_by_index(0).unwrap()
    }
}

pub fn name(text: &str) -> DocumentName {
    DocumentName::new(text).unwrap()
}

pub fn row(document: &Document, payload: impl Into<Bytes>) -> Append {
    Append { document: document.id, epoch: document.epoch, payload: payload.into() }
}

pub async fn create(log: &StoreLog, text: &str) -> Document {
    log.create(&name(text)).await.unwrap()
}

/// Appends one row and answers its position.
pub async fn append(log: &StoreLog, document: &Document, payload: impl Into<Bytes>) -> Result<i64, LogError> {
    match log.append(vec![row(document, payload)]).await?[0] {
        Appended::At(seq) => Ok(seq.0),
        Appended::Gone => panic!("the document is gone"),
    }
}

pub fn seqs(loaded: &Loaded) -> Vec<i64> {
    loaded.rows.iter().map(|row| row.seq.0).collect()
}

pub async fn load(log: &StoreLog, document: &Document) -> Loaded {
    log.load(document.id).await.unwrap()
}
