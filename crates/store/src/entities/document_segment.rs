//! One commit whose rows are not yet at their documents; SQLite only.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "document_segments")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(column_type = "Blob")]
    pub payload: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
