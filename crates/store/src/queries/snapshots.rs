//! Queries on snapshots.

use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tandem_model::DocumentId;

use crate::entities::document_snapshot::{ActiveModel, Column, Entity, Model};

/// Reads the newest snapshot of a document.
pub async fn newest(db: &impl ConnectionTrait, document: DocumentId) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::Document.eq(document.0)).order_by_desc(Column::Seq).one(db).await
}

/// Reads the position of the newest snapshot of a document.
pub async fn newest_seq(db: &impl ConnectionTrait, document: DocumentId) -> Result<Option<i64>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Seq)
        .filter(Column::Document.eq(document.0))
        .order_by_desc(Column::Seq)
        .into_tuple()
        .one(db)
        .await
}

/// Writes a snapshot.
pub async fn insert(db: &impl ConnectionTrait, snapshot: Model) -> Result<(), DbErr> {
    let row = ActiveModel {
        document: ActiveValue::Set(snapshot.document),
        seq: ActiveValue::Set(snapshot.seq),
        payload: ActiveValue::Set(snapshot.payload),
    };
    Entity::insert(row).exec_without_returning(db).await.map(drop)
}

/// Removes the snapshots before `seq`.
pub async fn remove_before(db: &impl ConnectionTrait, document: DocumentId, seq: i64) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::Document.eq(document.0)).filter(Column::Seq.lt(seq)).exec(db).await.map(drop)
}
