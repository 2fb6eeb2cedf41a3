//! Several rows of the update log in one.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[derive(DeriveIden)]
enum DocumentUpdates {
    Table,
    First,
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    /// What goes to its documents many commits at a time goes there as one row a document, at the position of the last
    /// that it packs. A column without a default: no row is written again for it.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let first = ColumnDef::new(DocumentUpdates::First).big_integer().null().to_owned();
        manager.alter_table(Table::alter().table(DocumentUpdates::Table).add_column(first).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter().table(DocumentUpdates::Table).drop_column(DocumentUpdates::First).to_owned();
        manager.alter_table(table).await
    }
}
