//! Queries on names.

use sea_orm::sea_query::{Expr, ExprTrait, LockType, OnConflict, Query, SelectStatement};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, Select,
};
use tandem_model::{DocumentId, Seq};

use crate::entities::document::{ActiveModel, Column, Entity};
use crate::entities::document_update;

/// The most numbers of one question; SQLite takes 32,766.
pub const DOCUMENTS_A_QUESTION: usize = 10_000;

/// A name's row together with the position of its newest log row, read by one statement.
#[derive(Debug, FromQueryResult)]
pub struct Found {
    pub id: i64,
    pub name: String,
    pub epoch: i64,
    pub head: i64,
    pub base: i64,
    pub deleted_at: Option<i64>,
    pub tombstone: Vec<u8>,
    pub newest: Option<i64>,
}

impl Found {
    /// The newest position that was given.
    pub fn head(&self) -> i64 {
        std::cmp::max(self.newest.unwrap_or(0), self.head)
    }

    /// Takes a row into account that is not at its document yet.
    pub fn raise(&mut self, newest: Option<Seq>) {
        self.newest = std::cmp::max(self.newest, newest.map(|seq| seq.0));
    }
}

/// The part of [`Found`] that an append needs.
#[derive(Debug, FromQueryResult)]
pub struct FoundHead {
    pub id: i64,
    pub epoch: i64,
    pub head: i64,
    pub deleted_at: Option<i64>,
    pub newest: Option<i64>,
}

impl FoundHead {
    /// The newest position that was given.
    pub fn head(&self) -> i64 {
        std::cmp::max(self.newest.unwrap_or(0), self.head)
    }
}

/// Reads the row of a name.
pub async fn by_name(db: &impl ConnectionTrait, name: &str) -> Result<Option<Found>, DbErr> {
    found(db, Column::Name.eq(name)).await
}

/// Reads the row of a number.
pub async fn by_id(db: &impl ConnectionTrait, document: DocumentId) -> Result<Option<Found>, DbErr> {
    found(db, Column::Id.eq(document.0)).await
}

/// Reads the row of a number and keeps it for this transaction; on SQLite a transaction that writes has the file anyway.
pub async fn locked(db: &impl ConnectionTrait, document: DocumentId) -> Result<Option<Found>, DbErr> {
    let row = with_newest().filter(Column::Id.eq(document.0)).lock(LockType::NoKeyUpdate);
    row.into_model::<Found>().one(db).await
}

/// Reads the heads of several documents; absent ones are left out.
pub async fn heads(db: &impl ConnectionTrait, documents: &[DocumentId]) -> Result<Vec<FoundHead>, DbErr> {
    Entity::find()
        .select_only()
        .columns([Column::Id, Column::Epoch, Column::Head, Column::DeletedAt])
        .expr_as(newest_row(), "newest")
        .filter(Column::Id.is_in(documents.iter().map(|document| document.0)))
        .into_model::<FoundHead>()
        .all(db)
        .await
}

/// Makes a name live, whether it was never used or deleted; one that is live stays as it is.
pub async fn make_live(db: &impl ConnectionTrait, name: &str, now: i64) -> Result<(), DbErr> {
    let row = ActiveModel {
        id: ActiveValue::NotSet,
        name: ActiveValue::Set(name.to_owned()),
        epoch: ActiveValue::Set(1),
        head: ActiveValue::Set(0),
        base: ActiveValue::Set(0),
        deleted_at: ActiveValue::Set(None),
        tombstone: ActiveValue::Set(Vec::new()),
        created_at: ActiveValue::Set(now),
    };
    let live = OnConflict::column(Column::Name).update_column(Column::DeletedAt).to_owned();
    Entity::insert(row).on_conflict(live).exec_without_returning(db).await.map(drop)
}

/// Marks a name as deleted, in its next epoch, with its rows starting behind `head`.
pub async fn mark_deleted(
    db: &impl ConnectionTrait,
    document: DocumentId,
    head: i64,
    tombstone: &[u8],
    now: i64,
) -> Result<(), DbErr> {
    let gone = ActiveModel {
        head: ActiveValue::Set(head),
        base: ActiveValue::Set(head),
        deleted_at: ActiveValue::Set(Some(now)),
        tombstone: ActiveValue::Set(tombstone.to_vec()),
        ..Default::default()
    };
    Entity::update_many()
        .set(gone)
        .col_expr(Column::Epoch, Expr::col(Column::Epoch).add(1))
        .filter(Column::Id.eq(document.0))
        .exec(db)
        .await
        .map(drop)
}

/// Notes that the log reaches `head`, so that a load notices if it no longer does.
pub async fn note_head(db: &impl ConnectionTrait, document: DocumentId, head: i64) -> Result<(), DbErr> {
    let noted = ActiveModel { head: ActiveValue::Set(head), ..Default::default() };
    Entity::update_many().set(noted).filter(Column::Id.eq(document.0)).exec(db).await.map(drop)
}

/// Reads where the rows of several documents begin: each number with the position before its first row.
pub async fn bases(db: &impl ConnectionTrait, documents: &[DocumentId]) -> Result<Vec<(i64, i64)>, DbErr> {
    Entity::find()
        .select_only()
        .columns([Column::Id, Column::Base])
        .filter(Column::Id.is_in(documents.iter().map(|document| document.0)))
        .into_tuple()
        .all(db)
        .await
}

async fn found(db: &impl ConnectionTrait, which: Expr) -> Result<Option<Found>, DbErr> {
    with_newest().filter(which).into_model::<Found>().one(db).await
}

fn with_newest() -> Select<Entity> {
    Entity::find().expr_as(newest_row(), "newest")
}

fn newest_row() -> Expr {
    let newest: SelectStatement = Query::select()
        .expr(Expr::col((document_update::Entity, document_update::Column::Seq)).max())
        .from(document_update::Entity)
        .and_where(Expr::col((document_update::Entity, document_update::Column::Document)).equals((Entity, Column::Id)))
        .to_owned();
    Expr::SubQuery(None, Box::new(newest.into()))
}
