//! The schema, a step a file.
//!
//! Rules for a step: it runs in a transaction and has a way back; it suits the old and the new binary at once, because
//! in a rolling restart both run, or else raises [`STORE_FORMAT`]; it is written with the schema builder, so that it suits
//! every database.
//! What an older binary needs is removed one release after the last binary that needs it.

mod m20261125_000001_documents;
mod m20261125_000002_document_updates;
mod m20261125_000003_document_snapshots;
mod m20261126_000004_document_segments;
mod m20261127_000005_packed_updates;

use sea_orm_migration::prelude::*;

/// The format of what is stored, as `tandem --version` prints it.
///
/// Raised with what a binary of the previous format cannot read: then all nodes stop before the first of the new ones
/// starts. It is 3 since rows are packed and snapshots have outlines; nothing older was released.
pub const STORE_FORMAT: u32 = 3;

/// The tables that all steps together make.
pub const TABLES: [&str; 4] = ["documents", "document_updates", "document_snapshots", "document_segments"];

/// All steps, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261125_000001_documents::Migration),
            Box::new(m20261125_000002_document_updates::Migration),
            Box::new(m20261125_000003_document_snapshots::Migration),
            Box::new(m20261126_000004_document_segments::Migration),
            Box::new(m20261127_000005_packed_updates::Migration),
        ]
    }
}
