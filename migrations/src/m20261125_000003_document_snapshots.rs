//! Where loads start from.

use sea_orm_migration::prelude::*;

use crate::m20261125_000001_documents::Documents;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[derive(DeriveIden)]
enum DocumentSnapshots {
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

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(DocumentSnapshots::Table)
                    .col(ColumnDef::new(DocumentSnapshots::Document).big_integer().not_null())
                    // The last row that the snapshot holds.
                    .col(ColumnDef::new(DocumentSnapshots::Seq).big_integer().not_null())
                    .col(ColumnDef::new(DocumentSnapshots::Payload).blob().not_null())
                    .primary_key(Index::create().col(DocumentSnapshots::Document).col(DocumentSnapshots::Seq))
                    .foreign_key(
                        ForeignKey::create()
                            .from(DocumentSnapshots::Table, DocumentSnapshots::Document)
                            .to(Documents::Table, Documents::Id),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(DocumentSnapshots::Table).to_owned()).await
    }
}
