//! The schema's steps: forward, back, beside other versions, and by several starters at once.

use sea_orm::ConnectionTrait;
use sea_orm_migration::prelude::*;
use tandem_migrations::Migrator;
use tandem_store::{OpenError, Options, Schema, Store};

use crate::support::postgres::{Place, options};
use crate::support::{append, create, load, seqs};

const TABLES: &str = "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'document%'";

#[tokio::test]
async fn every_step_goes_forward_back_and_forward_again() {
    let place = Place::new().await;
    let db = place.past().await;
    Migrator::up(&db, None).await.unwrap();
    // The last step adds a column, the one before is SQLite's alone.
    for left in [3, 3, 2, 1, 0] {
        Migrator::down(&db, Some(1)).await.unwrap();
        assert_eq!(place.number(TABLES).await, left, "a step back takes its table");
    }
    Migrator::up(&db, None).await.unwrap();
    assert_eq!(place.number(TABLES).await, 3);
}

#[tokio::test]
async fn all_of_several_starters_open_and_one_brings_the_schema_up_to_date() {
    let place = Place::new().await;
    let starters = (0..6).map(|_| {
        let url = place.url();
        tokio::spawn(async move { Store::open(&url, &options()).await.map(|store| store.applied().len()) })
    });
    let mut applied: Vec<usize> = Vec::new();
    for starter in futures_util::future::join_all(starters).await {
        applied.push(starter.unwrap().unwrap());
    }
    applied.sort_unstable();
    assert_eq!(applied, [0, 0, 0, 0, 0, 5]);
}

#[tokio::test]
async fn pending_steps_are_listed_without_changing_anything() {
    let place = Place::new().await;
    assert_eq!(Store::pending(&place.url()).await.unwrap().len(), 5);
    assert_eq!(place.number("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").await, 0);
    let require = Options { schema: Schema::Require, ..options() };
    let error = Store::open(&place.url(), &require).await.map(|_| ()).unwrap_err();
    assert!(matches!(&error, OpenError::Behind { steps, .. } if steps.len() == 5), "{error}");
    assert_eq!(Store::migrate(&place.url()).await.unwrap().len(), 5);
    assert_eq!(Store::pending(&place.url()).await.unwrap(), Vec::<String>::new());
    assert_eq!(Store::migrate(&place.url()).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn this_version_serves_the_schema_of_a_coming_one_and_refuses_another_way() {
    let place = Place::new().await;
    Store::migrate(&place.url()).await.unwrap();
    place
        .run(
            "ALTER TABLE documents ADD COLUMN colour text NOT NULL DEFAULT 'red';
             INSERT INTO seaql_migrations VALUES ('m29990101_000001_colour', 0)",
        )
        .await;
    let store = place.open().await;
    let a = create(&store.log(), "a").await;
    append(&store.log(), &a, "x").await.unwrap();
    assert_eq!(seqs(&load(&store.log(), &a).await), [1]);
    place.run("DELETE FROM seaql_migrations WHERE version LIKE '%snapshots'").await;
    let error = Store::open(&place.url(), &options()).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_and_can_be_tried_again() {
    let place = Place::new().await;
    let db = place.past().await;
    db.execute_unprepared("CREATE TABLE document_updates (in_the_way integer)").await.unwrap();
    for error in [
        Store::open(&place.url(), &options()).await.map(|_| ()).unwrap_err(),
        Store::pending(&place.url()).await.map(|_| ()).unwrap_err(),
    ] {
        assert!(matches!(error, OpenError::Occupied { .. }), "{error}: nothing here is of tandem");
    }
    Migrator::up(&db, Some(1)).await.unwrap();
    let error = Store::open(&place.url(), &options()).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::Migration { .. }), "{error}");
    db.execute_unprepared("DROP TABLE document_updates").await.unwrap();
    let applied = place.open().await.applied().len();
    assert_eq!(place.number("SELECT count(*) FROM seaql_migrations").await, 5, "{applied} now");
}
