//! Opening, and what else an operator asks of a database.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sea_orm::DbErr;
use tandem_migrations::{Migrator, STORE_FORMAT};

use crate::connect;
use crate::error::OpenError;
use crate::fault::{Fault, describe};
use crate::folder;
use crate::location::{Location, Missing};
use crate::lock::FileLock;
use crate::log::SqliteLog;
use crate::options::{Options, Schema};
use crate::reader::Reader;
use crate::schema::{self, Steps};
use crate::statistics::Statistics;
use crate::writer::Writer;

/// An opened database. Clones share it; it is let go of with the last of them and of its logs.
#[derive(Clone)]
pub struct Store(Arc<Opened>);

/// What a store and its logs share.
pub struct Opened {
    pub(crate) writer: Arc<Writer>,
    pub(crate) reader: Reader,
    path: PathBuf,
    applied: Vec<String>,
}

impl Store {
    /// Opens the database that `url` (`sqlite://path?mode=rwc`) names: takes the lock beside it, brings the schema up to
    /// date unless `options` say otherwise, and connects the writer and the readers.
    ///
    /// # Errors
    /// [`OpenError`] names the thing, the place and the way out.
    pub async fn open(url: &str, options: &Options) -> Result<Self, OpenError> {
        let location = Location::parse(url)?;
        prepare(&location)?;
        let lock = FileLock::take(&location)?;
        let failed = |error| cannot_open(&location, &error);
        let writer = connect::writer(&location, options).await.map_err(failed)?;
        let applied = schema::ensure(&writer, &location.path, options.schema).await?;
        // What is acknowledged is worth nothing in a file whose name a power cut forgets.
        let folder = location.folder();
        folder::sync(folder).map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?;
        let reader = connect::readers(&location, options).await.map_err(failed)?;
        Ok(Self(Arc::new(Opened {
            writer: Writer::new(&location, options, lock, writer),
            reader: Reader::new(reader, options.read_timeout),
            path: location.path,
            applied,
        })))
    }

    /// Brings the schema up to date and lets go of the database; answers the steps that were applied, oldest first.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn migrate(url: &str) -> Result<Vec<String>, OpenError> {
        let store = Self::open(url, &Options { schema: Schema::Upgrade, ..Options::default() }).await?;
        store.close().await;
        Ok(store.applied().to_vec())
    }

    /// Answers the steps that the schema lacks, oldest first; all of them for a file that is yet to be made.
    ///
    /// Writes nothing and takes no lock: a server may be using the database.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn pending(url: &str) -> Result<Vec<String>, OpenError> {
        let location = Location::parse(url)?;
        if !location.path.exists() {
            return match location.missing {
                Missing::Make => Ok(schema::own::<Migrator>()),
                Missing::Refuse => Err(OpenError::Missing { path: location.path }),
            };
        }
        let failed = |error| cannot_open(&location, &error);
        let options = Options { readers: 1, ..Options::default() };
        let reader = connect::readers(&location, &options).await.map_err(failed)?;
        let steps = schema::compare::<Migrator>(&reader).await;
        reader.get_sqlite_connection_pool().close().await;
        match steps.map_err(failed)? {
            Steps { pending, unknown } if !pending.is_empty() && !unknown.is_empty() => {
                Err(OpenError::Foreign { path: location.path, unknown, steps: pending })
            }
            steps => Ok(steps.pending),
        }
    }

    /// The format of what this build stores.
    #[must_use]
    pub const fn format() -> u32 {
        STORE_FORMAT
    }

    /// The update log.
    #[must_use]
    pub fn log(&self) -> SqliteLog {
        SqliteLog(Arc::clone(&self.0))
    }

    /// The database's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The steps of the schema that opening applied, oldest first.
    #[must_use]
    pub fn applied(&self) -> &[String] {
        &self.0.applied
    }

    /// The figures since the store was opened.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let (readers_open, readers_idle, readers_max) = self.0.reader.connections();
        Statistics { readers_open, readers_idle, readers_max, writer: self.0.writer.statistics() }
    }

    /// Waits for the writes under way, closes every connection and lets go of the lock. Later writes and reads answer
    /// `Unavailable`.
    pub async fn close(&self) {
        // The writer last: the last connection to close folds the write-ahead log into the file.
        self.0.reader.close().await;
        self.0.writer.close().await;
    }
}

/// Makes the folder of a file that may be made.
fn prepare(location: &Location) -> Result<(), OpenError> {
    if location.path.exists() {
        return Ok(());
    }
    if location.missing == Missing::Refuse {
        return Err(OpenError::Missing { path: location.path.clone() });
    }
    let folder = location.folder();
    folder::make(folder).map_err(|source| OpenError::Folder { path: folder.to_owned(), source })
}

fn cannot_open(location: &Location, error: &DbErr) -> OpenError {
    let path = location.path.clone();
    match Fault::of(error) {
        Fault::NotADatabase => OpenError::NotADatabase { path },
        Fault::Busy => OpenError::Locked { path },
        _ => OpenError::Unusable { path, reason: describe(error) },
    }
}
