//! The update log.

use sea_orm_migration::prelude::*;

use crate::m20261125_000001_documents::Documents;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[derive(DeriveIden)]
enum DocumentUpdates {
    Table,
    Document,
    Seq,
    Payload,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    /// On SQLite this is a rowid table with an index of its own: rows are written at the table's end and only the small
    /// index entries are spread, which touches fewer pages a commit than a table ordered by its key.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(DocumentUpdates::Table)
                    .col(ColumnDef::new(DocumentUpdates::Document).big_integer().not_null())
                    .col(ColumnDef::new(DocumentUpdates::Seq).big_integer().not_null())
                    .col(ColumnDef::new(DocumentUpdates::Payload).blob().not_null())
                    .primary_key(Index::create().col(DocumentUpdates::Document).col(DocumentUpdates::Seq))
                    .foreign_key(
                        ForeignKey::create()
                            .from(DocumentUpdates::Table, DocumentUpdates::Document)
                            .to(Documents::Table, Documents::Id),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(DocumentUpdates::Table).to_owned()).await
    }
}
