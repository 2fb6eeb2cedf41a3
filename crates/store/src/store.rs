//! Opening, and what else an operator asks of a database.

use std::sync::Arc;

use tandem_migrations::STORE_FORMAT;

use crate::error::OpenError;
use crate::log::StoreLog;
use crate::opened::Opened;
use crate::options::{Options, Schema};
use crate::scheme::Scheme;
use crate::statistics::Statistics;
use crate::{postgres, sqlite};

/// An opened database. Clones share it; it is let go of with the last of them and of its logs.
#[derive(Clone)]
pub struct Store(Arc<Opened>);

impl Store {
    /// Whether the URL is of a database that can be stored in, by its scheme alone.
    #[must_use]
    pub fn accepts(url: &str) -> bool {
        Scheme::parse(url).is_ok()
    }

    /// Opens the database that `url` names (`sqlite://path?mode=rwc` or `postgresql://user:password@host/database`):
    /// locks it as it needs, brings the schema up to date unless `options` say otherwise, and connects.
    ///
    /// # Errors
    /// [`OpenError`] names the thing, the place and the way out.
    pub async fn open(url: &str, options: &Options) -> Result<Self, OpenError> {
        let opened = match Scheme::parse(url)? {
            Scheme::Sqlite => sqlite::open(url, options).await?,
            Scheme::Postgres => postgres::open(url, options).await?,
        };
        Ok(Self(Arc::new(opened)))
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

    /// Answers the steps that the schema lacks, oldest first; all of them for a file that is yet to be made. What would
    /// keep them from being applied is an error, as far as can be seen.
    ///
    /// Writes nothing and takes no lock: a server may be using the database.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn pending(url: &str) -> Result<Vec<String>, OpenError> {
        match Scheme::parse(url)? {
            Scheme::Sqlite => sqlite::pending(url).await,
            Scheme::Postgres => postgres::pending(url).await,
        }
    }

    /// The format of what this build stores.
    #[must_use]
    pub const fn format() -> u32 {
        STORE_FORMAT
    }

    /// The update log.
    #[must_use]
    pub fn log(&self) -> StoreLog {
        StoreLog(Arc::clone(&self.0))
    }

    /// Where the documents are: a file's path, or a server's URL without its password.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.0.place
    }

    /// The steps of the schema that opening applied, oldest first.
    #[must_use]
    pub fn applied(&self) -> &[String] {
        &self.0.applied
    }

    /// The figures since the store was opened.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        Statistics { pool: self.0.reader.connections(), writer: self.0.writer.statistics() }
    }

    /// Gives memory back that only makes what was read lately quicker to read again. To be called now and then: a busy
    /// hour fills every cache to its bound.
    pub async fn trim(&self) {
        self.0.reader.trim().await;
        self.0.writer.trim().await;
    }

    /// Waits for the writes under way and closes every connection. Later writes and reads answer `Unavailable`.
    pub async fn close(&self) {
        // The writer last: the last connection to close folds SQLite's write-ahead log into the file.
        self.0.reader.close().await;
        self.0.writer.close().await;
    }
}
