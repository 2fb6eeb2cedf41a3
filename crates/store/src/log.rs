//! The port, on either database.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tandem_model::log::{Append, Appended, Document, Installed, Loaded, Log, LogError, Row};
use tandem_model::{DocumentId, DocumentName, Epoch, Seq};

use crate::opened::{Opened, Writer};

/// The update log of an opened database. Clones share it.
#[derive(Clone)]
pub struct StoreLog(pub(crate) Arc<Opened>);

impl Log for StoreLog {
    fn find<'a>(&'a self, name: &'a DocumentName) -> BoxFuture<'a, Result<Option<Document>, LogError>> {
        self.0.reader.find(name).boxed()
    }

    fn create<'a>(&'a self, name: &'a DocumentName) -> BoxFuture<'a, Result<Document, LogError>> {
        match &self.0.writer {
            Writer::Sqlite(writer) => writer.create(name.clone()).boxed(),
            Writer::Postgres(writer) => writer.create(name.clone()).boxed(),
        }
    }

    fn append(&self, rows: Vec<Append>) -> BoxFuture<'_, Result<Vec<Appended>, LogError>> {
        match &self.0.writer {
            Writer::Sqlite(writer) => writer.append(rows).boxed(),
            Writer::Postgres(writer) => writer.append(rows).boxed(),
        }
    }

    fn load(&self, document: DocumentId) -> BoxFuture<'_, Result<Loaded, LogError>> {
        self.0.reader.load(document).boxed()
    }

    fn since(&self, document: DocumentId, after: Seq) -> BoxFuture<'_, Result<Loaded, LogError>> {
        self.0.reader.since(document, after).boxed()
    }

    fn install_snapshot(
        &self,
        document: DocumentId,
        epoch: Epoch,
        snapshot: Row,
    ) -> BoxFuture<'_, Result<Installed, LogError>> {
        match &self.0.writer {
            Writer::Sqlite(writer) => writer.install_snapshot(document, epoch, snapshot).boxed(),
            Writer::Postgres(writer) => writer.install_snapshot(document, epoch, snapshot).boxed(),
        }
    }

    fn delete(&self, document: DocumentId, tombstone: Bytes) -> BoxFuture<'_, Result<(), LogError>> {
        match &self.0.writer {
            Writer::Sqlite(writer) => writer.delete(document, tombstone).boxed(),
            Writer::Postgres(writer) => writer.delete(document, tombstone).boxed(),
        }
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), LogError>> {
        self.0.reader.ping().boxed()
    }
}
