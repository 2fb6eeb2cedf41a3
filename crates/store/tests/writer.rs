//! The writer: callers that leave, commits that fail, a database that is opened again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use sea_orm::ConnectionTrait;
use support::{Place, append, create, load, name, row, seqs};
use tandem_model::Seq;
use tandem_model::log::{Appended, Installed, Log, LogError, Row};

#[tokio::test]
async fn what_was_stored_is_there_when_the_database_is_opened_again() {
    let place = Place::new();
    let store = place.open().await;
    let log = store.log();
    let (a, b) = (create(&log, "a").await, create(&log, "b").await);
    log.append((0..7).map(|number| row(&a, number.to_string())).collect()).await.unwrap();
    append(&log, &b, "gone").await.unwrap();
    let snapshot = Row { seq: Seq(4), payload: Bytes::from_static(b"four") };
    assert_eq!(log.install_snapshot(a.id, a.epoch, snapshot.clone()).await, Ok(Installed::Yes));
    log.delete(b.id, Bytes::from_static(b"tombstone")).await.unwrap();
    let before = load(&log, &a).await;
    store.close().await;

    let log = place.open().await.log();
    let after = load(&log, &a).await;
    assert_eq!((&after.document, &after.snapshot, &after.rows), (&before.document, &Some(snapshot), &before.rows));
    let b = log.find(&name("b")).await.unwrap().unwrap();
    assert_eq!((b.deleted, b.tombstone.as_ref(), b.epoch.0), (true, b"tombstone".as_slice(), 2));
    assert_eq!(append(&log, &a, "8").await, Ok(8), "positions go on");
    let b = create(&log, "b").await;
    assert_eq!(append(&log, &b, "new").await, Ok(2), "through a deletion too");
}

#[tokio::test]
async fn a_write_whose_caller_left_is_done() {
    let place = Place::new();
    let log = place.open().await.log();
    let a = create(&log, "a").await;
    for _ in 0..10 {
        assert!(log.append(vec![row(&a, "left")]).now_or_never().is_none(), "it was begun and left");
    }
    // One thread, first come, first served: this one's turn is after theirs.
    assert_eq!(append(&log, &a, "stayed").await, Ok(11));
    assert_eq!(load(&log, &a).await.rows.len(), 11);
    assert!(log.create(&name("b")).now_or_never().is_none());
    append(&log, &a, "stayed").await.unwrap();
    assert!(log.find(&name("b")).await.unwrap().is_some(), "a name is made all the same");
}

#[tokio::test]
async fn after_a_failed_append_the_heads_are_read_again() {
    let place = Place::new();
    let store = place.open_with(0).await;
    let log = store.log();
    let (a, b) = (create(&log, "a").await, create(&log, "b").await);
    log.append(vec![row(&a, "1"), row(&b, "1")]).await.unwrap();
    place.run("INSERT INTO document_updates (document, seq, payload) VALUES (1, 2, x'00')").await;
    let failed = log.append(vec![row(&b, "2"), row(&a, "2")]).await;
    assert!(matches!(&failed, Err(LogError::Unavailable(reason)) if reason.contains("1555")), "{failed:?}");
    let failing = store.statistics().writer;
    assert_eq!((failing.failures, failing.failing), (1, true));
    assert_eq!(seqs(&load(&log, &b).await), [1], "all or nothing");
    let again = log.append(vec![row(&b, "2"), row(&a, "3")]).await.unwrap();
    assert_eq!(again, [Appended::At(Seq(2)), Appended::At(Seq(3))]);
    let healed = store.statistics().writer;
    assert_eq!((healed.failures, healed.failing, healed.waiting), (1, false, 0));
    assert_eq!(healed.rows, 4);
}

#[tokio::test]
async fn a_lock_of_somebody_else_is_unavailable_and_passes() {
    let place = Place::new();
    let log = place.open().await.log();
    let a = create(&log, "a").await;
    let past = place.past().await;
    past.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let failed = append(&log, &a, "1").await;
    assert!(matches!(&failed, Err(LogError::Unavailable(reason)) if reason.contains("code 5")), "{failed:?}");
    assert_eq!(load(&log, &a).await.rows, [], "reads go on");
    past.execute_unprepared("ROLLBACK").await.unwrap();
    assert_eq!(append(&log, &a, "1").await, Ok(1));
}

#[tokio::test]
async fn a_file_that_vanished_is_not_replaced_by_an_empty_one() {
    let place = Place::new();
    let log = place.open_with(0).await.log();
    let a = create(&log, "a").await;
    append(&log, &a, "1").await.unwrap();
    place.run("INSERT INTO document_updates (document, seq, payload) VALUES (1, 2, x'00')").await;
    for file in ["tandem.db", "tandem.db-wal", "tandem.db-shm"] {
        std::fs::rename(place.folder().join(file), place.folder().join(format!("moved-{file}"))).unwrap();
    }
    assert!(matches!(append(&log, &a, "2").await, Err(LogError::Unavailable(_))), "the writer is broken");
    for _ in 0..2 {
        let failed = append(&log, &a, "2").await;
        assert!(matches!(&failed, Err(LogError::Unavailable(reason)) if reason.contains("was removed")), "{failed:?}");
    }
    assert!(!place.path().exists(), "no empty file stands in its place");
    for file in ["tandem.db", "tandem.db-wal", "tandem.db-shm"] {
        std::fs::rename(place.folder().join(format!("moved-{file}")), place.folder().join(file)).unwrap();
    }
    assert_eq!(append(&log, &a, "3").await, Ok(3), "it goes on when the file is back");
}

#[tokio::test]
async fn reads_whose_callers_left_keep_no_reader() {
    let place = Place::new();
    let store = place.open().await;
    let log = store.log();
    let a = create(&log, "a").await;
    append(&log, &a, "1").await.unwrap();
    for _ in 0..50 {
        let mut left = log.load(a.id);
        for _ in 0..3 {
            if (&mut left).now_or_never().is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    for _ in 0..10 {
        assert_eq!(seqs(&load(&log, &a).await), [1]);
    }
    assert!(store.statistics().pool.open <= 8);
}

#[tokio::test]
async fn a_load_sees_one_moment_while_a_document_is_deleted_and_made_again() {
    let place = Place::new();
    let log = place.open().await.log();
    let mut a = create(&log, "a").await;
    let writes = async {
        for _ in 0..15 {
            log.append((0..5).map(|_| row(&a, "x")).collect()).await.unwrap();
            log.delete(a.id, Bytes::new()).await.unwrap();
            a = create(&log, "a").await;
        }
    };
    let reads = async {
        for _ in 0..60 {
            let loaded = log.load(tandem_model::DocumentId(1)).await.unwrap();
            assert!([0, 5].contains(&loaded.rows.len()), "{loaded:?}");
        }
    };
    futures_util::future::join(writes, reads).await;
}

#[tokio::test]
async fn the_store_says_how_it_does() {
    let place = Place::new();
    let store = place.open().await;
    let before = store.statistics();
    assert_eq!((before.writer.commits, before.pool.max), (0, 8));
    let a = create(&store.log(), "a").await;
    append(&store.log(), &a, "1").await.unwrap();
    let after = store.statistics().writer;
    assert_eq!((after.commits, after.rows, after.failures, after.waiting), (2, 1, 0, 0));
    assert!(after.last_commit > Duration::ZERO);
}

#[tokio::test]
async fn trimming_stands_in_nobodys_way() {
    let place = Place::new();
    let store = place.open().await;
    let log = store.log();
    let a = create(&log, "a").await;
    let writes = async {
        for number in 1..=50 {
            assert_eq!(append(&log, &a, vec![0; 10_000]).await, Ok(number));
            assert_eq!(load(&log, &a).await.rows.len() as i64, number);
        }
    };
    let trims = async {
        for _ in 0..50 {
            store.trim().await;
        }
    };
    tokio::join!(writes, trims);
    store.close().await;
    store.trim().await;
}

#[tokio::test]
async fn nothing_is_acknowledged_in_a_file_that_was_removed() {
    let place = Place::new();
    let store = place.open().await;
    let log = store.log();
    let a = create(&log, "a").await;
    append(&log, &a, "before").await.unwrap();
    let aside = place.path().with_extension("aside");
    std::fs::rename(place.path(), &aside).unwrap();
    for _ in 0..2 {
        let Err(LogError::Unavailable(why)) = append(&log, &a, "lost").await else { panic!("it is not stored") };
        assert!(why.contains("was removed or replaced while it was in use"), "{why}");
    }
    // Another file in its place is not it.
    std::fs::copy(&aside, place.path()).unwrap();
    append(&log, &a, "lost").await.unwrap_err();
    std::fs::rename(&aside, place.path()).unwrap();
    append(&log, &a, "after").await.unwrap();
    let last = load(&log, &a).await.rows.pop().unwrap();
    assert_eq!(last.payload, Bytes::from_static(b"after"), "when it is back it goes on");
}
