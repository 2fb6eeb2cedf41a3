//! Reading through one buffer a thread, so that a socket owns no buffer of its own.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, ReadBuf};

/// The buffer's size: what one system call reads at most.
pub(crate) const SCRATCH_BYTES: usize = 64 * 1024;

/// Reads of one poll.
const READS_A_POLL: u32 = 16;

thread_local! {
    static SCRATCH: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
    static READS: Cell<u64> = const { Cell::new(0) };
}

/// How often sockets that this thread polled were read and something was there, ever.
#[must_use]
pub fn reads_of_this_thread() -> u64 {
    READS.get()
}

/// What has been read of a socket and not been used yet, for the length of one poll: first what earlier polls left,
/// then the scratch buffer.
pub(crate) struct Source<'a, S> {
    io: &'a mut S,
    rest: &'a mut Bytes,
    scratch: Option<Box<[u8]>>,
    from: usize,
    to: usize,
    reads: u32,
    received: u64,
}

impl<'a, S> Source<'a, S> {
    pub(crate) fn new(io: &'a mut S, rest: &'a mut Bytes) -> Self {
        Self { io, rest, scratch: None, from: 0, to: 0, reads: 0, received: 0 }
    }

    /// The bytes that are there.
    pub(crate) fn available(&self) -> &[u8] {
        if !self.rest.is_empty() {
            return self.rest;
        }
        self.scratch.as_ref().map_or(&[], |scratch| &scratch[self.from..self.to])
    }

    /// Uses up the first `count` of the bytes that are there.
    pub(crate) fn consume(&mut self, count: usize) {
        if self.rest.is_empty() {
            self.from = self.to.min(self.from + count);
            return;
        }
        self.rest.advance(count.min(self.rest.len()));
        if self.rest.is_empty() {
            // An empty slice would still hold its allocation.
            *self.rest = Bytes::new();
        }
    }

    /// Bytes that this poll has read.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Reads once, if nothing is there. Says how many bytes are there now; none is the stream's end. A poll that has
    /// read [`READS_A_POLL`] times is pending, and woken at once, so that a fast peer does not hold the thread.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>>
    where
        S: AsyncRead + Unpin,
    {
        let there = self.available().len();
        if there > 0 {
            return Poll::Ready(Ok(there));
        }
        if self.reads == READS_A_POLL {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let scratch = self
            .scratch
            .get_or_insert_with(|| SCRATCH.take().unwrap_or_else(|| vec![0; SCRATCH_BYTES].into_boxed_slice()));
        (self.from, self.to) = (0, 0);
        let mut buffer = ReadBuf::new(scratch);
        ready!(Pin::new(&mut *self.io).poll_read(cx, &mut buffer))?;
        self.to = buffer.filled().len();
        self.reads += 1;
        READS.set(READS.get() + u64::from(self.to > 0));
        self.received += self.to as u64;
        Poll::Ready(Ok(self.to))
    }
}

impl<S> Drop for Source<'_, S> {
    fn drop(&mut self) {
        if let Some(scratch) = self.scratch.take() {
            if self.from < self.to {
                *self.rest = Bytes::copy_from_slice(&scratch[self.from..self.to]);
            }
            SCRATCH.set(Some(scratch));
        }
    }
}
