//! Connections and their settings.

use std::time::Duration;

use ::log::LevelFilter;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

use super::location::{Location, Missing};
use crate::options::Options;

/// SQLite's default, which no step changes.
const PAGE_BYTES: u64 = 4096;

/// How long a statement waits for a lock that somebody else holds: a backup or a shell, for one process owns the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a read waits for its turn among the readers. Longer than a read takes, for a full house is no fault.
pub const TURN_TIMEOUT: Duration = Duration::from_secs(10);

/// The connections that read which are always open: a load takes its second while its first is on the way back.
const READERS_OPEN: u32 = 2;

/// The bytes of the file that are read through the kernel's own cache.
const MMAP_BYTES: &str = "268435456";

/// The pages of the write-ahead log at which a commit copies them into the file: 16 MiB. What is written again and again
/// meanwhile is copied once.
const CHECKPOINT_PAGES: &str = "4096";

/// Connects the one writer.
///
/// WAL, and a sync with each commit: anything less loses acknowledged commits at a power cut.
pub async fn writer(location: &Location, options: &Options) -> Result<DatabaseConnection, DbErr> {
    let (path, missing) = (location.path.clone(), location.missing);
    let pages_max = options.sqlite.bytes_max.map(|bytes| (bytes / PAGE_BYTES).max(1).to_string());
    let settings = move |sqlite: SqliteConnectOptions| {
        let sqlite = sqlite
            .filename(&path)
            .create_if_missing(missing == Missing::Make)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .pragma("cache_size", "-32768")
            .pragma("mmap_size", MMAP_BYTES)
            .pragma("journal_size_limit", "67108864")
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES);
        match &pages_max {
            Some(pages) => sqlite.pragma("max_page_count", pages.clone()),
            None => sqlite,
        }
    };
    let mut connect = pool(options, 1);
    connect.map_sqlx_sqlite_opts(settings);
    Database::connect(connect).await
}

/// Connects the readers. Each keeps a small cache of its own: what they read is in the kernel's.
pub async fn readers(location: &Location, options: &Options) -> Result<DatabaseConnection, DbErr> {
    let path = location.path.clone();
    let settings = move |sqlite: SqliteConnectOptions| {
        sqlite
            .filename(&path)
            .read_only(true)
            .create_if_missing(false)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("cache_size", "-4096")
            .pragma("mmap_size", MMAP_BYTES)
    };
    let most = options.sqlite.readers.max(1);
    let mut connect = pool(options, most);
    connect.min_connections(READERS_OPEN.min(most));
    connect.map_sqlx_sqlite_opts(settings);
    Database::connect(connect).await
}

/// Connections live as long as the pool: there is no server that could go away, so none is tested before its use.
fn pool(options: &Options, connections: u32) -> ConnectOptions {
    // The path is set with the settings, where nothing of it needs escapes.
    let mut connect = ConnectOptions::new("sqlite://replaced");
    connect
        .max_connections(connections)
        .acquire_timeout(TURN_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .sqlx_logging_level(LevelFilter::Off)
        .sqlx_slow_statements_logging_settings(LevelFilter::Warn, options.slow_statement);
    connect
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::SqliteOptions;
    use sea_orm::{ConnectionTrait, DatabaseBackend, Statement};

    async fn pragma(connection: &DatabaseConnection, name: &str) -> String {
        answer(connection, format!("PRAGMA {name}")).await
    }

    async fn answer(connection: &DatabaseConnection, question: impl Into<String>) -> String {
        let statement = Statement::from_string(DatabaseBackend::Sqlite, question);
        let row = connection.query_one_raw(statement).await.expect("an answer").expect("a row");
        row.try_get_by_index::<i64>(0)
            .map_or_else(|_| row.try_get_by_index(0).expect("a text"), |value| value.to_string())
    }

    #[tokio::test]
    async fn connections_have_the_settings_that_durability_rests_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let location = Location { path: folder.path().join("a b%20?.db"), missing: Missing::Make };
        let options = Options {
            sqlite: SqliteOptions { bytes_max: Some(8 << 20), ..SqliteOptions::default() },
            ..Options::default()
        };
        let writer = writer(&location, &options).await.expect("a writer");
        for (name, value) in [
            ("journal_mode", "wal"),
            ("synchronous", "2"),
            ("busy_timeout", "2000"),
            ("foreign_keys", "1"),
            ("cache_size", "-32768"),
            ("mmap_size", "268435456"),
            ("journal_size_limit", "67108864"),
            ("wal_autocheckpoint", "4096"),
            ("max_page_count", "2048"),
            ("page_size", "4096"),
        ] {
            assert_eq!(pragma(&writer, name).await, value, "{name} of the writer");
        }
        let planned_once = "SELECT sqlite_compileoption_used('ENABLE_QPSG')";
        assert_eq!(answer(&writer, planned_once).await, "1", ".cargo/config.toml has its flag");
        assert!(location.path.exists(), "a path is taken as it is");
        let readers = readers(&location, &options).await.expect("readers");
        for (name, value) in [("journal_mode", "wal"), ("busy_timeout", "2000"), ("mmap_size", "268435456")] {
            assert_eq!(pragma(&readers, name).await, value, "{name} of a reader");
        }
        let written = readers.execute_unprepared("CREATE TABLE never (a integer)").await;
        assert!(written.is_err(), "a reader writes nothing");
    }
}
