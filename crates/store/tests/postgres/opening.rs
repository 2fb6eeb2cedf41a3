//! Opening a database, and what stands in its way.

use std::net::TcpListener;
use std::time::Duration;

use tandem_model::log::{Log, LogError};
use tandem_store::{OpenError, Options, PostgresOptions, Store};

use crate::support::postgres::{Place, options, server, with};
use crate::support::{append, create, load, seqs};

async fn refused(url: &str, options: &Options) -> OpenError {
    Store::open(url, options).await.map(|_| ()).expect_err("not to be opened")
}

#[tokio::test]
async fn a_url_is_all_that_it_takes() {
    let place = Place::new().await;
    let store = Store::open(&place.url(), &Options::default()).await.unwrap();
    assert_eq!(store.applied().len(), 5, "a new database gets every step");
    assert_eq!(store.place(), place.url(), "where it is, is shown");
    let log = store.log();
    let a = create(&log, "a").await;
    append(&log, &a, "1").await.unwrap();
    let figures = store.statistics();
    assert_eq!((figures.pool.max, figures.writer.rows, figures.writer.commits), (19, 1, 2), "twenty with the appender");
    store.close().await;
    assert_eq!(append(&log, &a, "2").await, Err(LogError::Unavailable("the store is closed".into())));
    assert!(matches!(log.load(a.id).await, Err(LogError::Unavailable(_))));
    assert!(matches!(log.ping().await, Err(LogError::Unavailable(_))));
    assert_eq!(seqs(&load(&place.open().await.log(), &a).await), [1], "it can be opened again");
}

#[tokio::test]
async fn an_absent_server_is_named_with_the_reason_and_the_way_out() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = with(PostgresOptions { acquire_timeout: Duration::from_millis(300), ..PostgresOptions::default() });
    let url = format!("postgresql://ann:hunter2@127.0.0.1:{port}/notes");
    let error = refused(&url, &options).await;
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
    let message = error.to_string();
    for part in [&format!("postgresql://ann@127.0.0.1:{port}/notes"), "refused", "start PostgreSQL"] {
        assert!(message.contains(part), "{message} names {part}");
    }
    let pending = Store::pending(&url).await.map(|_| ()).expect_err("nobody there").to_string();
    assert!(pending.contains("refused"), "{pending}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_waited_for_no_longer_than_allowed() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgresql://ann:hunter2@{}/notes", silent.local_addr().unwrap());
    let options = with(PostgresOptions { acquire_timeout: Duration::from_millis(200), ..PostgresOptions::default() });
    let message = refused(&url, &options).await.to_string();
    assert!(message.contains("no answer in 0.") && message.contains("host"), "{message}");
}

#[tokio::test]
async fn what_the_server_refuses_is_said_in_its_words() {
    let place = Place::new().await;
    place.run("CREATE ROLE locked LOGIN PASSWORD 'right'").await;
    for (url, words, way_out) in [
        (format!("{}/nowhere", server().url), "3D000", "createdb"),
        (place.url_as("locked:hunter2"), "28P01", "password in DATABASE_URL"),
        (place.url_as("locked:right"), "42501", "GRANT CREATE"),
    ] {
        let message = refused(&url, &options()).await.to_string();
        assert!(message.contains(words) && message.contains(way_out), "{message}");
        assert!(!message.contains("hunter2") && !message.contains("right@"), "{message}");
    }
    let looked = Store::pending(&place.url_as("locked:right")).await.expect_err("nothing can be made").to_string();
    assert!(looked.contains("GRANT CREATE"), "{looked}");
    place.run("GRANT CREATE ON SCHEMA public TO locked").await;
    let store = Store::open(&place.url_as("locked:right"), &options()).await.unwrap();
    assert_eq!(create(&store.log(), "a").await.head.0, 0, "the right password opens it");
}

#[tokio::test]
async fn a_database_that_cannot_hold_every_name_is_refused() {
    let place = Place::made("ENCODING 'SQL_ASCII' TEMPLATE template0").await;
    let message = refused(&place.url(), &options()).await.to_string();
    assert!(message.contains("SQL_ASCII") && message.contains("UTF8"), "{message}");
}

#[tokio::test]
async fn a_session_brings_its_settings_whatever_the_database_says() {
    let place = Place::new().await;
    Store::migrate(&place.url()).await.unwrap();
    place
        .run(&format!(
            "ALTER DATABASE {name} SET synchronous_commit = off;
             ALTER DATABASE {name} SET idle_in_transaction_session_timeout = 0;
             CREATE TABLE seen (synced text, idle text);
             CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 INSERT INTO seen VALUES (
                     current_setting('synchronous_commit'), current_setting('idle_in_transaction_session_timeout'));
                 RETURN new;
             END $$;
             CREATE TRIGGER see BEFORE INSERT ON document_updates FOR EACH ROW EXECUTE FUNCTION see()",
            name = place.name()
        ))
        .await;
    let log = place.open().await.log();
    let a = create(&log, "a").await;
    append(&log, &a, "1").await.unwrap();
    assert_eq!(place.number("SELECT count(*) FROM seen WHERE synced = 'on' AND idle = '10s'").await, 1);
    assert_eq!(place.number("SELECT count(*) FROM seen").await, 1);
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_given_back() {
    let place = Place::new().await;
    let options = with(PostgresOptions {
        connections: 4,
        idle_timeout: Duration::from_millis(100),
        ..PostgresOptions::default()
    });
    let store = Store::open(&place.url(), &options).await.unwrap();
    let log = store.log();
    let a = create(&log, "a").await;
    load(&log, &a).await;
    let given_back = async {
        while store.statistics().pool.open > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), given_back).await.expect("the pool to be empty in the end");
    assert!(load(&log, &a).await.rows.is_empty(), "it is connected again when it is needed");
}
