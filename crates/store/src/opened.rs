//! What a store and its logs share.

use std::sync::Arc;

use crate::reader::Reader;
use crate::statistics::WriterStatistics;
use crate::{postgres, sqlite};

/// An opened database.
pub struct Opened {
    pub writer: Writer,
    pub reader: Reader,
    /// The database, without a password.
    pub place: String,
    /// The steps of the schema that opening applied.
    pub applied: Vec<String>,
}

/// Who writes.
pub enum Writer {
    Sqlite(Arc<sqlite::Writer>),
    Postgres(Arc<postgres::Writer>),
}

impl Writer {
    pub fn statistics(&self) -> WriterStatistics {
        match self {
            Self::Sqlite(writer) => writer.statistics(),
            Self::Postgres(writer) => writer.statistics(),
        }
    }

    /// PostgreSQL's connections keep nothing here.
    pub async fn trim(&self) {
        if let Self::Sqlite(writer) = self {
            writer.trim().await;
        }
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite(writer) => writer.close().await,
            Self::Postgres(writer) => writer.close().await,
        }
    }
}
