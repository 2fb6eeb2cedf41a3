//! The port's suite.

use sea_orm::ConnectionTrait;
use tandem_store::{PostgresOptions, Store};

use crate::support::postgres::{Place, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_on_postgresql_conforms() {
    let place = Place::new().await;
    let options = with(PostgresOptions { connections: 6, ..PostgresOptions::default() });
    let store = Store::open(&place.url(), &options).await.unwrap();
    let past = place.past().await;
    // Emptied, not made anew: that takes half a second each time. Numbers go on, so that what an earlier rule left under
    // way is gone.
    let fresh = || async {
        past.execute_unprepared("TRUNCATE documents, document_updates, document_snapshots").await.unwrap();
        store.log()
    };
    tandem_model::conformance::all(&fresh).await;
}
