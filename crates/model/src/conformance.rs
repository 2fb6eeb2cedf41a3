//! What every [`Log`] must do. [`all`] runs each rule on a log of its own.
//!
//! A rule panics with the broken sentence; an implementation's tests call [`all`] and nothing else.

use std::future::Future;
use std::ops::RangeInclusive;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::join_all;

use crate::log::{Append, Appended, Document, Installed, Loaded, Log, LogError, Row};
use crate::{DocumentId, DocumentName, Epoch, Seq};

/// Runs every rule, each on a log that `fresh` makes.
///
/// # Panics
/// At the first rule that does not hold.
pub async fn all<L: Log, F: Future<Output = L>>(fresh: &dyn Fn() -> F) {
    a_name_that_was_never_used_is_not_found(&fresh().await).await;
    a_name_is_made_once(&fresh().await).await;
    names_are_compared_byte_by_byte(&fresh().await).await;
    positions_have_no_gaps_with_interleaved_documents(&fresh().await).await;
    two_rows_of_one_document_keep_their_order(&fresh().await).await;
    an_append_of_nothing_is_nothing(&fresh().await).await;
    a_thousand_rows_go_in_one_append(&fresh().await).await;
    twenty_thousand_rows_go_in_one_append(&fresh().await).await;
    a_large_payload_comes_back_as_it_was(&fresh().await).await;
    an_empty_payload_is_a_row(&fresh().await).await;
    concurrent_appends_share_no_position(&fresh().await).await;
    an_append_that_nobody_waits_for_leaves_no_gap(&fresh().await).await;
    an_append_to_nothing_is_gone(&fresh().await).await;
    an_append_to_a_deleted_document_is_gone_and_others_are_not(&fresh().await).await;
    an_append_of_a_former_epoch_is_gone(&fresh().await).await;
    a_deleted_name_keeps_its_tombstone_and_no_content(&fresh().await).await;
    a_deleted_name_comes_back_empty_in_its_next_epoch(&fresh().await).await;
    a_position_is_never_given_twice(&fresh().await).await;
    a_load_of_nothing_is_absent(&fresh().await).await;
    a_load_has_all_rows_and_the_head(&fresh().await).await;
    a_load_goes_beyond_one_page(&fresh().await).await;
    a_load_beside_appends_is_whole(&fresh().await).await;
    what_was_committed_since_a_position_is_told_without_the_rest(&fresh().await).await;
    what_was_committed_since_a_lost_position_is_a_load(&fresh().await).await;
    rows_up_to_a_snapshot_leave_the_load_path(&fresh().await).await;
    a_snapshot_of_all_rows_is_loaded_alone(&fresh().await).await;
    a_superseded_snapshot_changes_nothing(&fresh().await).await;
    a_snapshot_beyond_the_head_changes_nothing(&fresh().await).await;
    a_snapshot_of_a_former_epoch_changes_nothing(&fresh().await).await;
    what_is_asked_of_nothing_is_absent(&fresh().await).await;
    a_log_that_works_answers_a_ping(&fresh().await).await;
}

async fn a_name_that_was_never_used_is_not_found(log: &impl Log) {
    create(log, "used").await;
    assert_eq!(log.find(&name("never")).await, Ok(None), "a name that was never used");
}

async fn a_name_is_made_once(log: &impl Log) {
    let made = create(log, "notes").await;
    assert_eq!((made.epoch, made.head, made.deleted), (Epoch(1), Seq(0), false), "a new document");
    assert!(made.tombstone.is_empty(), "a new document has no tombstone");
    assert_eq!(create(log, "notes").await, made, "a name that is live is returned as it is");
    assert_eq!(log.find(&name("notes")).await, Ok(Some(made.clone())), "a live name is found");
    let names: Vec<DocumentName> = (0..20).map(|_| name("together")).collect();
    let together = join_all(names.iter().map(|name| log.create(name))).await;
    let first = together[0].clone().expect("a document");
    assert_ne!(first.id, made.id, "two names have two numbers");
    assert!(together.iter().all(|one| one.as_ref() == Ok(&first)), "made at once, a name is still one document");
}

async fn names_are_compared_byte_by_byte(log: &impl Log) {
    // The last two look alike: one is composed, the other is not.
    let names = ["Notes", "notes", "notes ", "a/b", "%41", "A", "caf\u{e9}", "cafe\u{301}"];
    let mut numbers = Vec::new();
    for text in names {
        let made = create(log, text).await;
        assert_eq!(made.name.as_str(), text, "a name comes back as it was");
        numbers.push(made.id);
    }
    for (text, number) in names.into_iter().zip(&numbers) {
        let found = log.find(&name(text)).await.expect("an answer").expect("a document");
        assert_eq!(found.id, *number, "{text:?} is its own document");
    }
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), names.len(), "names that differ in a byte are different documents");
}

async fn positions_have_no_gaps_with_interleaved_documents(log: &impl Log) {
    let (a, b) = (create(log, "a").await, create(log, "b").await);
    let first = append(log, vec![row(&a, "1"), row(&b, "1"), row(&a, "2")]).await;
    assert_eq!(first, [at(1), at(1), at(2)], "each document counts for itself");
    let second = append(log, vec![row(&b, "2"), row(&b, "3"), row(&a, "3")]).await;
    assert_eq!(second, [at(2), at(3), at(3)], "the next append goes on where the last one ended");
    assert_eq!(seqs(&load(log, &a).await), [1, 2, 3], "the rows of one");
    assert_eq!(seqs(&load(log, &b).await), [1, 2, 3], "the rows of the other");
}

async fn two_rows_of_one_document_keep_their_order(log: &impl Log) {
    let a = create(log, "a").await;
    append(log, vec![row(&a, "first"), row(&a, "second")]).await;
    append(log, vec![row(&a, "third")]).await;
    assert_eq!(texts(&load(log, &a).await), ["first", "second", "third"], "in the order given");
}

async fn an_append_of_nothing_is_nothing(log: &impl Log) {
    let a = create(log, "a").await;
    assert_eq!(append(log, Vec::new()).await, [], "no rows, no outcomes");
    assert_eq!(load(log, &a).await.document.head, Seq(0), "no rows, no position");
}

async fn a_thousand_rows_go_in_one_append(log: &impl Log) {
    let mut documents = Vec::new();
    for number in 0..10 {
        documents.push(create(log, &format!("document {number}")).await);
    }
    let rows = (0..1_000).map(|number| row(&documents[number % 10], &number.to_string())).collect();
    let outcomes = append(log, rows).await;
    assert_eq!(outcomes.len(), 1_000, "one outcome a row");
    for (number, outcome) in (0_i64..).zip(outcomes) {
        assert_eq!(outcome, at(number / 10 + 1), "row {number}");
    }
    for document in &documents {
        assert_contiguous(&load(log, document).await, 1..=100);
    }
}

async fn twenty_thousand_rows_go_in_one_append(log: &impl Log) {
    let a = create(log, "a").await;
    let outcomes = append(log, (0..20_000).map(|_| row(&a, "x")).collect()).await;
    assert_eq!(outcomes.last(), Some(&at(20_000)), "more rows than one statement takes are one commit");
    assert_contiguous(&load(log, &a).await, 1..=20_000);
}

async fn a_large_payload_comes_back_as_it_was(log: &impl Log) {
    let a = create(log, "a").await;
    let large: Bytes = (0..8_u32 << 20).map(|at| at.wrapping_mul(0x9e37_79b1).to_le_bytes()[3]).collect();
    let append_large = Append { document: a.id, epoch: a.epoch, payload: large.clone() };
    append(log, vec![row(&a, "before"), append_large, row(&a, "after")]).await;
    let loaded = load(log, &a).await;
    assert_eq!(loaded.rows.len(), 3, "all rows are there");
    assert!(loaded.rows[1].payload == large, "8 MiB come back as they were");
    let snapshot = Row { seq: Seq(3), payload: large.clone() };
    assert_eq!(log.install_snapshot(a.id, a.epoch, snapshot).await, Ok(Installed::Yes), "8 MiB are a snapshot");
    assert!(load(log, &a).await.snapshot.expect("a snapshot").payload == large, "and come back as they were");
}

async fn an_empty_payload_is_a_row(log: &impl Log) {
    let a = create(log, "a").await;
    assert_eq!(append(log, vec![row(&a, "")]).await, [at(1)], "an empty payload has a position");
    assert_eq!(texts(&load(log, &a).await), [""], "and is loaded");
}

async fn concurrent_appends_share_no_position(log: &impl Log) {
    let (a, b) = (create(log, "a").await, create(log, "b").await);
    let appends = (0..60).map(|number| {
        let text = number.to_string();
        log.append(if number % 3 == 0 { vec![row(&a, &text), row(&b, &text)] } else { vec![row(&a, &text)] })
    });
    let outcomes = join_all(appends).await;
    let loaded = load(log, &a).await;
    assert_contiguous(&loaded, 1..=60);
    for (number, outcome) in outcomes.into_iter().enumerate() {
        let Appended::At(seq) = outcome.expect("an append that works")[0] else { panic!("append {number} is gone") };
        let stored = loaded.rows.iter().find(|row| row.seq == seq).expect("the row that was answered");
        assert_eq!(text(stored), number.to_string(), "what was answered is where it was said to be");
    }
    assert_contiguous(&load(log, &b).await, 1..=20);
}

async fn an_append_that_nobody_waits_for_leaves_no_gap(log: &impl Log) {
    let a = create(log, "a").await;
    for number in 0..20 {
        // Begun, and left at once: whether it is stored is unknown.
        let _ = log.append(vec![row(&a, "left")]).now_or_never();
        if number % 4 == 0 {
            append(log, vec![row(&a, "kept")]).await;
        }
    }
    let Appended::At(last) = append(log, vec![row(&a, "last")]).await[0] else { panic!("the document is gone") };
    // One that was left may come after the last that was waited for: only then is there more.
    let loaded = load(log, &a).await;
    assert!(loaded.document.head >= last, "what was waited for is stored");
    assert_contiguous(&loaded, 1..=loaded.document.head.0);
    assert_eq!(texts(&loaded).iter().filter(|text| **text == "kept").count(), 5, "what was waited for is stored");
}

async fn an_append_to_nothing_is_gone(log: &impl Log) {
    let a = create(log, "a").await;
    for number in [a.id.0 + 1, 0, -1, i64::MAX, i64::MIN] {
        let nothing = Append { document: DocumentId(number), epoch: Epoch(1), payload: Bytes::from_static(b"x") };
        assert_eq!(append(log, vec![nothing, row(&a, "x")]).await[0], Appended::Gone, "document {number} is none");
    }
    assert_contiguous(&load(log, &a).await, 1..=5);
}

async fn an_append_to_a_deleted_document_is_gone_and_others_are_not(log: &impl Log) {
    let (a, b) = (create(log, "a").await, create(log, "b").await);
    append(log, vec![row(&a, "1"), row(&b, "1")]).await;
    delete(log, &a, "").await;
    let outcomes = append(log, vec![row(&a, "2"), row(&b, "2"), row(&a, "3")]).await;
    assert_eq!(outcomes, [Appended::Gone, at(2), Appended::Gone], "only the deleted document's rows are gone");
    assert_eq!(append(log, vec![row(&a, "4")]).await, [Appended::Gone], "alone too");
    let in_its_new_epoch = Document { epoch: Epoch(2), ..a.clone() };
    assert_eq!(append(log, vec![row(&in_its_new_epoch, "5")]).await, [Appended::Gone], "until it is made again");
    assert_eq!(load(log, &a).await.rows, [], "nothing was written for it");
}

async fn an_append_of_a_former_epoch_is_gone(log: &impl Log) {
    let old = create(log, "a").await;
    append(log, vec![row(&old, "old")]).await;
    delete(log, &old, "").await;
    let new = create(log, "a").await;
    let outcomes = append(log, vec![row(&old, "late"), row(&new, "new")]).await;
    assert_eq!(outcomes[0], Appended::Gone, "a writer that holds the former epoch writes nothing");
    assert!(matches!(outcomes[1], Appended::At(_)), "a writer of the new epoch does");
    let ahead = Document { epoch: Epoch(new.epoch.0 + 1), ..new.clone() };
    assert_eq!(append(log, vec![row(&ahead, "early")]).await, [Appended::Gone], "an epoch that is yet to come");
    assert_eq!(texts(&load(log, &new).await), ["new"], "only the new epoch's rows");
}

async fn a_deleted_name_keeps_its_tombstone_and_no_content(log: &impl Log) {
    let a = create(log, "a").await;
    append(log, vec![row(&a, "1"), row(&a, "2")]).await;
    install(log, &a, 1, "one").await;
    delete(log, &a, "what was there").await;
    let found = log.find(&name("a")).await.expect("an answer").expect("a deleted name is still found");
    assert!(found.deleted, "it says that it is deleted");
    assert_eq!(found.tombstone, "what was there", "it keeps its tombstone");
    assert_eq!((found.id, found.epoch), (a.id, Epoch(2)), "the same number, the next epoch");
    let loaded = load(log, &a).await;
    assert_eq!(loaded.document, found, "a load says the same");
    assert_eq!((loaded.snapshot, loaded.rows), (None, vec![]), "its content is gone");
    delete(log, &a, "all that was ever there").await;
    let again = log.find(&name("a")).await.expect("an answer").expect("a document");
    assert_eq!(again.tombstone, "all that was ever there", "a second deletion replaces the tombstone");
    assert_eq!(again.epoch, Epoch(3), "and raises the epoch");
}

async fn a_deleted_name_comes_back_empty_in_its_next_epoch(log: &impl Log) {
    let old = create(log, "a").await;
    append(log, vec![row(&old, "1"), row(&old, "2")]).await;
    delete(log, &old, "tombstone").await;
    let new = create(log, "a").await;
    assert_eq!((new.id, new.epoch, new.deleted), (old.id, Epoch(2), false), "live again, in its next epoch");
    assert_eq!(new.tombstone, "tombstone", "it remembers what was deleted");
    assert_eq!(create(log, "a").await, new, "made again, it is as it is");
    let loaded = load(log, &new).await;
    assert_eq!((loaded.snapshot, loaded.rows), (None, vec![]), "it is empty");
    append(log, vec![row(&new, "new")]).await;
    assert_eq!(texts(&load(log, &new).await), ["new"], "only what came since is loaded");
}

async fn a_position_is_never_given_twice(log: &impl Log) {
    let old = create(log, "a").await;
    append(log, vec![row(&old, "1"), row(&old, "2"), row(&old, "3")]).await;
    delete(log, &old, "").await;
    let new = create(log, "a").await;
    assert_eq!(new.head, Seq(3), "positions go on through a deletion");
    assert_eq!(append(log, vec![row(&new, "4")]).await, [at(4)], "the next position is a new one");
    assert_contiguous(&load(log, &new).await, 4..=4);
    delete(log, &new, "").await;
    let newer = create(log, "a").await;
    assert_eq!(append(log, vec![row(&newer, "5")]).await, [at(5)], "and so through the next one");
}

async fn a_load_of_nothing_is_absent(log: &impl Log) {
    let a = create(log, "a").await;
    for number in [a.id.0 + 1, 0, -1, i64::MAX, i64::MIN] {
        let outcome = log.load(DocumentId(number)).await.map(|loaded| loaded.document);
        assert_eq!(outcome, Err(LogError::Absent), "document {number} is none");
    }
}

async fn a_load_has_all_rows_and_the_head(log: &impl Log) {
    let a = create(log, "a").await;
    let empty = load(log, &a).await;
    assert_eq!((empty.document, empty.snapshot, empty.rows), (a.clone(), None, vec![]), "an empty document");
    append(log, vec![row(&a, "1"), row(&a, "2")]).await;
    let loaded = load(log, &a).await;
    assert_eq!(loaded.document, Document { head: Seq(2), ..a.clone() }, "the document as of the load");
    assert_eq!(texts(&loaded), ["1", "2"], "its rows");
    assert_eq!(log.find(&a.name).await, Ok(Some(loaded.document)), "found as it was loaded");
}

async fn a_load_goes_beyond_one_page(log: &impl Log) {
    let a = create(log, "a").await;
    for _ in 0..5 {
        append(log, (0..1_000).map(|number| row(&a, &number.to_string())).collect()).await;
    }
    assert_contiguous(&load(log, &a).await, 1..=5_000);
    append(log, vec![row(&a, "one more")]).await;
    assert_contiguous(&load(log, &a).await, 1..=5_001);
}

async fn a_load_beside_appends_is_whole(log: &impl Log) {
    let a = create(log, "a").await;
    append(log, vec![row(&a, "1")]).await;
    let writes = async {
        for number in 2..=40_i64 {
            append(log, vec![row(&a, "x"), row(&a, "y")]).await;
            install(log, &a, number, "a snapshot").await;
        }
    };
    let reads = async {
        for _ in 0..40 {
            let loaded = load(log, &a).await;
            let from = loaded.snapshot.as_ref().map_or(0, |snapshot| snapshot.seq.0);
            let head = loaded.document.head.0;
            assert_contiguous(&loaded, from + 1..=head);
        }
    };
    futures_util::future::join(writes, reads).await;
}

async fn what_was_committed_since_a_position_is_told_without_the_rest(log: &impl Log) {
    let a = create(log, "a").await;
    append(log, (1..=2_500).map(|number| row(&a, &number.to_string())).collect()).await;
    for after in [0, 1, 2_498, 2_500] {
        let since = since(log, &a, after).await;
        assert!(since.snapshot.is_none(), "rows alone behind {after}");
        assert_contiguous(&since, after + 1..=2_500);
    }
    install(log, &a, 2_400, "most").await;
    let since = since(log, &a, 2_498).await;
    assert_eq!(
        (since.snapshot.is_none(), texts(&since)),
        (true, vec!["2499", "2500"]),
        "a snapshot before is not told"
    );
    assert_eq!(since.document, load(log, &a).await.document, "the document is told as a load tells it");
}

async fn what_was_committed_since_a_lost_position_is_a_load(log: &impl Log) {
    let old = create(log, "a").await;
    append(log, vec![row(&old, "1"), row(&old, "2")]).await;
    delete(log, &old, "tombstone").await;
    let gone = since(log, &old, 1).await;
    assert_eq!((gone.document.deleted, gone.document.epoch), (true, Epoch(2)), "a deletion is told");
    assert!(gone.rows.is_empty() && gone.snapshot.is_none(), "with nothing behind it");
    let new = create(log, "a").await;
    append(log, vec![row(&new, "3"), row(&new, "4")]).await;
    assert_eq!(texts(&since(log, &new, 1).await), ["3", "4"], "a position before the deletion gives all that is there");
    assert_eq!(texts(&since(log, &new, 2).await), ["3", "4"], "and so does the deletion's");
    install(log, &new, 3, "three").await;
    let before = since(log, &new, 2).await;
    let held = before.snapshot.as_ref().map(text).into_iter().chain(texts(&before));
    let held: Vec<&str> = held.collect();
    assert!(held == ["3", "4"] || held == ["three", "4"], "nothing is left out: {held:?}");
    let nothing = log.since(DocumentId(new.id.0 + 1), Seq(0)).await;
    assert_eq!(nothing.map(|loaded| loaded.rows), Err(LogError::Absent), "since of nothing");
}

async fn rows_up_to_a_snapshot_leave_the_load_path(log: &impl Log) {
    let (a, b) = (create(log, "a").await, create(log, "b").await);
    append(log, vec![row(&a, "1"), row(&a, "2"), row(&a, "3"), row(&b, "1")]).await;
    install(log, &a, 2, "one and two").await;
    let loaded = load(log, &a).await;
    let snapshot = loaded.snapshot.clone().expect("a snapshot");
    assert_eq!((snapshot.seq, text(&snapshot)), (Seq(2), "one and two"), "the snapshot as it was given");
    assert_eq!(texts(&loaded), ["3"], "only what the snapshot does not hold follows");
    assert_eq!(loaded.document.head, Seq(3), "the head stays");
    assert_eq!(texts(&load(log, &b).await), ["1"], "another document's rows stay");
    assert_eq!(append(log, vec![row(&a, "4")]).await, [at(4)], "positions go on");
    install(log, &a, 3, "one to three").await;
    let loaded = load(log, &a).await;
    assert_eq!(loaded.snapshot.as_ref().map(text), Some("one to three"), "the newest snapshot counts");
    assert_eq!(texts(&loaded), ["4"], "and the rows behind it");
}

async fn a_snapshot_of_all_rows_is_loaded_alone(log: &impl Log) {
    let a = create(log, "a").await;
    append(log, vec![row(&a, "1"), row(&a, "2")]).await;
    install(log, &a, 2, "both").await;
    let loaded = load(log, &a).await;
    assert_eq!((loaded.snapshot.as_ref().map(text), loaded.rows.len()), (Some("both"), 0), "the snapshot alone");
    assert_eq!(loaded.document.head, Seq(2), "the head stays");
    assert_eq!(append(log, vec![row(&a, "3")]).await, [at(3)], "positions go on");
}

async fn a_superseded_snapshot_changes_nothing(log: &impl Log) {
    let a = create(log, "a").await;
    append(log, vec![row(&a, "1"), row(&a, "2"), row(&a, "3")]).await;
    install(log, &a, 2, "newer").await;
    for seq in [0, 1, 2] {
        refuse(log, &a, seq, "older, or as old").await;
    }
    let loaded = load(log, &a).await;
    assert_eq!(loaded.snapshot.as_ref().map(text), Some("newer"), "the newer snapshot stays");
    assert_eq!(texts(&loaded), ["3"], "with the rows behind it");
}

async fn a_snapshot_beyond_the_head_changes_nothing(log: &impl Log) {
    let a = create(log, "a").await;
    append(log, vec![row(&a, "1")]).await;
    refuse(log, &a, 2, "holds a row that is not there").await;
    assert_eq!(texts(&load(log, &a).await), ["1"], "the rows stay");
    let empty = create(log, "empty").await;
    refuse(log, &empty, 0, "of nothing").await;
}

async fn a_snapshot_of_a_former_epoch_changes_nothing(log: &impl Log) {
    let old = create(log, "a").await;
    append(log, vec![row(&old, "1"), row(&old, "2")]).await;
    delete(log, &old, "").await;
    refuse(log, &old, 2, "of a deleted document").await;
    let new = create(log, "a").await;
    append(log, vec![row(&new, "3")]).await;
    refuse(log, &old, 3, "of the former epoch").await;
    refuse(log, &new, 2, "of rows before the deletion").await;
    assert_eq!(texts(&load(log, &new).await), ["3"], "the new content stays");
    install(log, &new, 3, "three").await;
    assert_eq!(load(log, &new).await.snapshot.as_ref().map(text), Some("three"), "its own snapshot is taken");
}

async fn what_is_asked_of_nothing_is_absent(log: &impl Log) {
    let a = create(log, "a").await;
    let nothing = DocumentId(a.id.0 + 1);
    let snapshot = Row { seq: Seq(1), payload: Bytes::from_static(b"x") };
    let installed = log.install_snapshot(nothing, Epoch(1), snapshot).await;
    assert_eq!(installed, Err(LogError::Absent), "a snapshot of nothing");
    assert_eq!(log.delete(nothing, Bytes::new()).await, Err(LogError::Absent), "a deletion of nothing");
    assert_eq!(append(log, vec![row(&a, "1")]).await, [at(1)], "and the log goes on");
}

async fn a_log_that_works_answers_a_ping(log: &impl Log) {
    assert_eq!(log.ping().await, Ok(()), "a ping");
    create(log, "a").await;
    assert_eq!(log.ping().await, Ok(()), "a ping");
}

fn name(text: &str) -> DocumentName {
    DocumentName::new(text).expect("a name that is allowed")
}

fn row(document: &Document, text: &str) -> Append {
    Append { document: document.id, epoch: document.epoch, payload: Bytes::copy_from_slice(text.as_bytes()) }
}

fn at(seq: i64) -> Appended {
    Appended::At(Seq(seq))
}

fn text(row: &Row) -> &str {
    std::str::from_utf8(&row.payload).expect("a payload that is text")
}

fn texts(loaded: &Loaded) -> Vec<&str> {
    loaded.rows.iter().map(text).collect()
}

fn seqs(loaded: &Loaded) -> Vec<i64> {
    loaded.rows.iter().map(|row| row.seq.0).collect()
}

fn assert_contiguous(loaded: &Loaded, expected: RangeInclusive<i64>) {
    let name = &loaded.document.name;
    assert_eq!(loaded.document.head.0, *expected.end(), "the head of {name}");
    assert!(seqs(loaded).into_iter().eq(expected.clone()), "the rows of {name} are {expected:?} without a gap");
}

async fn create(log: &impl Log, text: &str) -> Document {
    log.create(&name(text)).await.expect("a name that can be made")
}

async fn append(log: &impl Log, rows: Vec<Append>) -> Vec<Appended> {
    log.append(rows).await.expect("an append that works")
}

async fn load(log: &impl Log, document: &Document) -> Loaded {
    log.load(document.id).await.expect("a document that can be loaded")
}

async fn since(log: &impl Log, document: &Document, after: i64) -> Loaded {
    log.since(document.id, Seq(after)).await.expect("a document that can be read")
}

async fn delete(log: &impl Log, document: &Document, tombstone: &str) {
    let tombstone = Bytes::copy_from_slice(tombstone.as_bytes());
    log.delete(document.id, tombstone).await.expect("a document that can be deleted");
}

async fn install(log: &impl Log, document: &Document, seq: i64, text: &str) {
    let outcome = offer(log, document, seq, text).await;
    assert_eq!(outcome, Ok(Installed::Yes), "the snapshot {text:?} at {seq} is taken");
}

async fn refuse(log: &impl Log, document: &Document, seq: i64, text: &str) {
    let outcome = offer(log, document, seq, text).await;
    assert_eq!(outcome, Ok(Installed::Superseded), "the snapshot {text:?} at {seq} is not taken");
}

async fn offer(log: &impl Log, document: &Document, seq: i64, text: &str) -> Result<Installed, LogError> {
    let snapshot = Row { seq: Seq(seq), payload: Bytes::copy_from_slice(text.as_bytes()) };
    log.install_snapshot(document.id, document.epoch, snapshot).await
}
