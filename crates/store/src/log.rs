//! The port, on SQLite.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tandem_model::log::{Append, Appended, Document, Installed, Loaded, Log, LogError, Row};
use tandem_model::{DocumentId, DocumentName, Epoch};

use crate::store::Opened;

/// The update log of an opened database. Clones share it.
#[derive(Clone)]
pub struct SqliteLog(pub(crate) Arc<Opened>);

impl Log for SqliteLog {
    fn find<'a>(&'a self, name: &'a DocumentName) -> BoxFuture<'a, Result<Option<Document>, LogError>> {
        self.0.reader.find(name).boxed()
    }

    fn create<'a>(&'a self, name: &'a DocumentName) -> BoxFuture<'a, Result<Document, LogError>> {
        self.0.writer.create(name.clone()).boxed()
    }

    fn append(&self, rows: Vec<Append>) -> BoxFuture<'_, Result<Vec<Appended>, LogError>> {
        self.0.writer.append(rows).boxed()
    }

    fn load(&self, document: DocumentId) -> BoxFuture<'_, Result<Loaded, LogError>> {
        self.0.reader.load(document).boxed()
    }

    fn install_snapshot(
        &self,
        document: DocumentId,
        epoch: Epoch,
        snapshot: Row,
    ) -> BoxFuture<'_, Result<Installed, LogError>> {
        self.0.writer.install_snapshot(document, epoch, snapshot).boxed()
    }

    fn delete(&self, document: DocumentId, tombstone: Bytes) -> BoxFuture<'_, Result<(), LogError>> {
        self.0.writer.delete(document, tombstone).boxed()
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), LogError>> {
        self.0.reader.ping().boxed()
    }
}
