//! The socket's queue of whole frames, written many at once.
//!
//! Everything that leaves stands in this one queue, so a pong can never cut into a frame that is half written.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

/// Frames in one system call.
const SLICES_MAX: usize = 64;

/// Room in the queue that is kept when it is empty: what a first frame makes. Every idle socket has it.
const IDLE_CAPACITY: usize = 4;

/// Answers to pings that may wait at once. A peer that pings and does not read is not read either.
const REPLIES_MAX: u32 = 64;

/// Frames that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    frames: VecDeque<Bytes>,
    bytes: usize,
    accepted: u64,
    replies: u32,
    unflushed: bool,
}

impl Outbox {
    /// Queues a frame, or a part of one that the caller completes at once.
    pub(crate) fn push(&mut self, frame: Bytes) {
        if !frame.is_empty() {
            self.bytes += frame.len();
            self.frames.push_back(frame);
        }
    }

    /// Queues an answer that the peer provoked.
    pub(crate) fn push_reply(&mut self, frame: Bytes) {
        self.replies = self.replies.saturating_add(1);
        self.push(frame);
    }

    /// Pieces and bytes that wait.
    pub(crate) fn queued(&self) -> (usize, usize) {
        (self.frames.len(), self.bytes)
    }

    /// Bytes that the stream took, ever.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted
    }

    /// True if so many answers wait that the peer must read before it is read again.
    pub(crate) fn replies_full(&self) -> bool {
        self.replies >= REPLIES_MAX
    }

    /// Writes until the queue is empty and flushed.
    pub(crate) fn poll_drain<S>(&mut self, io: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>>
    where
        S: AsyncWrite + Unpin,
    {
        while !self.frames.is_empty() {
            let written = ready!(self.poll_write(Pin::new(&mut *io), cx))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
        self.replies = 0;
        if self.frames.capacity() > IDLE_CAPACITY {
            self.frames.shrink_to(IDLE_CAPACITY);
        }
        if self.unflushed {
            ready!(Pin::new(io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write<S>(&self, io: Pin<&mut S>, cx: &mut Context<'_>) -> Poll<io::Result<usize>>
    where
        S: AsyncWrite,
    {
        // The usual case is one frame, and the plain call is the cheaper one.
        if let (1, Some(frame)) = (self.frames.len(), self.frames.front()) {
            return io.poll_write(cx, frame);
        }
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let mut count = 0;
        for (slice, frame) in slices.iter_mut().zip(&self.frames) {
            *slice = IoSlice::new(frame);
            count += 1;
        }
        io.poll_write_vectored(cx, &slices[..count])
    }

    fn advance(&mut self, written: usize) {
        self.unflushed = true;
        self.accepted += written as u64;
        self.bytes = self.bytes.saturating_sub(written);
        let mut left = written;
        while let Some(front) = self.frames.front_mut() {
            if front.len() > left {
                front.advance(left);
                return;
            }
            left -= front.len();
            self.frames.pop_front();
        }
    }
}
