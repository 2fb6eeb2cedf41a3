//! Rooms on a log with whims: what ends while a room answers it, and what can never be stored.

use std::time::SystemTime;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, poll};
use tandem_model::clock::MemoryClock;
use tandem_model::log::{Append, Appended, Document, Installed, Log, Row};
use tandem_model::memory::MemoryLog;
use tandem_model::{DocumentId, Epoch, Subject};
use tokio::sync::Notify;
use tokio::time::Instant;
use yrs::{Doc, Text, Transact};

use super::command::Command;
use super::notice::Inbox;
use super::*;
use crate::journal::{LOAD_TURN, LOADS_AT_ONCE};
use crate::rooms::Rooms;
use crate::root::{self, Tree};
use crate::session::flight::Flights;
use crate::session::gate::Attempt;
use crate::session::wake::{Bell, Wake};
use crate::sessions::Sessions;

/// A log with whims.
#[derive(Default)]
struct Whimsical {
    log: MemoryLog,
    /// Whether it says that it deleted only when it is let.
    answers_late: bool,
    deleted: Notify,
    may_answer: Notify,
    /// Never takes rows of the first document.
    refuses_the_first: bool,
    /// Never finds a document.
    hangs: bool,
    /// Panics when it looks for one.
    panics: bool,
}

impl Log for Whimsical {
    fn find<'a>(&'a self, name: &'a DocumentName) -> BoxFuture<'a, Result<Option<Document>, LogError>> {
        assert!(!self.panics, "a whim");
        if self.hangs {
            return Box::pin(std::future::pending());
        }
        self.log.find(name)
    }

    fn create<'a>(&'a self, name: &'a DocumentName) -> BoxFuture<'a, Result<Document, LogError>> {
        self.log.create(name)
    }

    fn append(&self, rows: Vec<Append>) -> BoxFuture<'_, Result<Vec<Appended>, LogError>> {
        if self.refuses_the_first && rows.iter().any(|row| row.document == DocumentId(1)) {
            return Box::pin(async { Err(LogError::Unavailable("too large a row".into())) });
        }
        self.log.append(rows)
    }

    fn load(&self, document: DocumentId) -> BoxFuture<'_, Result<Loaded, LogError>> {
        self.log.load(document)
    }

    fn install_snapshot(
        &self,
        document: DocumentId,
        epoch: Epoch,
        snapshot: Row,
    ) -> BoxFuture<'_, Result<Installed, LogError>> {
        self.log.install_snapshot(document, epoch, snapshot)
    }

    fn delete(&self, document: DocumentId, tombstone: bytes::Bytes) -> BoxFuture<'_, Result<(), LogError>> {
        Box::pin(async move {
            self.log.delete(document, tombstone).await?;
            if self.answers_late {
                self.deleted.notify_one();
                self.may_answer.notified().await;
            }
            Ok(())
        })
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), LogError>> {
        self.log.ping()
    }
}

async fn rooms_on(log: Arc<dyn Log>) -> Rooms {
    let limits = Arc::new(Limits::default());
    let (journal, rooms) = (Journal::new(log, &limits), Rooms::default());
    let clock = Arc::new(MemoryClock::starting_at(SystemTime::UNIX_EPOCH));
    let (sessions, jobs) = (Sessions::default(), Jobs::default());
    root::start(Tree { journal, rooms: rooms.clone(), sessions, jobs, limits, clock }).await.expect("a tree");
    rooms
}

async fn room(rooms: &Rooms, name: &str) -> RoomRef {
    rooms.open(DocumentName::new(name).expect("a name")).await.expect("a room")
}

async fn head(room: &RoomRef) -> i64 {
    room.observe().await.expect("it lives").head
}

/// Waits until something of it is stored.
async fn stored(room: &RoomRef) {
    while head(room).await == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

fn somebody(wake: &Arc<Wake>) -> Join {
    let inbox = Arc::new(Inbox::new(Arc::new(Bell::new(wake.clone(), 0))));
    let subject = Subject::new("ann");
    Join { subject, right: Right::Editor, attempt: Attempt(1), inbox, asked_at_once: false, again: None }
}

fn edit() -> bytes::Bytes {
    let document = Doc::new();
    let text = document.get_or_insert_text("text");
    let mut change = document.transact_mut();
    text.insert(&mut change, 0, "hello");
    change.encode_update_v1().into()
}

async fn members(room: &RoomRef) -> usize {
    room.observe().await.expect("it lives").members
}

#[tokio::test]
async fn whoever_goes_before_reading_that_they_are_in_is_not_in() {
    let (rooms, wake) = (rooms_on(Arc::new(MemoryLog::new())).await, Arc::default());
    let room = room(&rooms, "notes").await;
    let mut joining = Box::pin(room.join(somebody(&wake)));
    assert!(poll!(&mut joining).is_pending());
    assert_eq!(members(&room).await, 1, "the answer is there, and not read");
    drop(joining);
    assert_eq!(members(&room).await, 0);
}

#[tokio::test]
async fn a_deletion_that_an_edit_overtakes_is_told_as_done() {
    let (log, wake) = (Arc::new(Whimsical { answers_late: true, ..Whimsical::default() }), Arc::default());
    let room = room(&rooms_on(log.clone()).await, "notes").await;
    let member = room.join(somebody(&wake)).await.expect("it lives").expect("it lets in").member;
    let flights = Flights::new(wake);
    let written = || vec![(Command::Update { update: edit(), entry: None }, flights.start(None))];
    room.commands(member, written());
    stored(&room).await;
    let deletion = room.delete();
    let overtaking = async {
        log.deleted.notified().await;
        room.commands(member, written());
        while room.is_alive() {
            tokio::task::yield_now().await;
        }
        log.may_answer.notify_one();
    };
    assert_eq!(futures_util::join!(deletion, overtaking).0, Ok(Ok(())));
}

#[tokio::test(start_paused = true)]
async fn what_can_never_be_stored_holds_up_its_own_document_alone() {
    let log = Arc::new(Whimsical { refuses_the_first: true, ..Whimsical::default() });
    let (rooms, wake) = (rooms_on(log).await, Arc::default());
    let mut all = Vec::new();
    for n in 0..20 {
        let room = room(&rooms, &format!("notes-{n}")).await;
        let member = room.join(somebody(&wake)).await.expect("it lives").expect("it lets in").member;
        all.push((room, member));
    }
    let flights = Flights::new(wake);
    for (room, member) in &all {
        room.commands(*member, vec![(Command::Update { update: edit(), entry: None }, flights.start(None))]);
    }
    for (room, _) in &all[1..] {
        stored(room).await;
    }
    assert_eq!(head(&all[0].0).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_document_that_waits_too_long_for_its_turn_to_be_read_is_unavailable() {
    let log = Arc::new(Whimsical { hangs: true, ..Whimsical::default() });
    let (rooms, wake) = (rooms_on(log).await, Arc::default());
    let mut joining = FuturesUnordered::new();
    for n in 0..LOADS_AT_ONCE + 2 {
        let (room, somebody) = (room(&rooms, &format!("notes-{n}")).await, somebody(&wake));
        joining.push(async move { (n, room.join(somebody).await) });
    }
    let began = Instant::now();
    for _ in 0..2 {
        let (n, outcome) = joining.next().await.expect("one more");
        assert!(n >= LOADS_AT_ONCE, "it is being read");
        assert!(matches!(outcome, Ok(Err(Refusal::Unavailable))), "{outcome:?}");
    }
    assert_eq!(began.elapsed().as_secs(), LOAD_TURN.as_secs());
}

#[tokio::test(start_paused = true)]
async fn loads_that_panic_end_their_rooms_and_take_nobodys_turn() {
    let log = Arc::new(Whimsical { panics: true, ..Whimsical::default() });
    let (rooms, began) = (rooms_on(log).await, Instant::now());
    for n in 0..=LOADS_AT_ONCE {
        // It may have come to that before it is asked.
        let outcome = room(&rooms, &format!("notes-{n}")).await.join(somebody(&Arc::default())).await;
        assert!(matches!(outcome, Ok(Err(Refusal::Unavailable)) | Err(RoomGone)), "{outcome:?}");
    }
    assert_eq!(began.elapsed().as_secs(), 0, "nobody waited for a turn in vain");
}

#[test]
fn a_load_that_no_journal_takes_is_let_go_of() {
    let limits = Arc::new(Limits::default());
    // Its life never begins.
    let journal = Journal::new(Arc::new(MemoryLog::new()), &limits);
    let forgotten = Arc::new(());
    let held = forgotten.clone();
    journal.load(DocumentName::new("notes").expect("a name"), Box::new(move |_| drop(held)));
    assert_eq!(Arc::strong_count(&forgotten), 1, "whoever waits for it is told by that");
}
