//! Queries on the log's rows.

use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tandem_model::DocumentId;

use crate::entities::document_update::{ActiveModel, Column, Entity, Model};

/// The most rows of one statement: SQLite takes 32,766 parameters, and a row has four.
pub const ROWS_A_STATEMENT: usize = 8_000;

/// Writes rows in one statement; at most [`ROWS_A_STATEMENT`].
pub async fn insert(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<(), DbErr> {
    let rows = rows.into_iter().map(|row| ActiveModel {
        document: ActiveValue::Set(row.document),
        seq: ActiveValue::Set(row.seq),
        first: ActiveValue::Set(row.first),
        payload: ActiveValue::Set(row.payload),
    });
    Entity::insert_many(rows).exec_without_returning(db).await.map(drop)
}

/// Reads up to `limit` rows behind `after`, in their order; the first may hold rows up to `after` too.
pub async fn page(
    db: &impl ConnectionTrait,
    document: DocumentId,
    after: i64,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Document.eq(document.0))
        .filter(Column::Seq.gt(after))
        .order_by_asc(Column::Seq)
        .limit(limit)
        .all(db)
        .await
}

/// Removes every row of a document.
pub async fn remove(db: &impl ConnectionTrait, document: DocumentId) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::Document.eq(document.0)).exec(db).await.map(drop)
}
