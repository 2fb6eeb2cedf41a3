//! A name and what is known of it.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "documents")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique, column_type = "Text")]
    pub name: String,
    pub epoch: i64,
    /// At most the newest row's position.
    pub head: i64,
    /// Rows start behind it.
    pub base: i64,
    /// Milliseconds since 1970.
    pub deleted_at: Option<i64>,
    #[sea_orm(column_type = "Blob")]
    pub tombstone: Vec<u8>,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
