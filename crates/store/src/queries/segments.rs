//! Queries on segments.

use sea_orm::{ActiveValue, ConnectionTrait, DbErr, EntityTrait, QueryOrder};

use crate::entities::document_segment::{ActiveModel, Column, Entity, Model};

/// Writes a segment; fails where its number is taken.
pub async fn insert(db: &impl ConnectionTrait, id: i64, payload: Vec<u8>) -> Result<(), DbErr> {
    let row = ActiveModel { id: ActiveValue::Set(id), payload: ActiveValue::Set(payload) };
    Entity::insert(row).exec_without_returning(db).await.map(drop)
}

/// Reads all segments in the order of their commits.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    Entity::find().order_by_asc(Column::Id).all(db).await
}

/// Removes all segments.
pub async fn remove(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    Entity::delete_many().exec(db).await.map(drop)
}
