//! Other processes: one that is killed, and one that comes second.
//!
//! Each test starts its own binary again to play the other process: with [`ROLE`] set, the same test is that process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::collections::BTreeMap;

use support::other::{Other, ROLE, report};
use support::{Place, append, create, load};
use tandem_model::log::{Document, Log};
use tandem_store::{OpenError, Options, Store, StoreLog};

const DOCUMENTS: usize = 4;

/// Appends for ever, a row at a time in each of four writers, and reports each row once it is acknowledged.
async fn append_for_ever(url: &str) {
    let log = Store::open(url, &Options::default()).await.unwrap().log();
    let writers = (0..DOCUMENTS).map(|number| {
        let log = log.clone();
        tokio::spawn(async move {
            let document = create(&log, &format!("document {number}")).await;
            loop {
                append_and_report(&log, &document).await;
            }
        })
    });
    futures_util::future::join_all(writers).await;
}

async fn append_and_report(log: &StoreLog, document: &Document) {
    let payload = format!("{:x}", std::collections::hash_map::RandomState::new().hash());
    let seq = append(log, document, payload.clone()).await.unwrap();
    report(&format!("{} {seq} {payload}", document.id));
}

trait Random {
    fn hash(&self) -> u64;
}

impl Random for std::collections::hash_map::RandomState {
    fn hash(&self) -> u64 {
        std::hash::Hasher::finish(&std::hash::BuildHasher::build_hasher(self))
    }
}

#[tokio::test]
async fn a_killed_writer_loses_nothing_that_it_reported() {
    if let Ok(url) = std::env::var(ROLE) {
        return append_for_ever(&url).await;
    }
    let place = Place::new();
    let mut reported = BTreeMap::new();
    for round in 0..5 {
        let mut other = Other::start("a_killed_writer_loses_nothing_that_it_reported", &place.url());
        let mut lines = Vec::new();
        for _ in 0..200 + 37 * round {
            lines.push(other.report().expect("a report before the kill"));
        }
        lines.extend(other.kill());
        for line in lines {
            let [document, seq, payload] = line.split(' ').collect::<Vec<_>>()[..] else { continue };
            let key = (document.parse::<i64>().unwrap(), seq.parse::<i64>().unwrap());
            assert_eq!(reported.insert(key, payload.to_owned()), None, "a position is given once");
        }
        let store = place.open().await;
        assert_stored(&store.log(), &reported).await;
        store.close().await;
    }
    assert!(reported.len() > 1_300, "{}", reported.len());
}

async fn assert_stored(log: &StoreLog, reported: &BTreeMap<(i64, i64), String>) {
    let mut stored = BTreeMap::new();
    for number in 0..DOCUMENTS {
        let document = create(log, &format!("document {number}")).await;
        for row in load(log, &document).await.rows {
            stored.insert((document.id.0, row.seq.0), String::from_utf8(row.payload.to_vec()).unwrap());
        }
    }
    for (key, payload) in reported {
        assert_eq!(stored.get(key), Some(payload), "document and position {key:?} were reported");
    }
}

#[tokio::test]
async fn a_second_process_is_refused_until_the_first_is_gone() {
    if let Ok(url) = std::env::var(ROLE) {
        let _store = Store::open(&url, &Options::default()).await.unwrap();
        report("open");
        return std::future::pending().await;
    }
    let place = Place::new();
    let mut other = Other::start("a_second_process_is_refused_until_the_first_is_gone", &place.url());
    assert_eq!(other.report().as_deref(), Some("open"));
    let error = Store::open(&place.url(), &Options::default()).await.map(|_| ()).unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, OpenError::InUse { .. }), "{message}");
    for part in [other.id().to_string(), place.path().display().to_string(), "stop that process".into()] {
        assert!(message.contains(&part), "{message} names {part}");
    }
    assert_eq!(Store::pending(&place.url()).await.unwrap(), Vec::<String>::new(), "asking is allowed");
    other.kill();
    let store = place.open().await;
    assert_eq!(store.log().ping().await, Ok(()), "a lock dies with its process");
}
