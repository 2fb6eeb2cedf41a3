//! The schema, a step a file.
//!
//! Rules for a step: it runs in a transaction and has a way back; it suits the old and the new binary at once, because
//! in a rolling restart both run, or else raises [`STORE_FORMAT`] and says so at the end of its name, by which an older binary
//! knows that it cannot use the database; it is written with the schema builder, so that it suits
//! every database.
//! What an older binary needs is removed one release after the last binary that needs it.

mod m20261125_000001_documents;
mod m20261125_000002_document_updates;
mod m20261125_000003_document_snapshots;
mod m20261126_000004_document_segments;
mod m20261127_000005_packed_updates_format_3;

use sea_orm_migration::prelude::*;

/// The format of what is stored, as `tandem --version` prints it.
///
/// Raised with what a binary of the previous format cannot read, and a step with it: then all nodes stop before the first
/// of the new ones starts. It is 3 since rows are packed and snapshots have outlines; nothing older was released.
pub const STORE_FORMAT: u32 = 3;

/// The format to which a step raises what is stored, by its name: `…_format_4`.
#[must_use]
pub fn format_of(step: &str) -> Option<u32> {
    step.rsplit_once("_format_")?.1.parse().ok()
}

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
            Box::new(m20261127_000005_packed_updates_format_3::Migration),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_the_highest_that_a_step_names() {
        let named = Migrator::migrations().iter().filter_map(|step| format_of(step.name())).max();
        assert_eq!(named, Some(STORE_FORMAT));
        assert_eq!([format_of("m20261127_000006_titles"), format_of("m1_format_x")], [None, None]);
    }
}
