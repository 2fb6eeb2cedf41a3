//! The outbox: one shared, bounded ring per room, encoded once per wire encoding. Sessions are cursors on it.
//!
//! - Bound: [`Outbox::new`]'s bytes of bodies; the oldest entries are evicted, but never the only one.
//! - At the limit: a cursor that still wanted an evicted entry is *lapped*. It keeps, for each client id of the entries
//!   that it did not read, the lowest clock that stood before them; the room makes one merged difference from that.
//! - What several entries come to is joined once for the many cursors that read the same of them.
//! - Invariant: a cursor reads each entry of others once, in order, or is lapped; it never reads its own updates.

mod joined;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use litemap::LiteMap;
use metrics::counter;
use tandem_model::{ClientId, Clock};

use self::joined::Joined;
use crate::counted;
use crate::dialect::{Dialect, Saying};
use crate::session::wake::Bell;

/// Names one membership of one room; never reused while the room lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberId(pub u64);

/// What an entry carries.
#[derive(Clone, Debug)]
pub enum Post {
    /// An edit; for each client id in it, the clock before.
    Update {
        /// Clocks before the edit.
        before: Vec<(ClientId, Clock)>,
        /// The room's own encoding.
        update: Bytes,
    },
    /// The presence states that changed.
    Presence(Bytes),
    /// An application's message to everybody.
    Stateless(Arc<str>),
}

/// What reading a cursor came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// All that there was.
    All,
    /// As much as was wanted; there is more.
    More,
    /// The cursor was lapped: ask the room for a difference.
    Lapped,
    /// The room is gone: join again.
    Closed,
}

/// The shared ring.
#[derive(Debug)]
pub struct Outbox {
    ring: Mutex<Ring>,
    key: Arc<str>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Entry>,
    /// The number of `entries[0]`.
    first: u64,
    bytes: usize,
    /// The number of the first entry that nobody was woken for.
    rung: u64,
    cursors: LiteMap<MemberId, Box<Cursor>>,
    joined: Joined,
    closed: bool,
}

#[derive(Debug)]
struct Entry {
    author: Option<MemberId>,
    post: Post,
    ysync: Option<Option<Bytes>>,
    hocuspocus: Option<Option<Bytes>>,
}

#[derive(Debug)]
struct Cursor {
    bell: Arc<Bell>,
    next: u64,
    live: bool,
    presence: bool,
    lapped: bool,
    since: BTreeMap<ClientId, Clock>,
}

impl Outbox {
    /// An empty ring of at most `bytes_max` bytes for the document named `key`.
    #[must_use]
    pub fn new(key: &str, bytes_max: usize) -> Self {
        let mut ring = Ring::default();
        // Most rooms have one most of the time.
        ring.cursors = LiteMap::with_capacity(1);
        Self { ring: ring.into(), key: key.into(), bytes_max }
    }

    /// Adds a cursor. It reads nothing until it [starts](Self::start).
    pub fn enter(&self, member: MemberId, bell: Arc<Bell>) {
        let cursor = Cursor { bell, next: 0, live: false, presence: false, lapped: false, since: BTreeMap::new() };
        self.lock().cursors.insert(member, Box::new(cursor));
    }

    /// Puts the cursor at the newest entry: what came before is in the difference that it is given now. Returns the
    /// clocks that a lapped cursor has to be caught up from: all others it has up to now.
    pub fn start(&self, member: MemberId) -> BTreeMap<ClientId, Clock> {
        let mut ring = self.lock();
        let end = ring.end();
        let Ring { entries, first, cursors, .. } = &mut *ring;
        let Some(cursor) = cursors.get_mut(&member) else { return BTreeMap::new() };
        let unread = cursor.next.saturating_sub(*first);
        let unread = usize::try_from(unread).unwrap_or(usize::MAX);
        entries.iter().skip(unread).for_each(|entry| cursor.fold(entry));
        cursor.next = end;
        cursor.live = true;
        cursor.lapped = false;
        std::mem::take(&mut cursor.since)
    }

    /// Lets the cursor read presence from here on.
    pub fn show_presence(&self, member: MemberId) {
        if let Some(cursor) = self.lock().cursors.get_mut(&member) {
            cursor.presence = true;
        }
    }

    /// Removes a cursor.
    pub fn leave(&self, member: MemberId) {
        self.lock().cursors.remove(&member);
    }

    /// Appends an entry; [`Self::ring`] wakes those who want it. `author` does not read it back.
    pub fn push(&self, author: Option<MemberId>, post: Post) {
        let mut ring = self.lock();
        ring.grow(post.len());
        ring.entries.push_back(Entry { author, post, ysync: None, hocuspocus: None });
        while ring.bytes > self.bytes_max && ring.entries.len() > 1 {
            ring.evict();
        }
    }

    /// Wakes those who want what was pushed since the last call.
    pub fn ring(&self) {
        let mut ring = self.lock();
        let end = ring.end();
        let Ring { entries, first, cursors, rung, .. } = &mut *ring;
        let from = std::mem::replace(rung, end).max(*first);
        let new = usize::try_from(from - *first).unwrap_or(usize::MAX).min(entries.len());
        let mut unread = end;
        for (member, cursor) in cursors.iter_mut().filter(|(_, cursor)| cursor.live) {
            if cursor.lapped || entries.range(new..).any(|entry| cursor.wants(*member, entry)) {
                cursor.bell.ring();
            } else if cursor.next == from {
                // What it does not want counts as read.
                cursor.next = end;
            }
            unread = unread.min(cursor.next);
        }
        ring.forget(unread);
    }

    /// Takes whole frames for the cursor until `bytes` are reached.
    pub fn take(&self, member: MemberId, dialect: &Dialect, bytes: usize, frames: &mut Vec<Bytes>) -> Taken {
        let mut ring = self.lock();
        if ring.closed {
            return Taken::Closed;
        }
        let Ring { entries, first, cursors, joined, .. } = &mut *ring;
        let Some(cursor) = cursors.get_mut(&member) else { return Taken::Closed };
        if cursor.lapped {
            return Taken::Lapped;
        }
        if !cursor.live {
            return Taken::All;
        }
        let mut taken = 0;
        let end = *first + entries.len() as u64;
        let from = usize::try_from(cursor.next.saturating_sub(*first)).unwrap_or(usize::MAX).min(entries.len());
        let several = entries.len() - from > 1 && dialect.shares(&self.key);
        if several && entries.range(from..).all(|entry| cursor.wants(member, entry)) {
            let joined = joined.entry(dialect.counts()).get(cursor.next..end, bytes, || {
                entries.range_mut(from..).filter_map(|entry| entry.frame(dialect, &self.key))
            });
            if let Some(joined) = joined {
                counted::FRAMES_OUT.increment(end - cursor.next);
                cursor.next = end;
                frames.push(joined);
                return Taken::All;
            }
        }
        for entry in entries.iter_mut().skip(from) {
            if taken >= bytes {
                return Taken::More;
            }
            cursor.next += 1;
            if cursor.wants(member, entry)
                && let Some(frame) = entry.frame(dialect, &self.key)
            {
                counted::FRAMES_OUT.increment(1);
                taken += frame.len();
                frames.push(frame);
            }
        }
        Taken::All
    }

    /// The room is gone: every cursor is told.
    pub fn close(&self) {
        let mut ring = self.lock();
        ring.closed = true;
        ring.joined = Joined::default();
        ring.entries.clear();
        let bytes = ring.bytes;
        ring.shrink(bytes);
        ring.cursors.values().for_each(|cursor| cursor.bell.ring());
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    #[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
    fn grow(&mut self, bytes: usize) {
        self.bytes += bytes;
        counted::OUTBOX_BYTES.increment(bytes as f64);
    }

    #[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
    fn shrink(&mut self, bytes: usize) {
        self.bytes -= bytes;
        counted::OUTBOX_BYTES.decrement(bytes as f64);
    }

    /// Lets go of the entries before `unread`, which everybody has read.
    fn forget(&mut self, unread: u64) {
        while self.first < unread
            && let Some(entry) = self.entries.pop_front()
        {
            self.first += 1;
            self.shrink(entry.post.len());
        }
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
            self.joined = Joined::default();
        }
    }

    fn evict(&mut self) {
        let Some(entry) = self.entries.pop_front() else { return };
        self.shrink(entry.post.len());
        let evicted = self.first;
        self.first += 1;
        for (member, cursor) in &mut self.cursors {
            if !cursor.live || cursor.next > evicted {
                continue;
            }
            cursor.next = self.first;
            if entry.author == Some(*member) {
                continue;
            }
            cursor.fold(&entry);
            if !std::mem::replace(&mut cursor.lapped, true) {
                counter!("tandem_outbox_laps_total").increment(1);
            }
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}

impl Cursor {
    fn wants(&self, member: MemberId, entry: &Entry) -> bool {
        entry.author != Some(member) && (self.presence || !matches!(entry.post, Post::Presence(_)))
    }

    fn fold(&mut self, entry: &Entry) {
        if let Post::Update { before, .. } = &entry.post {
            for &(client, clock) in before {
                self.since.entry(client).and_modify(|lowest| *lowest = clock.min(*lowest)).or_insert(clock);
            }
        }
    }
}

impl Entry {
    fn frame(&mut self, dialect: &Dialect, plain: &str) -> Option<Bytes> {
        let Self { post, ysync, hocuspocus, .. } = self;
        match dialect {
            Dialect::YSync => ysync.get_or_insert_with(|| post.frame(dialect)).clone(),
            Dialect::Hocuspocus { .. } if dialect.shares(plain) => {
                hocuspocus.get_or_insert_with(|| post.frame(dialect)).clone()
            }
            Dialect::Hocuspocus { .. } => post.frame(dialect),
        }
    }
}

impl Post {
    fn len(&self) -> usize {
        // What an entry costs beside its body.
        const ENTRY_BYTES: usize = 128;
        ENTRY_BYTES
            + match self {
                Self::Update { update, .. } => update.len(),
                Self::Presence(states) => states.len(),
                Self::Stateless(text) => text.len(),
            }
    }

    fn frame(&self, dialect: &Dialect) -> Option<Bytes> {
        dialect.frame(match self {
            Self::Update { update, .. } => Saying::Update(update),
            Self::Presence(states) => Saying::Awareness(states),
            Self::Stateless(text) => Saying::Stateless(text),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::wake::Wake;

    fn entered(outbox: &Outbox, member: u64) -> MemberId {
        let member = MemberId(member);
        outbox.enter(member, Arc::new(Bell::new(Arc::new(Wake::default()), 0)));
        outbox.start(member);
        member
    }

    fn update(client: u64, before: Clock, length: usize) -> Post {
        Post::Update { before: vec![(ClientId(client), before)], update: vec![0; length].into() }
    }

    fn read(outbox: &Outbox, member: MemberId, bytes: usize) -> (Taken, usize) {
        let mut frames = Vec::new();
        (outbox.take(member, &Dialect::YSync, bytes, &mut frames), frames.len())
    }

    #[test]
    fn a_cursor_reads_what_others_wrote_once() {
        let outbox = Outbox::new("d", 10_000);
        let (ann, bob) = (entered(&outbox, 1), entered(&outbox, 2));
        outbox.push(Some(ann), update(1, 0, 10));
        outbox.push(Some(bob), update(2, 0, 10));
        assert_eq!(read(&outbox, ann, 1_000), (Taken::All, 1));
        assert_eq!(read(&outbox, bob, 1_000), (Taken::All, 1));
        assert_eq!(read(&outbox, ann, 1_000), (Taken::All, 0));
    }

    #[test]
    fn a_lapped_cursor_learns_the_lowest_clocks_before_what_it_missed() {
        let outbox = Outbox::new("d", 1_000);
        let reader = entered(&outbox, 1);
        for clock in 0..10 {
            outbox.push(Some(MemberId(2)), update(7, 5 + clock, 200));
        }
        outbox.push(Some(MemberId(2)), update(8, 3, 10));
        assert_eq!(read(&outbox, reader, 1_000), (Taken::Lapped, 0));
        assert_eq!(outbox.start(reader), BTreeMap::from([(ClientId(7), 5), (ClientId(8), 3)]));
        assert_eq!(read(&outbox, reader, 1_000), (Taken::All, 0));
        assert!(outbox.lock().bytes <= 1_000);
    }

    #[test]
    fn an_entry_larger_than_the_ring_is_shared_as_it_is() {
        let outbox = Outbox::new("d", 1_000);
        let reader = entered(&outbox, 1);
        outbox.push(None, update(7, 0, 50_000));
        assert_eq!(read(&outbox, reader, 1), (Taken::All, 1));
    }

    #[test]
    fn presence_waits_until_it_is_shown() {
        let outbox = Outbox::new("d", 1_000);
        let reader = entered(&outbox, 1);
        outbox.push(None, Post::Presence(Bytes::from_static(&[0])));
        assert_eq!(read(&outbox, reader, 100), (Taken::All, 0));
        outbox.show_presence(reader);
        outbox.push(None, Post::Presence(Bytes::from_static(&[0])));
        assert_eq!(read(&outbox, reader, 100), (Taken::All, 1));
    }

    #[test]
    fn what_everybody_has_read_is_let_go_of() {
        let outbox = Outbox::new("d", 10_000);
        let (ann, bob) = (entered(&outbox, 1), entered(&outbox, 2));
        for clock in 0..3 {
            outbox.push(Some(ann), update(1, clock, 10));
            outbox.ring();
        }
        assert_eq!(outbox.lock().entries.len(), 3, "bob has not read them");
        assert_eq!(read(&outbox, bob, 1_000), (Taken::All, 1), "three in one piece");
        outbox.push(Some(bob), update(2, 0, 10));
        outbox.ring();
        assert_eq!(outbox.lock().entries.len(), 1);
        assert_eq!(read(&outbox, ann, 1_000), (Taken::All, 1));
        outbox.push(Some(ann), update(1, 3, 10));
        assert_eq!(read(&outbox, bob, 1_000), (Taken::All, 1), "a reader may come before it is woken");
        outbox.ring();
        let ring = outbox.lock();
        assert_eq!((ring.entries.len(), ring.bytes), (0, 0));
        assert!(ring.joined.is_empty(), "nor are pieces kept");
    }

    #[test]
    fn several_frames_come_in_one_piece_shared_by_those_who_read_the_same() {
        let outbox = Outbox::new("d", 10_000);
        let readers = [entered(&outbox, 1), entered(&outbox, 2)];
        let author = entered(&outbox, 3);
        outbox.push(Some(author), update(7, 0, 10));
        outbox.push(None, update(8, 0, 20));
        let taken = readers.map(|reader| {
            let mut frames = Vec::new();
            assert_eq!(outbox.take(reader, &Dialect::YSync, 1_000, &mut frames), Taken::All);
            frames
        });
        assert_eq!(taken[0].len(), 1);
        assert_eq!(taken[0][0].as_ptr(), taken[1][0].as_ptr(), "it is one piece");
        let apart = [10, 20].map(|length| Dialect::YSync.frame(Saying::Update(&vec![0; length])).expect("a frame"));
        assert_eq!(taken[0][0], apart.concat());
        let mut own = Vec::new();
        assert_eq!(outbox.take(author, &Dialect::YSync, 1_000, &mut own), Taken::All);
        assert_eq!(own, [apart[1].clone()], "whoever wrote some of it reads the others");
        let keyed = Dialect::Hocuspocus { key: "d".into() };
        outbox.push(None, update(8, 1, 2_000));
        outbox.push(None, update(8, 2, 20));
        let mut frames = Vec::new();
        assert_eq!(outbox.take(readers[0], &keyed, 1_000, &mut frames), Taken::More, "no more than was wanted");
        assert_eq!(frames.len(), 1);
    }

    #[test]
    fn a_closed_ring_says_so() {
        let outbox = Outbox::new("d", 1_000);
        let reader = entered(&outbox, 1);
        outbox.close();
        assert_eq!(read(&outbox, reader, 100), (Taken::Closed, 0));
    }
}
