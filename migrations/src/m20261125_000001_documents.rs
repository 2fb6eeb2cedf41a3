//! Names, and what is known of each.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[derive(DeriveIden)]
pub enum Documents {
    Table,
    Id,
    Name,
    Epoch,
    Head,
    Base,
    DeletedAt,
    Tombstone,
    CreatedAt,
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
                    .table(Documents::Table)
                    .col(ColumnDef::new(Documents::Id).big_integer().not_null().auto_increment().primary_key())
                    // Compared byte by byte on every database: no folding of case.
                    .col(ColumnDef::new(Documents::Name).text().not_null().unique_key())
                    .col(ColumnDef::new(Documents::Epoch).big_integer().not_null())
                    // At most the newest row's position; SQLite raises it with snapshots and deletions only.
                    .col(ColumnDef::new(Documents::Head).big_integer().not_null().default(0))
                    // The log's rows start behind it: the head of the name's last deletion.
                    .col(ColumnDef::new(Documents::Base).big_integer().not_null().default(0))
                    // Milliseconds since 1970; null while the name is live.
                    .col(ColumnDef::new(Documents::DeletedAt).big_integer().null())
                    .col(ColumnDef::new(Documents::Tombstone).blob().not_null())
                    .col(ColumnDef::new(Documents::CreatedAt).big_integer().not_null())
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Documents::Table).to_owned()).await
    }
}
