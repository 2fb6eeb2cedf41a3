//! What it costs that a room wakes those who read it.
//!
//! The ring and the bells are the room's and the sessions' own. A reader is a task that does what a session does for them when
//! it is polled: it listens, takes the slots that rang, answers the bell and takes its frames from the ring. It has no
//! socket and no deadlines, and all run on one thread: that a thread is woken is not in it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use tandem_model::{ClientId, Limits};
use tokio::sync::Notify;

use crate::dialect::Dialect;
use crate::room::outbox::{MemberId, Outbox, Post, Taken};
use crate::runtime;
use crate::session::wake::{Bell, Slot, Wake};

/// Bytes that a session takes at a time.
const QUEUE_BYTES: usize = 256 * 1024;

/// How many readers have yet to read what was pushed; the last one wakes the room.
#[derive(Default)]
struct Unread {
    readers: AtomicUsize,
    none: Notify,
}

/// Somebody who reads the room.
struct Reader {
    outbox: Arc<Outbox>,
    member: MemberId,
    wake: Arc<Wake>,
    bell: Arc<Bell>,
    rung: VecDeque<Slot>,
    unread: Arc<Unread>,
}

/// A room with readers.
struct Room {
    outbox: Arc<Outbox>,
    readers: usize,
    unread: Arc<Unread>,
    edit: Bytes,
}

impl Reader {
    /// Comes into the room.
    fn enter(room: &Room, member: MemberId) -> Self {
        let wake = Arc::new(Wake::default());
        let bell = Arc::new(Bell::new(wake.clone(), 0));
        room.outbox.enter(member, bell.clone());
        room.outbox.start(member);
        let (outbox, unread) = (room.outbox.clone(), room.unread.clone());
        Self { outbox, member, wake, bell, rung: VecDeque::new(), unread }
    }

    /// Reads what there is, and waits for more without end.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.wake.listen(context.waker());
        self.wake.take(&mut self.rung);
        while self.rung.pop_front().is_some() {
            self.bell.answer();
            let mut frames = Vec::new();
            let taken = self.outbox.take(self.member, &Dialect::YSync, QUEUE_BYTES, &mut frames);
            assert_eq!((taken, frames.len()), (Taken::All, 1), "every edit is read before the next one");
            black_box(frames);
            if self.unread.readers.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.unread.none.notify_one();
            }
        }
        Poll::Pending
    }
}

impl Room {
    /// One that `readers` read, each in a task of the runtime that this is called in.
    fn open(readers: usize) -> Self {
        let outbox = Arc::new(Outbox::new("document", Limits::size(Limits::default().outbox_bytes)));
        let room = Self { outbox, readers, unread: Arc::default(), edit: Bytes::from_static(&[7; 40]) };
        for member in 0..readers as u64 {
            let mut reader = Reader::enter(&room, MemberId(member));
            tokio::spawn(poll_fn(move |context| reader.poll(context)));
        }
        room
    }

    /// Puts an edit on the ring and rings for those who want it.
    fn ring(&self) {
        self.unread.readers.store(self.readers, Ordering::Release);
        self.outbox.push(None, Post::Update { before: vec![(ClientId(1), 0)], update: self.edit.clone() });
        self.outbox.ring();
    }

    /// How long it takes until an edit has rung, `times` times. Who was woken runs in between, uncounted.
    async fn rings(&self, times: u64) -> Duration {
        let mut took = Duration::ZERO;
        for _ in 0..times {
            let began = Instant::now();
            self.ring();
            took += began.elapsed();
            self.unread.none.notified().await;
        }
        took
    }

    /// How long it takes until everybody has read an edit, `times` times.
    async fn is_read(&self, times: u64) -> Duration {
        let began = Instant::now();
        for _ in 0..times {
            self.ring();
            self.unread.none.notified().await;
        }
        began.elapsed()
    }
}

pub fn wake(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wake");
    let all = [(1, "1 reader"), (10, "10 readers"), (100, "100 readers"), (1_000, "1,000 readers")];
    for (readers, named) in all {
        let runtime = runtime();
        let room = runtime.block_on(async { Room::open(readers) });
        group.throughput(Throughput::Elements(readers as u64));
        // For one, the clock would take as long as what it measures.
        if readers > 1 {
            group.bench_function(format!("an edit rings for {named}"), |bench| {
                bench.iter_custom(|times| runtime.block_on(room.rings(times)));
            });
        }
        group.bench_function(format!("an edit rings for {named}, and each takes it"), |bench| {
            bench.iter_custom(|times| runtime.block_on(room.is_read(times)));
        });
    }
    group.finish();
}
