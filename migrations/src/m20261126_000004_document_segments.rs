//! Commits that are not yet at their documents.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[derive(DeriveIden)]
enum DocumentSegments {
    Table,
    Id,
    Payload,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    /// On SQLite a commit is one row here, whatever it holds, and rows go to their documents many commits at a time: a
    /// commit's price is the pages it touches. PostgreSQL's own log does that already.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() != DbBackend::Sqlite {
            return Ok(());
        }
        manager
            .create_table(
                Table::create()
                    .table(DocumentSegments::Table)
                    .col(ColumnDef::new(DocumentSegments::Id).big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new(DocumentSegments::Payload).blob().not_null())
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::drop().table(DocumentSegments::Table).if_exists().to_owned();
        manager.drop_table(table).await
    }
}
