//! Documents are read in turn. One that waits is an entry here and no task: after a restart everybody's documents wait, and
//! what each needed meanwhile would lie between what stays.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tandem_model::DocumentName;
use tandem_model::log::{Document, Loaded, Log, LogError};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use crate::{counted, reached};

/// So many documents are read at the same time: more would not come sooner through the store's connections.
pub const LOADS_AT_ONCE: usize = 24;

/// So long a document waits for its turn to be read; then it is unavailable for now.
pub const LOAD_TURN: Duration = Duration::from_secs(5);

/// What a load found.
#[derive(Clone, Debug)]
pub enum Found {
    /// The name was never used, or is deleted and empty (then the document carries its tombstone).
    Nothing(Option<Document>),
    /// The document's content.
    Content(Box<Loaded>),
}

/// What is done with a document once it is read, before the next one is. It must not block; a panic is its own.
pub type OnFound = Box<dyn FnOnce(Result<Found, LogError>) + Send>;

/// One document that is to be read.
pub struct Load {
    name: DocumentName,
    on_found: OnFound,
    _counted: Counted,
}

/// Counts a load while it is there.
struct Counted;

impl Load {
    /// A document that somebody wants.
    pub fn new(name: DocumentName, on_found: OnFound) -> Self {
        counted::LOADS.increment(1.0);
        Self { name, on_found, _counted: Counted }
    }

    /// Which document.
    pub fn name(&self) -> &DocumentName {
        &self.name
    }

    fn end(self, found: Result<Found, LogError>) {
        // It was logged when it happened.
        let _ = catch_unwind(AssertUnwindSafe(|| (self.on_found)(found)));
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        counted::LOADS.decrement(1.0);
    }
}

/// The loads of a node, whatever life of the journal let them begin.
#[derive(Default)]
pub struct Loads(Mutex<Turns<Load>>);

impl Loads {
    /// Reads a document when it is its turn.
    pub fn begin(self: &Arc<Self>, log: &Arc<dyn Log>, load: Load) {
        let begun = self.lock().wait(load, Instant::now());
        match begun {
            Begun::Read => _ = tokio::spawn(self.clone().read_all(log.clone())),
            Begun::Watch => _ = tokio::spawn(self.clone().watch()),
            Begun::Nothing => {}
        }
    }

    async fn read_all(self: Arc<Self>, log: Arc<dyn Log>) {
        while let Some(load) = self.next() {
            let found = AssertUnwindSafe(read(&*log, &load.name)).catch_unwind().await;
            load.end(found.unwrap_or_else(|_| Err(LogError::Unavailable("the load panicked".into()))));
        }
    }

    async fn watch(self: Arc<Self>) {
        while let Some(due) = self.due() {
            sleep_until(due).await;
            let mut turned_away = 0;
            while let Some(load) = self.overdue() {
                load.end(Err(LogError::Unavailable("too many documents wait to be read".into())));
                turned_away += 1;
                if turned_away % LOADS_AT_ONCE == 0 {
                    // All of a burst are overdue together; other tasks have their turns between.
                    yield_now().await;
                }
            }
            reached::count("load_turn", turned_away);
        }
    }

    // Each takes the lock and lets go of it: nothing is told to a room under it.

    fn next(&self) -> Option<Load> {
        self.lock().next()
    }

    fn due(&self) -> Option<Instant> {
        self.lock().due()
    }

    fn overdue(&self) -> Option<Load> {
        self.lock().overdue(Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, Turns<Load>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(log: &dyn Log, name: &DocumentName) -> Result<Found, LogError> {
    match log.find(name).await? {
        Some(document) if !document.deleted => Ok(Found::Content(Box::new(log.load(document.id).await?))),
        deleted => Ok(Found::Nothing(deleted)),
    }
}

/// Who waits for a turn, oldest first. Pure: the clock is passed in.
struct Turns<T> {
    waiting: VecDeque<(T, Instant)>,
    under_way: usize,
    /// Whether somebody looks who waits too long.
    watched: bool,
}

/// What has to begin because somebody waits.
#[derive(Debug, PartialEq, Eq)]
enum Begun {
    /// To ask for the [next](Turns::next) until there is none.
    Read,
    /// To ask for the [overdue](Turns::overdue) when it is [time](Turns::due), until there is none.
    Watch,
    /// Both are under way.
    Nothing,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), under_way: 0, watched: false }
    }
}

impl<T> Turns<T> {
    fn wait(&mut self, one: T, now: Instant) -> Begun {
        self.waiting.push_back((one, now));
        if self.under_way < LOADS_AT_ONCE {
            self.under_way += 1;
            Begun::Read
        } else if !std::mem::replace(&mut self.watched, true) {
            Begun::Watch
        } else {
            Begun::Nothing
        }
    }

    /// Whose turn it is; `None` ends one that is under way.
    fn next(&mut self) -> Option<T> {
        let next = self.waiting.pop_front();
        if next.is_none() {
            self.under_way -= 1;
            // A burst is over.
            self.waiting = VecDeque::new();
        }
        next.map(|(one, _)| one)
    }

    /// When the one that waits longest waits too long; `None` ends the watch.
    fn due(&mut self) -> Option<Instant> {
        let due = self.waiting.front().map(|(_, since)| *since + LOAD_TURN);
        self.watched = due.is_some();
        due
    }

    /// One that waits too long.
    fn overdue(&mut self, now: Instant) -> Option<T> {
        self.waiting.pop_front_if(|(_, since)| *since + LOAD_TURN <= now).map(|(one, _)| one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_under_way_and_the_others_have_their_turn_in_order() {
        let (mut turns, now) = (Turns::default(), Instant::now());
        let begun: Vec<Begun> = (0..LOADS_AT_ONCE + 3).map(|number| turns.wait(number, now)).collect();
        assert!(begun[..LOADS_AT_ONCE].iter().all(|begun| *begun == Begun::Read));
        assert_eq!(begun[LOADS_AT_ONCE..], [Begun::Watch, Begun::Nothing, Begun::Nothing]);
        for number in 0..LOADS_AT_ONCE + 3 {
            assert_eq!(turns.next(), Some(number));
        }
        assert_eq!(turns.next(), None, "one of them ends");
        assert_eq!(turns.waiting.capacity(), 0);
        assert_eq!(turns.wait(0, now), Begun::Read, "and another takes its place");
        assert_eq!(turns.wait(1, now), Begun::Nothing, "the watch has not looked yet");
    }

    #[test]
    fn who_waits_too_long_is_turned_away() {
        let (mut turns, now) = (Turns::default(), Instant::now());
        (0..=LOADS_AT_ONCE).for_each(|number| _ = turns.wait(number, now));
        (0..LOADS_AT_ONCE).for_each(|_| _ = turns.next());
        let later = now + Duration::from_secs(1);
        turns.wait(LOADS_AT_ONCE + 1, later);
        assert_eq!(turns.due(), Some(now + LOAD_TURN));
        assert_eq!(turns.overdue(now + LOAD_TURN), Some(LOADS_AT_ONCE));
        assert_eq!(turns.overdue(now + LOAD_TURN), None);
        assert_eq!(turns.due(), Some(later + LOAD_TURN));
        assert_eq!(turns.overdue(later + LOAD_TURN), Some(LOADS_AT_ONCE + 1));
        assert_eq!(turns.due(), None);
        assert_eq!(turns.wait(0, later), Begun::Watch, "the watch was over");
    }
}
