//! A PostgreSQL that is restarted, killed and stopped under the store.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use support::postgres::{Place, options, server, with};
use support::{append, create, load, name};
use tandem_model::log::{Document, Loaded, Log, LogError};
use tandem_store::{PostgresOptions, Store, StoreLog};

/// The server is this binary's only one: one test at a time does things to it.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Does something to the server on another thread: what waits for the store goes on meanwhile.
async fn does(commands: &'static [&'static str]) {
    let done = tokio::task::spawn_blocking(|| {
        let mut server = server().alone();
        commands.iter().for_each(|command| server.does(command));
    });
    done.await.unwrap();
}

/// Appends a row at a time until it is told to stop, each again until it is acknowledged; answers the positions.
async fn append_all_the_time(
    log: StoreLog,
    document: usize,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
) -> BTreeMap<i64, String> {
    let document = create_again(&log, &format!("document {document}")).await;
    let mut given = BTreeMap::new();
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let payload = format!("{number}");
        let seq = loop {
            match append(&log, &document, payload.clone()).await {
                Ok(seq) => break seq,
                Err(LogError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(given.insert(seq, payload), None, "a position is given once");
        acknowledged.fetch_add(1, Ordering::SeqCst);
    }
    given
}

async fn create_again(log: &StoreLog, text: &str) -> Document {
    loop {
        match log.create(&name(text)).await {
            Ok(document) => return document,
            Err(LogError::Unavailable(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// A connection that was in use a moment before its server was killed is not tested before it is used again: whoever
/// reads is told so and asks once more, as rooms do.
async fn load_again(log: &StoreLog, document: &Document) -> Loaded {
    loop {
        match log.load(document.id).await {
            Ok(loaded) => return loaded,
            Err(LogError::Unavailable(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_loses_nothing_that_was_acknowledged() {
    let _turn = TURN.lock().await;
    let place = Place::new().await;
    let stores = [place.open().await, place.open().await];
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> = (0..6)
        .map(|number| {
            let log = stores[number % 2].log();
            tokio::spawn(append_all_the_time(log, number / 2, stop.clone(), acknowledged.clone()))
        })
        .collect();
    let go_on = async |rows: u64| {
        let until = acknowledged.load(Ordering::SeqCst) + rows;
        while acknowledged.load(Ordering::SeqCst) < until {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    for commands in [&["kill", "start"][..], &["stop", "start"], &["kill", "start"]] {
        go_on(80).await;
        does(commands).await;
    }
    go_on(80).await;
    stop.store(true, Ordering::SeqCst);
    let mut given: [BTreeMap<i64, String>; 3] = Default::default();
    for (number, writer) in writers.into_iter().enumerate() {
        for (seq, payload) in writer.await.unwrap() {
            assert_eq!(given[number / 2].insert(seq, payload), None, "a position is given once");
        }
    }
    let log = stores[0].log();
    for (number, given) in given.iter().enumerate() {
        let document = create_again(&log, &format!("document {number}")).await;
        let loaded = load_again(&log, &document).await;
        let stored: BTreeMap<i64, &[u8]> = loaded.rows.iter().map(|row| (row.seq.0, &*row.payload)).collect();
        assert!(given.len() >= 50 && stored.len() >= given.len(), "{} of {}", given.len(), stored.len());
        for (seq, payload) in given {
            assert_eq!(stored.get(seq), Some(&payload.as_bytes()), "what was acknowledged at {seq}");
        }
    }
    assert!(stores.iter().map(|store| store.statistics().writer.failures).sum::<u64>() > 0, "it was noticed");
}

#[tokio::test]
async fn idle_connections_outlive_a_restart() {
    let _turn = TURN.lock().await;
    let place = Place::new().await;
    let store = place.open().await;
    let log = store.log();
    let a = create(&log, "a").await;
    append(&log, &a, "1").await.unwrap();
    load(&log, &a).await;
    // Connections that were idle for a second are tested before they are used.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    does(&["stop", "start"]).await;
    assert_eq!(append(&log, &a, "2").await, Ok(2), "the appender notices before it appends");
    assert_eq!(load(&log, &a).await.rows.len(), 2, "and so does the pool");
    assert_eq!(store.statistics().writer.failures, 0);
}

#[tokio::test]
async fn a_server_that_stands_still_is_given_up_on_and_found_again() {
    let _turn = TURN.lock().await;
    let place = Place::new().await;
    let limits = PostgresOptions {
        connections: 4,
        acquire_timeout: Duration::from_millis(300),
        statement_timeout: Duration::from_millis(300),
        ..PostgresOptions::default()
    };
    let mut options = with(limits);
    options.read_timeout = Duration::from_millis(300);
    let store = Store::open(&place.url(), &options).await.unwrap();
    let log = store.log();
    let a = create(&log, "a").await;
    append(&log, &a, "1").await.unwrap();
    does(&["pause"]).await;
    let failed = append(&log, &a, "2").await;
    assert!(matches!(&failed, Err(LogError::Unavailable(reason)) if reason.contains("did not answer")), "{failed:?}");
    assert!(matches!(log.load(a.id).await, Err(LogError::Unavailable(_))), "a load does not wait for ever");
    assert!(matches!(log.ping().await, Err(LogError::Unavailable(_))), "nor does a ping");
    assert!(matches!(log.create(&name("b")).await, Err(LogError::Unavailable(_))), "nor does a new name");
    does(&["resume"]).await;
    let seq = loop {
        match append(&log, &a, "2").await {
            Ok(seq) => break seq,
            Err(LogError::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
        }
    };
    let loaded = load(&log, &a).await;
    assert!(
        loaded.document.head.0 >= seq && (2..=4).contains(&seq),
        "what was given up on may have been stored: {seq}"
    );
    assert_eq!(loaded.rows.len() as i64, loaded.document.head.0, "without a gap");
}

#[tokio::test]
async fn a_server_that_is_gone_is_unavailable_until_it_is_back() {
    let _turn = TURN.lock().await;
    let place = Place::new().await;
    let limits = PostgresOptions { acquire_timeout: Duration::from_millis(200), ..options().postgres };
    let store = Store::open(&place.url(), &with(limits)).await.unwrap();
    let log = store.log();
    let a = create(&log, "a").await;
    does(&["stop"]).await;
    for _ in 0..2 {
        let failed = append(&log, &a, "1").await;
        assert!(matches!(failed, Err(LogError::Unavailable(_))), "{failed:?}");
        assert!(matches!(log.ping().await, Err(LogError::Unavailable(_))));
    }
    assert!(store.statistics().writer.failing);
    does(&["start"]).await;
    assert_eq!(append(&log, &a, "1").await, Ok(1));
    assert_eq!(log.ping().await, Ok(()));
    assert!(!store.statistics().writer.failing);
}
