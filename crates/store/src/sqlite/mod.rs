//! The log in a file of this process' own.
//!
//! One process owns the file, by a lock beside it. One connection writes; up to eight read. After a write that failed the
//! writer believes nothing that it held in memory: it opens the file again.

mod connect;
mod folder;
mod heads;
mod location;
mod lock;
mod segment;
mod spreading;
mod writer;

use std::sync::Arc;

use sea_orm::DbErr;
use tandem_migrations::Migrator;

use self::location::Location;
use self::lock::FileLock;
pub use self::writer::Writer;
use crate::error::OpenError;
use crate::fault::{Fault, describe};
use crate::opened::{self, Opened};
use crate::options::{Options, Schema, SqliteOptions};
use crate::pool;
use crate::reader::Reader;
use crate::schema;

/// Takes the lock, brings the schema up to date unless `options` say otherwise, connects writer and readers.
pub async fn open(url: &str, options: &Options) -> Result<Opened, OpenError> {
    let location = Location::parse(url)?;
    prepare(&location)?;
    let lock = FileLock::take(&location)?;
    let failed = |error| cannot_open(&location, &error);
    let writer = connect::writer(&location, options).await.map_err(failed)?;
    let place = location.path.display().to_string();
    let applied = schema::ensure(&writer, &place, options.schema).await?;
    // What is acknowledged is worth nothing in a file whose name a power cut forgets.
    let folder = location.folder();
    folder::sync(folder).map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?;
    let tail = Arc::default();
    let segment = spreading::recover(&writer, &tail).await.map_err(failed)?;
    let readers = connect::readers(&location, options).await.map_err(failed)?;
    Ok(Opened {
        reader: Reader::new(readers, Arc::clone(&tail), connect::TURN_TIMEOUT, options.read_timeout),
        writer: opened::Writer::Sqlite(Writer::new(&location, options, lock, (writer, segment), tail)),
        place,
        applied,
    })
}

/// Answers the steps that the schema lacks, if they could be applied; takes no lock and writes nothing.
pub async fn pending(url: &str) -> Result<Vec<String>, OpenError> {
    let location = Location::parse(url)?;
    location.writable()?;
    if !location.path.exists() {
        return Ok(schema::own::<Migrator>());
    }
    let sqlite = SqliteOptions { readers: 1, ..SqliteOptions::default() };
    let reader = connect::readers(&location, &Options { sqlite, ..Options::default() }).await;
    let reader = reader.map_err(|error| cannot_open(&location, &error))?;
    let pending = schema::applicable(&reader, &location.path.display().to_string(), Schema::Upgrade).await;
    pool::close(&reader).await;
    pending
}

/// Makes the folder of a file that may be made.
fn prepare(location: &Location) -> Result<(), OpenError> {
    location.possible()?;
    let folder = location.folder();
    folder::make(folder).map_err(|source| OpenError::Folder { path: folder.to_owned(), source })
}

fn cannot_open(location: &Location, error: &DbErr) -> OpenError {
    let path = location.path.clone();
    match Fault::of(error) {
        Fault::NotADatabase => OpenError::NotADatabase { path },
        Fault::Damaged => OpenError::Damaged { database: path.display().to_string(), reason: describe(error) },
        Fault::Busy => OpenError::Locked { path },
        _ => OpenError::Unusable { path, reason: describe(error) },
    }
}
