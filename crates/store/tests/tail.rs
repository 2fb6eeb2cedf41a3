//! Commits that are not yet at their documents.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use support::{Place, append, create, load, name, seqs};
use tandem_model::Seq;
use tandem_model::log::{Document, Installed, Log, LogError, Row};
use tandem_store::{Options, Store, StoreLog};

const AT_DOCUMENTS: &str = "SELECT coalesce(sum(seq - coalesce(first, seq) + 1), 0) FROM document_updates";
const PACKS: &str = "SELECT count(*) FROM document_updates WHERE first IS NOT NULL";
const SEGMENTS: &str = "SELECT count(*) FROM document_segments";

async fn append_some(log: &StoreLog, document: &Document, count: i64) {
    for _ in 0..count {
        append(log, document, "x").await.unwrap();
    }
}

/// Waits until no more than `rows` wait.
async fn spread(store: &Store, rows: usize) {
    while store.statistics().writer.tail_rows > rows {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_waits_is_read_like_all_else() {
    let place = Place::new();
    let store = place.open().await;
    let log = store.log();
    let a = create(&log, "a").await;
    append_some(&log, &a, 3).await;
    assert_eq!((place.number(AT_DOCUMENTS).await, place.number(SEGMENTS).await), (0, 3));
    assert_eq!(store.statistics().writer.tail_rows, 3);
    assert_eq!(seqs(&load(&log, &a).await), [1, 2, 3]);
    assert_eq!(seqs(&log.since(a.id, Seq(1)).await.unwrap()), [2, 3]);
    assert_eq!(log.find(&name("a")).await.unwrap().unwrap().head, Seq(3));
    assert_eq!(create(&log, "a").await.head, Seq(3));
    store.trim().await;
    assert_eq!((place.number(AT_DOCUMENTS).await, place.number(SEGMENTS).await), (3, 0), "a trim brings it home");
    assert_eq!(place.number(PACKS).await, 1, "as one");
    assert_eq!(seqs(&log.since(a.id, Seq(1)).await.unwrap()), [2, 3], "from the middle of a pack");
    assert_eq!(append(&log, &a, "x").await, Ok(4));
    assert_eq!(seqs(&load(&log, &a).await), [1, 2, 3, 4], "from both places");
    assert_eq!(seqs(&log.since(a.id, Seq(2)).await.unwrap()), [3, 4]);
    store.close().await;
    assert_eq!((place.number(AT_DOCUMENTS).await, place.number(SEGMENTS).await), (4, 0), "so does the end");
}

#[tokio::test]
async fn enough_that_waits_goes_to_its_documents() {
    let place = Place::new();
    let store = place.open_with(10).await;
    let log = store.log();
    let (a, b) = (create(&log, "a").await, create(&log, "b").await);
    for _ in 0..20 {
        append_some(&log, &a, 1).await;
        append_some(&log, &b, 1).await;
    }
    spread(&store, 9).await;
    assert!(place.number(AT_DOCUMENTS).await >= 31, "{}", place.number(AT_DOCUMENTS).await);
    assert_eq!(seqs(&load(&log, &b).await), (1..=20).collect::<Vec<_>>());
    append(&log, &a, vec![7; 600 << 10]).await.unwrap();
    assert_eq!(place.number("SELECT max(length(payload)) FROM document_updates").await, 600 << 10, "at once");
    assert_eq!(seqs(&load(&log, &a).await), (1..=21).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_crash_loses_nothing_that_waited() {
    let place = Place::new();
    let store = place.open().await;
    let log = store.log();
    let a = create(&log, "a").await;
    append_some(&log, &a, 2).await;
    store.trim().await;
    append_some(&log, &a, 3).await;

    let after = place.as_after_a_crash();
    let store = after.open().await;
    let log = store.log();
    assert_eq!(seqs(&load(&log, &a).await), [1, 2, 3, 4, 5]);
    assert_eq!(append(&log, &a, "x").await, Ok(6), "positions go on");
    let again = after.as_after_a_crash();
    assert_eq!(seqs(&load(&again.open().await.log(), &a).await), [1, 2, 3, 4, 5, 6], "as often as it crashes");
    store.close().await;
    assert_eq!((after.number(AT_DOCUMENTS).await, after.number(SEGMENTS).await), (6, 0));
}

#[tokio::test]
async fn what_waited_when_its_document_was_deleted_does_not_come_back() {
    let place = Place::new();
    let store = place.open().await;
    let log = store.log();
    let (a, b) = (create(&log, "a").await, create(&log, "b").await);
    append_some(&log, &a, 3).await;
    append_some(&log, &b, 1).await;
    log.delete(a.id, Bytes::from_static(b"tombstone")).await.unwrap();
    let gone = log.find(&name("a")).await.unwrap().unwrap();
    assert_eq!((gone.deleted, gone.head), (true, Seq(3)));
    let a = create(&log, "a").await;
    assert_eq!(append(&log, &a, "new").await, Ok(4), "no position is given twice");

    let after = place.as_after_a_crash();
    let log = after.open().await.log();
    assert_eq!(seqs(&load(&log, &a).await), [4]);
    assert_eq!(seqs(&load(&log, &b).await), [1]);
    drop(store);
}

#[tokio::test]
async fn a_snapshot_may_be_of_rows_that_wait() {
    let place = Place::new();
    let store = place.open().await;
    let log = store.log();
    let a = create(&log, "a").await;
    append_some(&log, &a, 5).await;
    let snapshot = |seq| Row { seq: Seq(seq), payload: Bytes::from_static(b"all before") };
    assert_eq!(log.install_snapshot(a.id, a.epoch, snapshot(6)).await, Ok(Installed::Superseded), "beyond the head");
    assert_eq!(log.install_snapshot(a.id, a.epoch, snapshot(4)).await, Ok(Installed::Yes));
    let after = place.as_after_a_crash();
    for log in [log, after.open().await.log()] {
        let loaded = load(&log, &a).await;
        assert_eq!((loaded.snapshot, seqs(&log.load(a.id).await.unwrap())), (Some(snapshot(4)), vec![5]));
        assert_eq!(seqs(&log.since(a.id, Seq(2)).await.unwrap()), [3, 4, 5], "rows are the history");
    }
    store.trim().await;
    assert_eq!(place.number(PACKS).await, 1);
    assert_eq!(seqs(&load(&store.log(), &a).await), [5], "from within a pack");
}

#[tokio::test]
async fn a_position_that_is_stored_twice_makes_its_document_unreadable() {
    let place = Place::new();
    let store = place.open().await;
    let log = store.log();
    let a = create(&log, "a").await;
    append_some(&log, &a, 3).await;
    place.run("INSERT INTO document_updates (document, seq, payload) VALUES (1, 2, x'00')").await;
    let reason = "row 2 is stored twice, and differently".to_owned();
    let expected = Err(LogError::Unreadable { document: a.id, reason });
    assert_eq!(log.load(a.id).await.map(|loaded| loaded.rows), expected);
    store.trim().await;
    assert_eq!(log.load(a.id).await.map(|loaded| loaded.rows), expected, "at its document too");
}

#[tokio::test]
async fn a_damaged_segment_is_named_with_the_way_out() {
    let place = Place::new();
    let store = place.open().await;
    let a = create(&store.log(), "a").await;
    append_some(&store.log(), &a, 2).await;
    let after = place.as_after_a_crash();
    after.run("UPDATE document_segments SET payload = substr(payload, 1, 9) WHERE id = 2").await;
    let error = Store::open(&after.url(), &Options::default()).await.map(|_| ()).unwrap_err().to_string();
    for part in ["tandem.db", "segment 2", "DELETE FROM document_segments WHERE id = 2"] {
        assert!(error.contains(part), "{error} names {part}");
    }
    after.run("DELETE FROM document_segments WHERE id = 2").await;
    assert_eq!(seqs(&load(&after.open().await.log(), &a).await), [1]);
}

#[tokio::test]
async fn what_waits_is_bounded_although_it_cannot_go_to_its_documents() {
    let place = Place::new();
    let store = place.open_with(2).await;
    let log = store.log();
    let a = create(&log, "a").await;
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON document_updates BEGIN SELECT raise(ABORT, 'no place'); END";
    place.run(refuse).await;
    let mut last = 0;
    let failed = loop {
        match append(&log, &a, "x").await {
            Ok(seq) => last = seq,
            Err(error) => break error,
        }
        assert!(last < 100, "nothing bounds what waits");
    };
    assert!(matches!(&failed, LogError::Unavailable(reason) if reason.contains("no place")), "{failed:?}");
    assert!(store.statistics().writer.tail_rows <= 8, "{:?}", store.statistics());
    place.run("DROP TRIGGER refuse").await;
    assert_eq!(append(&log, &a, "x").await, Ok(last + 1), "it heals");
    assert_eq!(seqs(&load(&log, &a).await), (1..=last + 1).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_beside_rows_that_move_miss_none() {
    let place = Place::new();
    let store = place.open_with(2).await;
    let log = store.log();
    let a = create(&log, "a").await;
    let acknowledged = Arc::new(AtomicI64::new(0));
    let writing = tokio::spawn({
        let (log, a, acknowledged) = (log.clone(), a.clone(), Arc::clone(&acknowledged));
        async move {
            for _ in 0..300 {
                acknowledged.store(append(&log, &a, "x").await.unwrap(), Ordering::SeqCst);
            }
        }
    });
    while !writing.is_finished() {
        let before = acknowledged.load(Ordering::SeqCst);
        let found = log.find(&a.name).await.unwrap().unwrap().head.0;
        assert!(found >= before, "found at {found} after {before} was acknowledged");
        let loaded = load(&log, &a).await.document.head.0;
        assert!(loaded >= found, "loaded at {loaded} after it was found at {found}");
    }
    writing.await.unwrap();
}

#[tokio::test]
async fn a_write_that_was_given_up_on_and_came_late_keeps_the_next_one_out() {
    let place = Place::new();
    let store = place.open().await;
    let log = store.log();
    let a = create(&log, "a").await;
    append_some(&log, &a, 1).await;
    // What the writer gave up on is stored behind its back, under the number of the next segment.
    place.run("INSERT INTO document_segments (id, payload) SELECT 2, payload FROM document_segments").await;
    let failed = append(&log, &a, "x").await;
    assert!(matches!(&failed, Err(LogError::Unavailable(reason)) if reason.contains("1555")), "{failed:?}");
    place.run("DELETE FROM document_segments WHERE id = 2").await;
    assert_eq!(append(&log, &a, "x").await, Ok(2), "it heals");
    assert_eq!(seqs(&load(&log, &a).await), [1, 2]);
}
