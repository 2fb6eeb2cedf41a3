//! What is asked of the tables. Nothing here decides anything: rules stand with the writer and the reader.

pub mod documents;
pub mod segments;
pub mod snapshots;
pub mod updates;

use sea_orm::{AccessMode, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel};
use sea_orm::{SqliteTransactionMode, TransactionOptions, TransactionTrait};

/// Opens a transaction that may write from its first statement on.
///
/// On SQLite one that begins by reading and is upgraded later fails at once when anybody wrote in between.
pub async fn begin_write(connection: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options =
        TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
    connection.begin_with_options(options).await
}

/// Opens a transaction whose reads all see one moment. On SQLite every transaction is one.
pub async fn begin_snapshot(connection: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    match connection.get_database_backend() {
        DbBackend::Postgres => {
            let (level, access) = (IsolationLevel::RepeatableRead, AccessMode::ReadOnly);
            connection.begin_with_config(Some(level), Some(access)).await
        }
        _ => connection.begin().await,
    }
}
