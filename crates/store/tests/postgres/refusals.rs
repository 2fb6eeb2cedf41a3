//! What the server refuses, as the log's typed errors.

use std::time::Duration;

use bytes::Bytes;
use sea_orm::ConnectionTrait;
use tandem_model::Seq;
use tandem_model::log::{Installed, Log, LogError, Row};
use tandem_store::{PostgresOptions, Store};

use crate::support::postgres::{Place, with};
use crate::support::{append, create, load, row, seqs};

const QUICK: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(60);

fn assert_unavailable<T: std::fmt::Debug>(outcome: &Result<T, LogError>, code: &str) {
    assert!(matches!(outcome, Err(LogError::Unavailable(reason)) if reason.contains(code)), "{outcome:?} for {code}");
}

#[tokio::test]
async fn a_lock_of_somebody_else_is_unavailable_and_passes() {
    let place = Place::new().await;
    for (lock_timeout, statement_timeout, code) in [(QUICK, LONG, "55P03"), (LONG, QUICK, "57014")] {
        let limits = PostgresOptions { connections: 3, lock_timeout, statement_timeout, ..PostgresOptions::default() };
        let store = Store::open(&place.url(), &with(limits)).await.unwrap();
        let log = store.log();
        let (a, b) = (create(&log, "a").await, create(&log, "b").await);
        let head = append(&log, &a, "before").await.unwrap();
        let past = place.past().await;
        past.execute_unprepared(&format!("BEGIN; SELECT 1 FROM documents WHERE id = {} FOR UPDATE", a.id.0))
            .await
            .unwrap();
        assert_unavailable(&append(&log, &a, "held up").await, code);
        assert_unavailable(&log.delete(a.id, Bytes::new()).await, code);
        let snapshot = Row { seq: Seq(head), payload: Bytes::from_static(b"all") };
        assert_unavailable(&log.install_snapshot(a.id, a.epoch, snapshot).await, code);
        assert!(append(&log, &b, "other").await.is_ok(), "other documents go on");
        assert_eq!(load(&log, &a).await.document.head.0, head, "reads go on");
        past.execute_unprepared("ROLLBACK").await.unwrap();
        assert_eq!(append(&log, &a, "after").await, Ok(head + 1), "without a gap");
        let writer = store.statistics().writer;
        assert_eq!((writer.failures, writer.failing, writer.waiting), (3, false, 0));
    }
}

#[tokio::test]
async fn a_full_disk_is_full_and_nothing_was_written() {
    let place = Place::new().await;
    let log = place.open().await.log();
    let (a, b) = (create(&log, "a").await, create(&log, "b").await);
    place
        .run(
            "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END $$;
             CREATE TRIGGER fill BEFORE INSERT ON document_updates FOR EACH ROW EXECUTE FUNCTION fill()",
        )
        .await;
    let full = log.append(vec![row(&a, "1"), row(&b, "1")]).await;
    assert!(matches!(&full, Err(LogError::Full(reason)) if reason.contains("53100")), "{full:?}");
    place.run("DROP TRIGGER fill ON document_updates").await;
    assert_eq!((append(&log, &a, "1").await, append(&log, &b, "1").await), (Ok(1), Ok(1)), "no position was lost");
}

#[tokio::test]
async fn a_server_that_takes_no_writes_is_unavailable_to_writes_alone() {
    let place = Place::new().await;
    let a = create(&place.open().await.log(), "a").await;
    place.run(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", place.name())).await;
    let log = place.open().await.log();
    assert_unavailable(&append(&log, &a, "1").await, "25006");
    assert_unavailable(&log.delete(a.id, Bytes::new()).await, "25006");
    assert_eq!(seqs(&load(&log, &a).await), [0; 0]);
}

#[tokio::test]
async fn a_row_in_the_way_is_never_written_over() {
    let place = Place::new().await;
    let log = place.open().await.log();
    let a = create(&log, "a").await;
    append(&log, &a, "1").await.unwrap();
    place.run(&format!("INSERT INTO document_updates VALUES ({}, 2, '\\x00')", a.id.0)).await;
    assert_unavailable(&append(&log, &a, "2").await, "23505");
    place.run(&format!("DELETE FROM document_updates WHERE document = {} AND seq = 1", a.id.0)).await;
    let unreadable = log.load(a.id).await.map(|loaded| loaded.rows);
    assert!(matches!(&unreadable, Err(LogError::Unreadable { document, .. }) if *document == a.id), "{unreadable:?}");
}

#[tokio::test]
async fn newest_rows_that_were_lost_are_missed() {
    let place = Place::new().await;
    let log = place.open().await.log();
    let a = create(&log, "a").await;
    for _ in 0..3 {
        append(&log, &a, "x").await.unwrap();
    }
    place.run("DELETE FROM document_updates WHERE seq = 3").await;
    let reason = "row 3 is missing, the log reached 3".to_owned();
    let expected = Err(LogError::Unreadable { document: a.id, reason });
    assert_eq!(log.load(a.id).await.map(|loaded| loaded.rows), expected);
}

#[tokio::test]
async fn a_strict_default_isolation_makes_nobody_fail() {
    let place = Place::new().await;
    place.run(&format!("ALTER DATABASE {} SET default_transaction_isolation = serializable", place.name())).await;
    let (one, two) = (place.open().await, place.open().await);
    let a = create(&one.log(), "a").await;
    let appends = (0..40).map(|number| {
        let (log, a) = (if number % 2 == 0 { one.log() } else { two.log() }, a.clone());
        async move { append(&log, &a, "x").await }
    });
    let mut given: Vec<i64> =
        futures_util::future::join_all(appends).await.into_iter().collect::<Result<_, _>>().unwrap();
    given.sort_unstable();
    assert!(given.into_iter().eq(1..=40));
}

#[tokio::test]
async fn snapshots_and_deletions_beside_appends_of_another_process_are_whole() {
    let place = Place::new().await;
    let (one, two) = (place.open().await, place.open().await);
    let (mine, theirs) = (one.log(), two.log());
    let mut a = create(&mine, "a").await;
    for _ in 0..5 {
        let id = a.id;
        let appends = async {
            let mut gone = 0;
            for _ in 0..30 {
                let outcome = theirs.append(vec![row(&a, "x")]).await.unwrap()[0];
                gone += usize::from(outcome == tandem_model::log::Appended::Gone);
            }
            gone
        };
        let changes = async {
            for _ in 0..3 {
                let loaded = mine.load(id).await.unwrap();
                let snapshot = Row { seq: loaded.document.head, payload: Bytes::from_static(b"all") };
                let installed = mine.install_snapshot(id, a.epoch, snapshot).await.unwrap();
                let seen = mine.load(id).await.unwrap();
                let start = seen.snapshot.as_ref().map(|snapshot| snapshot.seq);
                assert!(installed == Installed::Superseded || start == Some(loaded.document.head), "{seen:?}");
            }
            mine.delete(id, Bytes::from_static(b"tombstone")).await.unwrap();
        };
        let (gone, ()) = futures_util::future::join(appends, changes).await;
        let deleted = mine.load(id).await.unwrap();
        assert!(deleted.document.deleted && deleted.rows.is_empty() && deleted.snapshot.is_none(), "{deleted:?}");
        let head = deleted.document.head.0;
        a = create(&theirs, "a").await;
        assert_eq!((a.id, append(&theirs, &a, "new").await), (id, Ok(head + 1)), "after {gone} that were too late");
    }
}

#[tokio::test]
async fn a_pool_that_is_in_use_is_waited_for_and_then_unavailable() {
    let place = Place::new().await;
    let limits = PostgresOptions { connections: 2, acquire_timeout: QUICK, ..PostgresOptions::default() };
    let log = Store::open(&place.url(), &with(limits)).await.unwrap().log();
    let a = create(&log, "a").await;
    let past = place.past().await;
    past.execute_unprepared("BEGIN; LOCK TABLE document_updates").await.unwrap();
    let held = tokio::spawn({
        let (log, id) = (log.clone(), a.id);
        async move { log.load(id).await }
    });
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while place.number(waits).await == 0 {
        tokio::task::yield_now().await;
    }
    assert_unavailable(&log.ping().await, "in time");
    past.execute_unprepared("ROLLBACK").await.unwrap();
    assert_eq!(held.await.unwrap().map(|loaded| loaded.rows), Ok(Vec::new()));
    assert_eq!(log.ping().await, Ok(()), "it becomes free again");
}
