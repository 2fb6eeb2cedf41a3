//! The schema's steps.

use sea_orm::{DatabaseConnection, DbErr, EntityTrait, QueryOrder};
use sea_orm_migration::{MigratorTrait, SchemaManager, seaql_migrations};
use tandem_migrations::{Migrator, STORE_FORMAT, TABLES, format_of};

use crate::error::OpenError;
use crate::fault::{Fault, describe};
use crate::options::Schema;

/// What lets a user of a server make tables.
const CREATE_DENIED: &str = ", the user in DATABASE_URL must be allowed to create tables (GRANT CREATE ON SCHEMA), and own \
                             those of Tandem that are there (ALTER TABLE … OWNER TO)";

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

/// Answers the steps that are to be applied, oldest first.
pub async fn lacking(db: &DatabaseConnection, database: &str, schema: Schema) -> Result<Vec<String>, OpenError> {
    let steps = compare::<Migrator>(db).await.map_err(|error| failed(database, &error))?;
    let Steps { pending, unknown } = steps;
    let database = || database.to_owned();
    let format = unknown.iter().filter_map(|step| format_of(step)).max().filter(|format| *format > STORE_FORMAT);
    if let Some(format) = format {
        return Err(OpenError::Newer { database: database(), format, own: STORE_FORMAT });
    }
    match schema {
        _ if pending.is_empty() => Ok(pending),
        _ if !unknown.is_empty() => Err(OpenError::Foreign { database: database(), unknown, steps: pending }),
        Schema::Require => Err(OpenError::Behind { database: database(), steps: pending }),
        Schema::Upgrade => Ok(pending),
    }
}

/// Answers the steps that are to be applied, if they are not all of them while one of our tables is there already: then
/// the database is somebody else's. Writes nothing.
pub async fn applicable(db: &DatabaseConnection, database: &str, schema: Schema) -> Result<Vec<String>, OpenError> {
    let pending = lacking(db, database, schema).await?;
    if pending != own::<Migrator>() {
        return Ok(pending);
    }
    let Some(table) = occupied(db).await.map_err(|error| failed(database, &error))? else { return Ok(pending) };
    // Another node may have begun to apply them since: each step comes with its record.
    let pending = lacking(db, database, schema).await?;
    if pending == own::<Migrator>() {
        return Err(OpenError::Occupied { database: database.to_owned(), table });
    }
    Ok(pending)
}

/// A table that has one of our names.
async fn occupied(db: &DatabaseConnection) -> Result<Option<String>, DbErr> {
    let manager = SchemaManager::new(db);
    for table in TABLES {
        if manager.has_table(table).await? {
            return Ok(Some(table.to_owned()));
        }
    }
    Ok(None)
}

/// Brings the schema up to date; answers the steps that were applied.
///
/// The caller holds a lock against other starters: the migration library has none.
pub async fn ensure(db: &DatabaseConnection, database: &str, schema: Schema) -> Result<Vec<String>, OpenError> {
    let pending = applicable(db, database, schema).await?;
    if !pending.is_empty() {
        Migrator::up(db, None).await.map_err(|error| failed(database, &error))?;
        tracing::info!(database, steps = pending.len(), "the schema was brought up to date");
    }
    Ok(pending)
}

fn failed(database: &str, error: &DbErr) -> OpenError {
    let (database, mut reason) = (database.to_owned(), describe(error));
    match Fault::of(error) {
        Fault::Damaged => return OpenError::Damaged { database, reason },
        Fault::Denied => reason += CREATE_DENIED,
        _ => {}
    }
    OpenError::Migration { database, reason }
}

async fn applied(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    if !SchemaManager::new(db).has_table("seaql_migrations").await? {
        return Ok(Vec::new());
    }
    let rows = seaql_migrations::Entity::find().order_by_asc(seaql_migrations::Column::Version).all(db).await?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}
