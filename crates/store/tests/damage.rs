//! What is stored contradicts itself.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use bytes::Bytes;
use support::{Place, append, create, load, name, seqs};
use tandem_model::Seq;
use tandem_model::log::{Document, Installed, Log, LogError, Row};
use tandem_store::StoreLog;

const ALL: &str = "SELECT count(*) FROM document_updates WHERE document = 1";

/// A document of five rows.
async fn five(log: &StoreLog) -> Document {
    let a = create(log, "a").await;
    for seq in 1..=5 {
        assert_eq!(append(log, &a, "x").await, Ok(seq));
    }
    a
}

async fn assert_unreadable(log: &StoreLog, document: &Document, reason: &str) {
    let expected = LogError::Unreadable { document: document.id, reason: reason.into() };
    assert_eq!(log.load(document.id).await.map(|loaded| loaded.rows), Err(expected));
}

#[tokio::test]
async fn a_gap_makes_its_document_unreadable_and_nothing_is_overwritten() {
    let place = Place::new();
    let store = place.open_with(0).await;
    let log = store.log();
    let a = five(&log).await;
    place.run("DELETE FROM document_updates WHERE document = 1 AND seq = 3").await;
    assert_unreadable(&log, &a, "row 3 is missing, row 4 follows").await;
    assert_eq!(create(&log, "a").await.id, a.id, "the name stays what it is");
    assert_eq!(log.find(&name("a")).await.unwrap().unwrap().head, Seq(5));
    assert_unreadable(&log, &a, "row 3 is missing, row 4 follows").await;
    assert_eq!(place.number(ALL).await, 4, "what is left is left");
    let b = create(&log, "b").await;
    append(&log, &b, "x").await.unwrap();
    assert_eq!(seqs(&load(&log, &b).await), [1], "others go on");
}

#[tokio::test]
async fn a_missing_first_row_is_noticed_with_and_without_a_snapshot() {
    let place = Place::new();
    let store = place.open_with(0).await;
    let log = store.log();
    let a = five(&log).await;
    place.run("DELETE FROM document_updates WHERE document = 1 AND seq = 1").await;
    assert_unreadable(&log, &a, "row 1 is missing, row 2 follows").await;
    let snapshot = Row { seq: Seq(3), payload: Bytes::from_static(b"up to three") };
    assert_eq!(log.install_snapshot(a.id, a.epoch, snapshot).await, Ok(Installed::Yes));
    assert_eq!(seqs(&load(&log, &a).await), [4, 5], "a snapshot needs no row before it");
    place.run("DELETE FROM document_updates WHERE document = 1 AND seq = 4").await;
    assert_unreadable(&log, &a, "row 4 is missing, row 5 follows").await;
}

#[tokio::test]
async fn newest_rows_that_a_snapshot_saw_are_missed() {
    let place = Place::new();
    let store = place.open_with(0).await;
    let log = store.log();
    let a = five(&log).await;
    let snapshot = Row { seq: Seq(2), payload: Bytes::from_static(b"up to two") };
    assert_eq!(log.install_snapshot(a.id, a.epoch, snapshot).await, Ok(Installed::Yes));
    place.run("DELETE FROM document_updates WHERE document = 1 AND seq >= 4").await;
    assert_unreadable(&log, &a, "row 4 is missing, the log reached 5").await;
}

#[tokio::test]
async fn a_lost_snapshot_is_made_up_for_by_the_rows_that_were_kept() {
    let place = Place::new();
    let store = place.open_with(0).await;
    let log = store.log();
    let a = five(&log).await;
    for seq in [2, 4] {
        let snapshot = Row { seq: Seq(seq), payload: Bytes::from_static(b"a snapshot") };
        assert_eq!(log.install_snapshot(a.id, a.epoch, snapshot).await, Ok(Installed::Yes));
    }
    assert_eq!(place.number("SELECT count(*) FROM document_snapshots").await, 1, "only the newest is kept");
    assert_eq!(place.number(ALL).await, 5, "rows are the history");
    place.run("DELETE FROM document_snapshots").await;
    assert_eq!(seqs(&load(&log, &a).await), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_pack_that_holds_others_than_it_says_makes_its_document_unreadable() {
    let place = Place::new();
    let store = place.open().await;
    let a = five(&store.log()).await;
    store.close().await;
    for damage in ["payload = substr(payload, 1, 9)", "first = 2"] {
        place.run(&format!("UPDATE document_updates SET {damage}")).await;
        let store = place.open().await;
        assert_eq!(store.log().find(&name("a")).await.unwrap().unwrap().head, Seq(5), "the name stays known");
        let first = if damage.starts_with("first") { 2 } else { 1 };
        let reason = format!("row 5 does not hold the rows from {first} on, as it says");
        assert_unreadable(&store.log(), &a, &reason).await;
        store.close().await;
    }
}

#[tokio::test]
async fn a_page_of_rubbish_makes_its_documents_unreadable_and_names_stay_known() {
    let place = Place::new();
    let store = place.open().await;
    let a = five(&store.log()).await;
    store.close().await;
    let page = place.number("SELECT rootpage FROM sqlite_master WHERE name = 'document_updates'").await;
    let mut file = std::fs::read(place.path()).unwrap();
    let start = usize::try_from((page - 1) * 4096).unwrap();
    file[start..start + 4096].fill(0xaa);
    std::fs::write(place.path(), &file).unwrap();

    let store = place.open_with(0).await;
    let log = store.log();
    match log.load(a.id).await {
        Err(LogError::Unreadable { document, reason }) => {
            assert_eq!(document, a.id);
            assert!(reason.contains("malformed"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(create(&log, "a").await.id, a.id, "the name stays what it is");
    let failed = append(&log, &a, "x").await;
    assert!(matches!(failed, Err(LogError::Unavailable(_))), "{failed:?}");
    store.close().await;
    let after = std::fs::read(place.path()).unwrap();
    assert!(after[start..start + 4096] == file[start..start + 4096], "the page was not written over");
}
