//! The schema's steps: forward, back, and beside other versions.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseConnection, Statement};
use sea_orm_migration::prelude::*;
use support::{Place, append, create, load, seqs};
use tandem_migrations::{Migrator, TABLES};
use tandem_store::{OpenError, Options, Schema, Store};

/// The version before this one: it lacks the last step.
struct Former;

#[async_trait::async_trait]
impl MigratorTrait for Former {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut steps = Migrator::migrations();
        steps.pop();
        steps
    }
}

/// The version after this one: a step more, which suits this one too.
struct Coming;

#[async_trait::async_trait]
impl MigratorTrait for Coming {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut steps = Migrator::migrations();
        steps.push(Box::new(Colour));
        steps
    }
}

struct Colour;

impl MigrationName for Colour {
    fn name(&self) -> &str {
        "m29990101_000001_colour"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Colour {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "ALTER TABLE documents ADD COLUMN colour text NOT NULL DEFAULT 'red'";
        manager.get_connection().execute_unprepared(sql).await.map(drop)
    }
}

async fn tables(db: &DatabaseConnection) -> Vec<String> {
    let sql = "SELECT coalesce(sql, name) FROM sqlite_master WHERE name NOT LIKE 'seaql%' ORDER BY name";
    let rows = db.query_all_raw(Statement::from_string(DatabaseBackend::Sqlite, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

#[tokio::test]
async fn every_step_goes_forward_back_and_forward_again() {
    let place = Place::new();
    let db = place.past().await;
    Migrator::up(&db, None).await.unwrap();
    let first = tables(&db).await;
    assert!(first.len() >= 3, "{first:?}");
    // The last step adds a column.
    for left in [4, 3, 2, 1, 0] {
        let before = tables(&db).await;
        Migrator::down(&db, Some(1)).await.unwrap();
        let tables = tables(&db).await;
        assert_ne!(tables, before, "a step back takes something");
        let ours = tables.iter().filter(|sql| sql.contains("document")).filter(|sql| sql.starts_with("CREATE TABLE"));
        assert_eq!(ours.count(), left, "a step back takes its table: {tables:?}");
    }
    Migrator::up(&db, None).await.unwrap();
    assert_eq!(tables(&db).await, first);
}

#[tokio::test]
async fn pending_steps_are_listed_without_changing_anything() {
    let place = Place::new();
    let all = Store::pending(&place.url()).await.unwrap();
    assert_eq!(all.len(), 5);
    assert!(!place.path().exists(), "asking makes no file");
    let missing = Store::pending(&format!("sqlite://{}", place.path().display())).await;
    assert!(matches!(missing, Err(OpenError::Missing { .. })));
    let store = place.open().await;
    assert_eq!(store.applied(), all);
    assert_eq!(Store::pending(&place.url()).await.unwrap(), Vec::<String>::new(), "asked beside the owner");
}

#[tokio::test]
async fn migrating_applies_what_is_pending_once_and_lets_go() {
    let place = Place::new();
    assert_eq!(Store::migrate(&place.url()).await.unwrap().len(), 5);
    assert_eq!(Store::migrate(&place.url()).await.unwrap(), Vec::<String>::new());
    assert_eq!(place.open().await.applied(), Vec::<String>::new());
}

#[tokio::test]
async fn a_database_of_the_former_version_is_brought_up_to_date() {
    let place = Place::new();
    let db = place.past().await;
    Former::up(&db, None).await.unwrap();
    db.close().await.unwrap();
    let pending = Store::pending(&place.url()).await.unwrap();
    assert_eq!(pending, ["m20261127_000005_packed_updates_format_3"]);
    let require = Options { schema: Schema::Require, ..Options::default() };
    let error = Store::open(&place.url(), &require).await.map(|_| ()).unwrap_err();
    assert!(matches!(&error, OpenError::Behind { steps, .. } if *steps == pending), "{error}");
    assert!(error.to_string().contains("tandem migrate"), "{error}");
    assert_eq!(place.open().await.applied(), pending);
}

#[tokio::test]
async fn this_version_serves_the_schema_of_the_coming_one() {
    let place = Place::new();
    let db = place.past().await;
    Coming::up(&db, None).await.unwrap();
    db.close().await.unwrap();
    assert_eq!(Store::pending(&place.url()).await.unwrap(), Vec::<String>::new());
    let store = place.open().await;
    let a = create(&store.log(), "a").await;
    append(&store.log(), &a, "x").await.unwrap();
    assert_eq!(seqs(&load(&store.log(), &a).await), [1]);
    store.close().await;
    assert_eq!(place.number("SELECT count(*) FROM documents WHERE colour = 'red'").await, 1, "its step stays");
}

#[tokio::test]
async fn what_is_stored_in_a_coming_format_is_left_alone() {
    let place = Place::new();
    place.open().await.close().await;
    let db = place.past().await;
    let step = "INSERT INTO seaql_migrations VALUES ('m29990101_000001_colours_format_9', 0)";
    db.execute_unprepared(step).await.unwrap();
    db.close().await.unwrap();
    for error in [
        Store::open(&place.url(), &Options::default()).await.map(|_| ()).unwrap_err(),
        Store::pending(&place.url()).await.map(|_| ()).unwrap_err(),
        Store::migrate(&place.url()).await.map(|_| ()).unwrap_err(),
    ] {
        assert!(matches!(error, OpenError::Newer { format: 9, own: 3, .. }), "{error}");
        assert!(error.to_string().contains("format 9"), "{error}");
    }
}

#[tokio::test]
async fn a_schema_that_went_another_way_is_refused_as_it_is() {
    let place = Place::new();
    let db = place.past().await;
    Coming::up(&db, None).await.unwrap();
    db.execute_unprepared("DELETE FROM seaql_migrations WHERE version LIKE '%snapshots'").await.unwrap();
    db.close().await.unwrap();
    for error in [
        Store::open(&place.url(), &Options::default()).await.map(|_| ()).unwrap_err(),
        Store::pending(&place.url()).await.map(|_| ()).unwrap_err(),
    ] {
        assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
        assert!(error.to_string().contains("m29990101_000001_colour"), "{error}");
    }
}

#[tokio::test]
async fn a_database_of_somebody_else_is_left_as_it_is() {
    let place = Place::new();
    place.run("CREATE TABLE documents (title text)").await;
    for error in [
        Store::open(&place.url(), &Options::default()).await.map(|_| ()).unwrap_err(),
        Store::pending(&place.url()).await.map(|_| ()).unwrap_err(),
    ] {
        assert!(matches!(error, OpenError::Occupied { .. }), "{error}");
        assert!(error.to_string().contains("`documents`"), "{error}");
    }
    assert_eq!(tables(&place.past().await).await, ["CREATE TABLE documents (title text)"]);
}

#[tokio::test]
async fn the_tables_of_all_steps_are_listed() {
    let place = Place::new();
    let db = place.past().await;
    Migrator::up(&db, None).await.unwrap();
    let tables = tables(&db).await;
    let made = tables.iter().filter(|sql| sql.starts_with("CREATE TABLE \""));
    for table in TABLES {
        assert!(made.clone().any(|sql| sql.contains(&format!("\"{table}\""))), "{table}: {tables:?}");
    }
    assert_eq!(made.count(), TABLES.len(), "{tables:?}");
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_and_can_be_tried_again() {
    let place = Place::new();
    let db = place.past().await;
    Migrator::up(&db, Some(1)).await.unwrap();
    db.close().await.unwrap();
    place.run("CREATE TABLE document_updates (in_the_way integer)").await;
    let error = Store::open(&place.url(), &Options::default()).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::Migration { .. }), "{error}");
    place.run("DROP TABLE document_updates").await;
    assert_eq!(place.open().await.applied().len(), 4, "the step before it stayed");
}

#[tokio::test]
async fn only_one_of_several_starters_brings_the_schema_up_to_date() {
    let place = Place::new();
    let starters = (0..4).map(|_| {
        let url = place.url();
        tokio::spawn(async move { Store::migrate(&url).await })
    });
    let mut applied = 0;
    for starter in futures_util::future::join_all(starters).await {
        match starter.unwrap() {
            Ok(steps) => applied += steps.len(),
            Err(error) => assert!(matches!(error, OpenError::InUse { .. }), "{error}"),
        }
    }
    assert_eq!(applied, 5);
}
