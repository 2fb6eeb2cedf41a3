//! Two processes that write one document, one of them killed at any moment, and a third that watches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseConnection, Statement};
use tandem_model::DocumentId;
use tandem_model::log::{Appended, Log};
use tandem_store::Store;

use crate::support::other::{Other, ROLE, report};
use crate::support::postgres::{Place, options};
use crate::support::{create, load, row};

const TEST: &str = "writers::positions_of_two_processes_have_no_gaps_and_become_visible_in_order";

/// The document that both write, and two that each writes beside it, named in opposite orders.
const NAMES: [&str; 3] = ["shared", "left", "right"];

/// Appends groups for ever, and reports each row of the shared document once it is acknowledged.
async fn append_for_ever(url: &str) {
    let store = Store::open(url, &options()).await.unwrap();
    let log = store.log();
    let mut documents = Vec::new();
    for name in NAMES {
        documents.push(create(&log, name).await);
    }
    if std::process::id() % 2 == 0 {
        documents[1..].reverse();
    }
    for number in 0.. {
        let payload = format!("{}:{number}", std::process::id());
        let mut rows = vec![row(&documents[1], payload.clone()), row(&documents[0], payload.clone())];
        rows.extend((0..number % 4).map(|_| row(&documents[2], payload.clone())));
        let Appended::At(seq) = log.append(rows).await.unwrap()[1] else { panic!("the document is gone") };
        report(&format!("{seq} {payload}"));
    }
}

/// Watches the shared document: each look goes on where the last one ended. Ends with one more look when it is told to.
async fn watch(past: DatabaseConnection, document: DocumentId, stop: Arc<AtomicBool>) -> (i64, u64) {
    let (mut seen, mut looks) = (0, 0);
    loop {
        let last = stop.load(Ordering::SeqCst);
        let sql = "SELECT seq FROM document_updates WHERE document = $1 AND seq > $2 ORDER BY seq";
        let values = [document.0.into(), seen.into()];
        let statement = Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, values);
        for row in past.query_all_raw(statement).await.unwrap() {
            let seq: i64 = row.try_get_by_index(0).unwrap();
            assert_eq!(seq, seen + 1, "a position is visible before the one below it");
            seen = seq;
        }
        looks += 1;
        if last {
            return (seen, looks);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn positions_of_two_processes_have_no_gaps_and_become_visible_in_order() {
    if let Ok(url) = std::env::var(ROLE) {
        return append_for_ever(&url).await;
    }
    let place = Place::new().await;
    let store = place.open().await;
    let log = store.log();
    let shared = create(&log, NAMES[0]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let watching = tokio::spawn(watch(place.past().await, shared.id, stop.clone()));
    let reported = tokio::task::spawn_blocking({
        let url = place.url();
        move || kill_again_and_again(&url)
    })
    .await
    .unwrap();
    stop.store(true, Ordering::SeqCst);
    let (seen, looks) = watching.await.unwrap();
    let loaded = load(&log, &shared).await;
    assert!(looks > 100 && seen <= loaded.document.head.0, "{looks} looks saw {seen} rows");
    assert_eq!(loaded.rows.len() as i64, loaded.document.head.0, "the head is the number of rows: no gap");
    let stored: BTreeMap<i64, &[u8]> = loaded.rows.iter().map(|row| (row.seq.0, &*row.payload)).collect();
    for (seq, payload) in &reported {
        assert_eq!(stored.get(seq), Some(&payload.as_bytes()), "what was reported at {seq}");
    }
    let heads =
        "SELECT count(*) FROM documents WHERE head <> (SELECT count(*) FROM document_updates WHERE document = id)";
    assert_eq!(place.number(heads).await, 0, "every document's head is the number of its rows");
}

/// Answers what both had reported: positions and payloads.
fn kill_again_and_again(url: &str) -> BTreeMap<i64, String> {
    let mut reported = BTreeMap::new();
    let mut note = |line: String| {
        let Some((seq, payload)) = line.split_once(' ') else { return };
        let seq = seq.parse::<i64>().unwrap();
        assert_eq!(reported.insert(seq, payload.to_owned()), None, "position {seq} is given once");
    };
    let mut stays = Other::start(TEST, url);
    for round in 0..6 {
        let mut killed = Other::start(TEST, url);
        for _ in 0..40 + 13 * round {
            note(killed.report().expect("a report before the kill"));
            note(stays.report().expect("a report of the other"));
        }
        killed.kill().into_iter().for_each(&mut note);
        // The one that stays goes on at once: a dead process holds nobody up.
        for _ in 0..20 {
            note(stays.report().expect("a report after the kill"));
        }
    }
    stays.kill().into_iter().for_each(&mut note);
    reported
}
