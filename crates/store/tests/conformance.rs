//! The port's suite on SQLite.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::cell::Cell;

use tandem_store::{Options, SqliteOptions, Store};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_on_sqlite_conforms() {
    conforms(SqliteOptions::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_on_sqlite_conforms_whose_commits_are_moved_all_the_time() {
    conforms(SqliteOptions { tail_rows: 3, ..SqliteOptions::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_on_sqlite_conforms_whose_commits_go_to_their_documents_at_once() {
    conforms(SqliteOptions { tail_rows: 0, ..SqliteOptions::default() }).await;
}

async fn conforms(sqlite: SqliteOptions) {
    let options = Options { sqlite, ..Options::default() };
    let folder = tempfile::tempdir().unwrap();
    let made = Cell::new(0);
    let fresh = || {
        made.set(made.get() + 1);
        let url = format!("sqlite://{}/{}.db?mode=rwc", folder.path().display(), made.get());
        async move { Store::open(&url, &options).await.unwrap().log() }
    };
    tandem_model::conformance::all(&fresh).await;
}
