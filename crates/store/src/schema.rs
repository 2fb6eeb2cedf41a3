//! The schema's steps.

use std::path::Path;

use sea_orm::{DatabaseConnection, DbErr, EntityTrait, QueryOrder};
use sea_orm_migration::{MigratorTrait, SchemaManager, seaql_migrations};
use tandem_migrations::Migrator;

use crate::error::OpenError;
use crate::fault::describe;
use crate::options::Schema;

/// The steps of a database against those of this binary.
#[derive(Debug, PartialEq, Eq)]
pub struct Steps {
    /// Those that the database lacks, oldest first.
    pub pending: Vec<String>,
    /// Those that this binary does not know.
    pub unknown: Vec<String>,
}

/// Compares the steps of a database with those of `M`.
///
/// Reads the table of steps by itself: the migration library refuses a database that has steps it does not know, which
/// is what a node of the old version meets in a rolling restart.
pub async fn compare<M: MigratorTrait>(db: &DatabaseConnection) -> Result<Steps, DbErr> {
    let own = own::<M>();
    let applied = applied(db).await?;
    Ok(Steps {
        pending: own.iter().filter(|step| !applied.contains(step)).cloned().collect(),
        unknown: applied.into_iter().filter(|step| !own.contains(step)).collect(),
    })
}

/// The names of the steps of `M`, oldest first.
pub fn own<M: MigratorTrait>() -> Vec<String> {
    M::migrations().iter().map(|step| step.name().to_owned()).collect()
}

/// Makes sure that the schema has all steps of this binary; answers those that were applied now.
///
/// The caller holds the lock beside the file: the migration library has none.
pub async fn ensure(db: &DatabaseConnection, path: &Path, schema: Schema) -> Result<Vec<String>, OpenError> {
    let failed = |error: DbErr| OpenError::Migration { path: path.to_owned(), reason: describe(&error) };
    let Steps { pending, unknown } = compare::<Migrator>(db).await.map_err(failed)?;
    if pending.is_empty() {
        return Ok(pending);
    }
    let path = path.to_owned();
    if !unknown.is_empty() {
        return Err(OpenError::Foreign { path, unknown, steps: pending });
    }
    if schema == Schema::Require {
        return Err(OpenError::Behind { path, steps: pending });
    }
    Migrator::up(db, None).await.map_err(failed)?;
    tracing::info!(database = %path.display(), steps = pending.len(), "the schema was brought up to date");
    Ok(pending)
}

async fn applied(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    if !SchemaManager::new(db).has_table("seaql_migrations").await? {
        return Ok(Vec::new());
    }
    let rows = seaql_migrations::Entity::find().order_by_asc(seaql_migrations::Column::Version).all(db).await?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}
