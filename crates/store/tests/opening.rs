//! Opening a database, and what stands in its way.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use sea_orm::ConnectionTrait;
use support::{Place, append, create, load, seqs};
use tandem_model::log::{Log, LogError};
use tandem_store::{OpenError, Options, Store};

async fn refused(url: &str) -> OpenError {
    Store::open(url, &Options::default()).await.map(|_| ()).expect_err("not to be opened")
}

#[tokio::test]
async fn a_missing_folder_is_made_for_this_user_alone() {
    let place = Place::new();
    let url = format!("sqlite://{}/data/deep/tandem.db?mode=rwc", place.folder().display());
    let store = Store::open(&url, &Options::default()).await.unwrap();
    assert_eq!(store.applied().len(), 5, "a new database gets every step");
    assert_eq!(create(&store.log(), "a").await.head.0, 0);
    #[cfg(unix)]
    {
        let mode = std::fs::metadata(place.folder().join("data")).unwrap().permissions();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o700);
    }
}

#[tokio::test]
async fn a_missing_file_is_an_error_unless_it_may_be_made() {
    let place = Place::new();
    let error = refused(&format!("sqlite://{}", place.path().display())).await;
    assert!(matches!(error, OpenError::Missing { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains(&*place.path().to_string_lossy()) && message.contains("?mode=rwc"), "{message}");
    assert!(!place.path().exists(), "nothing was made");
    place.open().await.close().await;
    Store::open(&format!("sqlite://{}", place.path().display()), &Options::default()).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_as_it_is() {
    let place = Place::new();
    let text = "a letter, not a database. ".repeat(1_000);
    std::fs::write(place.path(), &text).unwrap();
    let error = refused(&place.url()).await;
    assert!(matches!(error, OpenError::NotADatabase { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(place.path()).unwrap(), text);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let place = Place::new();
    let file = place.folder().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let error = refused(&format!("sqlite://{}/data/tandem.db?mode=rwc", file.display())).await;
    assert!(matches!(error, OpenError::Folder { .. }), "{error}");
    assert!(error.to_string().contains("file/data"), "{error}");
    let looked = Store::pending(&format!("sqlite://{}/data/tandem.db?mode=rwc", file.display())).await;
    assert!(matches!(looked, Err(OpenError::Folder { .. })), "{looked:?}");
}

#[tokio::test]
async fn a_folder_in_the_files_place_is_no_database() {
    let place = Place::new();
    std::fs::create_dir(place.path()).unwrap();
    for error in [refused(&place.url()).await, Store::pending(&place.url()).await.unwrap_err()] {
        assert!(matches!(error, OpenError::IsFolder { .. }), "{error}");
        assert!(error.to_string().contains("tandem.db/tandem.db?mode=rwc"), "{error}");
    }
}

#[tokio::test]
async fn a_damaged_file_is_told_from_one_that_may_not_be_read() {
    let place = Place::new();
    place.open().await.close().await;
    // The page of the schema, after the header that says what kind of file this is.
    let file = std::fs::OpenOptions::new().write(true).open(place.path()).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0xff; 3_996], 100).unwrap();
    for error in [refused(&place.url()).await, Store::pending(&place.url()).await.unwrap_err()] {
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("restore a backup"), "{error}");
    }
}

#[tokio::test]
async fn a_database_is_opened_once_by_whatever_way_it_is_named() {
    let place = Place::new();
    let store = place.open().await;
    let link = place.folder().join("link.db");
    std::os::unix::fs::symlink(place.path(), &link).unwrap();
    for url in [place.url(), format!("sqlite://{}", link.display())] {
        let error = refused(&url).await;
        let OpenError::InUse { holder, .. } = &error else { panic!("{error}") };
        assert_eq!(*holder, Some(std::process::id()));
        assert!(error.to_string().contains("tandem.db.lock"), "{error}");
    }
    assert_eq!(create(&store.log(), "a").await.head.0, 0, "who has it goes on");
}

#[tokio::test]
async fn a_program_that_knows_no_lock_file_is_named_as_the_reason() {
    let place = Place::new();
    let shell = place.past().await;
    shell.execute_unprepared("PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE shell (a integer)").await.unwrap();
    let error = refused(&place.url()).await;
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    shell.close().await.unwrap();
    place.open().await;
}

#[tokio::test]
async fn closing_folds_the_log_in_and_lets_go() {
    let place = Place::new();
    let store = place.open().await;
    let log = store.log();
    let a = create(&log, "a").await;
    append(&log, &a, "x").await.unwrap();
    store.close().await;
    assert!(!place.folder().join("tandem.db-wal").exists(), "nothing is left outside of the file");
    let late = append(&log, &a, "y").await;
    assert_eq!(late, Err(LogError::Unavailable("the store is closed".into())));
    assert!(matches!(log.load(a.id).await, Err(LogError::Unavailable(_))));
    assert!(matches!(log.ping().await, Err(LogError::Unavailable(_))));
    assert_eq!(seqs(&load(&place.open().await.log(), &a).await), [1], "it can be opened again");
}

#[tokio::test]
async fn letting_go_of_every_handle_lets_go_of_the_database() {
    let place = Place::new();
    let store = place.open().await;
    let log = store.log();
    drop(store);
    assert!(matches!(refused(&place.url()).await, OpenError::InUse { .. }), "a log keeps it open");
    drop(log);
    place.open().await;
}
