//! One row of the log, or several that follow one another, packed.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "document_updates")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub document: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    /// The first of the rows that are packed here; null where it is one row.
    pub first: Option<i64>,
    #[sea_orm(column_type = "Blob")]
    pub payload: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
