//! Several rows of the update log in one.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[derive(DeriveIden)]
enum DocumentUpdates {
    Table,
    First,
}

#[derive(DeriveIden)]
struct DocumentSnapshots;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    /// What goes to its documents many commits at a time goes there packed, at the position of the last that a pack
    /// holds. A column without a default: no row is written again for it. A binary of format 2 reads no packs, and no
    /// snapshots of format 3: all nodes stop before the first of the new ones starts.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let first = ColumnDef::new(DocumentUpdates::First).big_integer().null().to_owned();
        manager.alter_table(Table::alter().table(DocumentUpdates::Table).add_column(first).to_owned()).await
    }

    /// Snapshots go: the rows that they were made of are there, and format 2 reads those.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let packed = Query::select()
            .expr(Expr::val(1))
            .from(DocumentUpdates::Table)
            .and_where(Expr::col(DocumentUpdates::First).is_not_null())
            .limit(1)
            .to_owned();
        if manager.get_connection().query_one(&packed).await?.is_some() {
            return Err(DbErr::Custom("there are packed rows: without the column they cannot be read".to_owned()));
        }
        let snapshots = Query::delete().from_table(DocumentSnapshots).to_owned();
        manager.get_connection().execute(&snapshots).await?;
        let table = Table::alter().table(DocumentUpdates::Table).drop_column(DocumentUpdates::First).to_owned();
        manager.alter_table(table).await
    }
}
