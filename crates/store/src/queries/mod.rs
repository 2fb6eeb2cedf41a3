//! What is asked of the tables. Nothing here decides anything: rules stand with the writer and the reader.

pub mod documents;
pub mod snapshots;
pub mod updates;

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use sea_orm::{SqliteTransactionMode, TransactionOptions, TransactionTrait};

/// Opens a transaction that may write from its first statement on.
///
/// One that begins by reading and is upgraded later fails at once when anybody wrote in between.
pub async fn begin_immediate(connection: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options =
        TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
    connection.begin_with_options(options).await
}
