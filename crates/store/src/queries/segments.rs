//! Queries on segments.

use sea_orm::{ActiveValue, ConnectionTrait, DbErr, EntityTrait, QueryOrder};

use crate::entities::document_segment::{ActiveModel, Column, Entity, Model};

/// Writes a segment.
pub async fn insert(db: &impl ConnectionTrait, payload: Vec<u8>) -> Result<(), DbErr> {
    let row = ActiveModel { id: ActiveValue::NotSet, payload: ActiveValue::Set(payload) };
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
