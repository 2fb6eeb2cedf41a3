//! The port's suite on SQLite.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::cell::Cell;

use tandem_store::{Options, Store};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_on_sqlite_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let made = Cell::new(0);
    let fresh = || {
        made.set(made.get() + 1);
        let url = format!("sqlite://{}/{}.db?mode=rwc", folder.path().display(), made.get());
        async move { Store::open(&url, &Options::default()).await.unwrap().log() }
    };
    tandem_model::conformance::all(&fresh).await;
}
