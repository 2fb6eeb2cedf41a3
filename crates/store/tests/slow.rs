//! Slow statements are told to the log.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::fmt::Debug;
use std::sync::Mutex;
use std::time::Duration;

use support::{Place, append, create};
use tandem_store::{Options, Store};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps the warnings of the database layer, as text.
struct Keeper;

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!("{field}={value:?} ");
    }
}

impl Subscriber for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query" && *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        SEEN.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_statement_is_logged_when_it_is_slow_and_never_with_its_values() {
    tracing::subscriber::set_global_default(Keeper).unwrap();
    let place = Place::new();
    let quick = Options { slow_statement: Duration::from_secs(600), ..Options::default() };
    let store = Store::open(&place.url(), &quick).await.unwrap();
    let a = create(&store.log(), "a").await;
    append(&store.log(), &a, "nobody's business").await.unwrap();
    store.close().await;
    assert_eq!(*SEEN.lock().unwrap(), Vec::<String>::new(), "what is quick is not worth a line");

    let slow = Options { slow_statement: Duration::ZERO, ..Options::default() };
    let store = Store::open(&place.url(), &slow).await.unwrap();
    append(&store.log(), &a, "nobody's business").await.unwrap();
    store.close().await;
    let seen = SEEN.lock().unwrap().join("\n");
    assert!(seen.contains("INSERT INTO") && seen.contains("slow_threshold"), "{seen}");
    assert!(!seen.contains("nobody") && !seen.contains("6e6f626f6479"), "{seen}");
}
