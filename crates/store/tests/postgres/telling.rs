//! What is told to the log, and what never is.

use std::time::Duration;

use tandem_store::{Options, Store};

use crate::support::keeper::{Keeper, Told};
use crate::support::postgres::{Place, options};
use crate::support::{append, create, load};

// The runtime of a test has one thread, and so has its subscriber.
#[tokio::test]
async fn slow_statements_are_told_and_a_password_never_is() {
    let place = Place::new().await;
    place.run("CREATE ROLE talker LOGIN PASSWORD 'unused'; GRANT CREATE ON SCHEMA public TO talker").await;
    let url = place.url_as("talker:hunter2");
    let told = Told::default();
    let guard = tracing::subscriber::set_default(Keeper { told: told.clone(), wants: |_| true });
    let store = Store::open(&url, &Options { slow_statement: Duration::ZERO, ..options() }).await.unwrap();
    let log = store.log();
    let a = create(&log, "a").await;
    append(&log, &a, "nobody's business").await.unwrap();
    load(&log, &a).await;
    store.close().await;
    let wrong = Store::open(&format!("{url}x"), &options()).await.map(|_| ()).unwrap_err();
    tracing::error!("{wrong} {wrong:?}");
    drop(guard);
    let told = told.text();
    for part in ["slow_threshold", "INSERT INTO document_updates", "REPEATABLE READ READ ONLY", "3D000", "talker@"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    for part in ["hunter2", "nobody", "6e6f626f6479"] {
        assert!(!told.contains(part), "{part} in {told}");
    }
}
