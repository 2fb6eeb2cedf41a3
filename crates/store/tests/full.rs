//! No room left.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use support::{Place, append, create, load, row};
use tandem_model::log::{Document, Log, LogError};
use tandem_store::{Options, SqliteOptions, Store, StoreLog};

const PAYLOAD: [u8; 8 << 10] = [0x5a; 8 << 10];

/// Appends until the store is full; answers the positions that were acknowledged.
async fn fill(log: &StoreLog, document: &Document) -> i64 {
    let mut last = 0;
    loop {
        match append(log, document, PAYLOAD.to_vec()).await {
            Ok(seq) => last = seq,
            Err(LogError::Full(reason)) => {
                assert!(reason.contains("full"), "{reason}");
                return last;
            }
            Err(error) => panic!("full, not {error}"),
        }
        assert!(last < 10_000, "the store never was full");
    }
}

async fn assert_holds(log: &StoreLog, document: &Document, count: i64) {
    let loaded = load(log, document).await;
    assert_eq!(loaded.document.head.0, count, "exactly what was acknowledged");
    assert!(loaded.rows.iter().all(|row| row.payload == PAYLOAD.as_slice()));
}

#[tokio::test]
async fn a_database_at_its_bound_is_full_until_something_is_deleted() {
    let place = Place::new();
    let options = Options {
        sqlite: SqliteOptions { bytes_max: Some(1 << 20), ..SqliteOptions::default() },
        ..Options::default()
    };
    let store = Store::open(&place.url(), &options).await.unwrap();
    let log = store.log();
    let (ballast, a) = (create(&log, "ballast").await, create(&log, "a").await);
    log.append((0..20).map(|_| row(&ballast, PAYLOAD.to_vec())).collect()).await.unwrap();
    let count = fill(&log, &a).await;
    assert!(count > 50, "{count}");
    assert_holds(&log, &a, count).await;
    assert!(matches!(append(&log, &a, PAYLOAD.to_vec()).await, Err(LogError::Full(_))), "the bound outlives reopening");
    assert!(store.statistics().writer.failing);
    log.delete(ballast.id, Bytes::new()).await.unwrap();
    assert_eq!(append(&log, &a, PAYLOAD.to_vec()).await, Ok(count + 1), "without a gap");
    assert_holds(&log, &a, count + 1).await;
}

/// A disk of 4 MiB, where mounting is allowed.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(at);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the connections' threads may still be closing.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_acknowledged_and_heals_when_there_is_room() {
    let place = Place::new();
    let folder = place.folder().join("disk");
    let disk = Disk::mount(&folder);
    let ballast = folder.join("ballast");
    // Without the right to mount the file's own bound stands in for the disk's; opening without it is the room.
    let bound = disk.is_none().then_some(1 << 20);
    if disk.is_some() {
        std::fs::write(&ballast, vec![0; 1 << 20]).unwrap();
    }
    let url = format!("sqlite://{}/tandem.db?mode=rwc", folder.display());
    let mut store = Store::open(
        &url,
        &Options { sqlite: SqliteOptions { bytes_max: bound, ..SqliteOptions::default() }, ..Options::default() },
    )
    .await
    .unwrap();
    let a = create(&store.log(), "a").await;
    let count = fill(&store.log(), &a).await;
    assert!(count > 50, "{count}");
    assert_holds(&store.log(), &a, count).await;
    assert_eq!(store.log().ping().await, Ok(()), "reads go on");
    if disk.is_some() {
        std::fs::remove_file(&ballast).unwrap();
    } else {
        store.close().await;
        store = Store::open(&url, &Options::default()).await.unwrap();
    }
    assert_eq!(append(&store.log(), &a, PAYLOAD.to_vec()).await, Ok(count + 1), "without a gap");
    assert_holds(&store.log(), &a, count + 1).await;
    store.close().await;
}
