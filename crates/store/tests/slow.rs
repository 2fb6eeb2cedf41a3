//! Slow statements are told to the log.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::time::Duration;

use support::keeper::{Keeper, Told};
use support::{Place, append, create};
use tandem_store::{Options, Store};
use tracing::Level;

#[tokio::test]
async fn a_statement_is_logged_when_it_is_slow_and_never_with_its_values() {
    let told = Told::default();
    let keeper = Keeper {
        told: told.clone(),
        wants: |metadata| metadata.target() == "sqlx::query" && *metadata.level() <= Level::WARN,
    };
    tracing::subscriber::set_global_default(keeper).unwrap();
    let place = Place::new();
    let quick = Options { slow_statement: Duration::from_secs(600), ..Options::default() };
    let store = Store::open(&place.url(), &quick).await.unwrap();
    let a = create(&store.log(), "a").await;
    append(&store.log(), &a, "nobody's business").await.unwrap();
    store.close().await;
    assert_eq!(told.text(), "", "what is quick is not worth a line");

    let slow = Options { slow_statement: Duration::ZERO, ..Options::default() };
    let store = Store::open(&place.url(), &slow).await.unwrap();
    append(&store.log(), &a, "nobody's business").await.unwrap();
    store.close().await;
    let told = told.text();
    assert!(told.contains("INSERT INTO") && told.contains("slow_threshold"), "{told}");
    assert!(!told.contains("nobody") && !told.contains("6e6f626f6479"), "{told}");
}
