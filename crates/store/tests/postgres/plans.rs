//! The planner's own word on what the store asks: the server logs the plan of each statement as it ran it.

use bytes::Bytes;
use tandem_model::Seq;
use tandem_model::log::{Document, Log, Row};

use crate::support::postgres::{Place, server};
use crate::support::{append, create, load, name, row};

/// Two thousand documents of twenty rows, each with a snapshot of its first ten.
const FILL: &str = "
    INSERT INTO documents (name, epoch, head, base, tombstone, created_at)
        SELECT 'document ' || n, 1, 20, 0, '', 0 FROM generate_series(1, 2000) AS n;
    INSERT INTO document_updates SELECT id, seq, '\\x0102030405' FROM documents, generate_series(1, 20) AS seq;
    INSERT INTO document_snapshots SELECT id, 10, '\\x0102030405' FROM documents;
    ANALYZE";

/// The plans that were logged behind a place in the server's log, with their statements.
fn plans(from: usize) -> Vec<String> {
    let log = std::fs::read_to_string(&server().log).unwrap();
    let mut plans = Vec::new();
    let mut lines = log[from..].lines().peekable();
    while let Some(line) = lines.next() {
        if line.contains("plan:") {
            let mut plan = String::new();
            while let Some(line) = lines.next_if(|line| line.starts_with('\t')) {
                plan += line;
                plan.push('\n');
            }
            plans.push(plan);
        }
    }
    plans
}

fn end() -> usize {
    std::fs::read_to_string(&server().log).unwrap().len()
}

/// Asserts that every table is reached by an index, and that `indexes` are among these.
fn assert_indexed(from: usize, what: &str, indexes: &[&str]) {
    let plans = plans(from);
    assert!(!plans.is_empty(), "{what}: the server logged no plan");
    for plan in &plans {
        assert!(!plan.contains("Seq Scan on document"), "{what}: a table is read from its start: {plan}");
    }
    for index in indexes {
        let used =
            |plan: &String| plan.contains(&format!(" using {index} ")) || plan.contains(&format!(" on {index} "));
        assert!(plans.iter().any(used), "{what} uses {index}: {plans:#?}");
    }
}

#[tokio::test]
async fn every_statement_on_the_path_of_an_edit_uses_an_index() {
    let place = Place::new().await;
    tandem_store::Store::migrate(&place.url()).await.unwrap();
    place.run(FILL).await;
    for setting in ["session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = 0"] {
        place.run(&format!("ALTER DATABASE {} SET {setting}", place.name())).await;
    }
    let log = place.open().await.log();

    let from = end();
    let found = log.find(&name("document 700")).await.unwrap().unwrap();
    assert_eq!(found.head, Seq(20));
    assert_indexed(from, "find", &["documents_name_key", "document_updates_pkey"]);

    let from = end();
    let mut documents: Vec<Document> = Vec::new();
    for number in [3, 1999, 2001] {
        documents.push(create(&log, &format!("document {number}")).await);
    }
    assert_indexed(from, "create", &["documents_name_key"]);

    // After five executions the server may plan once and for all: that plan is looked at too.
    let from = end();
    for _ in 0..8 {
        log.append(documents.iter().map(|document| row(document, "x")).collect()).await.unwrap();
    }
    assert_indexed(from, "append", &["documents_pkey"]);
    let appended = plans(from);
    assert_eq!(appended.len(), 8, "an append is one statement: {appended:#?}");
    for plan in &appended {
        assert_eq!(plan.matches("using documents_pkey").count(), 2, "to lock, and to raise the head: {plan}");
    }
    let group: Vec<_> = (0..200)
        .map(|number| row(&Document { id: tandem_model::DocumentId(1 + number * 10), ..found.clone() }, "x"))
        .collect();
    let from = end();
    log.append(group).await.unwrap();
    assert_indexed(from, "append of a group", &["documents_pkey"]);

    let from = end();
    assert_eq!(load(&log, &found).await.rows.len(), 10);
    assert_indexed(from, "load", &["documents_pkey", "document_updates_pkey", "document_snapshots_pkey"]);

    let from = end();
    assert_eq!(log.since(found.id, Seq(18)).await.unwrap().rows.len(), 2);
    assert_indexed(from, "since", &["documents_pkey", "document_updates_pkey"]);

    let from = end();
    let snapshot = Row { seq: Seq(15), payload: Bytes::from_static(b"fifteen") };
    log.install_snapshot(found.id, found.epoch, snapshot).await.unwrap();
    assert_indexed(from, "install", &["documents_pkey", "document_snapshots_pkey"]);

    let from = end();
    log.delete(found.id, Bytes::new()).await.unwrap();
    assert_indexed(from, "delete", &["documents_pkey", "document_updates_pkey", "document_snapshots_pkey"]);
    assert_eq!(append(&log, &documents[0], "x").await, Ok(29));
}
