//! A WebSocket of a server, polled by the one task that owns it.

mod inbound;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};

use self::inbound::{Inbound, Place, Step};
use crate::budget::{Budget, Reservation};
use crate::codec::Codec;
use crate::error::WireError;
use crate::header::HeaderReader;
use crate::limits::SocketLimits;
use crate::message::Inward;
use crate::outbox::Outbox;
use crate::scratch::Source;
use crate::tracker::{Counts, Tracker};

/// Frames that one poll may go through without anything to hand over; then the task's other work has its turn.
const FRAMES_A_POLL: u32 = 128;

/// The longest reason of a close frame, in bytes.
const REASON_BYTES_MAX: usize = 123;

/// The longest that [`Socket::finish`] waits for the peer. A peer that is busy for longer and then writes before it reads
/// finds a reset connection, and never sees why it was closed: an encoding of a large document can hold a browser's one
/// thread for some seconds.
pub const FINISH_WITHIN: Duration = Duration::from_secs(5);

/// What is read and thrown away after the end, so that the peer's system does not discard our last frames. A peer that did
/// not read yet goes on sending: its whole document, and that once more as the answer to a question.
pub const LINGER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Whole messages in, whole frames out, over any stream.
///
/// One task polls it: [`poll_drain`](Self::poll_drain) while frames are queued, then
/// [`poll_message`](Self::poll_message), unless it wants to pace the peer, which it does by not asking. After `None` or
/// an error it calls [`finish`](Self::finish), which bounds its own time.
pub struct Socket<S> {
    io: S,
    rest: Bytes,
    reader: HeaderReader,
    place: Place,
    tracker: Tracker,
    codec: Option<Box<Codec>>,
    reservation: Reservation,
    out: Outbox,
    limits: SocketLimits,
    budget: Arc<Budget>,
    closing: bool,
    ended: bool,
    shut: bool,
    received: u64,
}

impl<S> Socket<S> {
    /// Wraps a stream on which the upgrade is done. `early` is what was read of it beyond the upgrade request.
    #[must_use]
    pub fn new(io: S, early: Bytes, limits: SocketLimits, budget: Arc<Budget>) -> Self {
        Self {
            io,
            received: early.len() as u64,
            rest: early,
            reader: HeaderReader::default(),
            place: Place::Header,
            tracker: Tracker::default(),
            codec: None,
            reservation: Reservation::default(),
            out: Outbox::default(),
            limits,
            budget,
            closing: false,
            ended: false,
            shut: false,
        }
    }

    /// Changes the limits, from the next frame header on.
    pub fn set_limits(&mut self, limits: SocketLimits) {
        self.limits = limits;
    }

    /// Queues a whole, encoded, unmasked frame. After a close frame nothing may follow: then it is dropped.
    pub fn push(&mut self, frame: Bytes) {
        if !self.closing {
            self.out.push(frame);
        }
    }

    /// Queues a whole frame that stands in two pieces, so that a large payload needs no copy.
    pub fn push_split(&mut self, head: Bytes, payload: Bytes) {
        self.push(head);
        self.push(payload);
    }

    /// The pieces (a frame is one, or two if pushed split) and bytes that wait to be written.
    #[must_use]
    pub fn queued(&self) -> (usize, usize) {
        self.out.queued()
    }

    /// Bytes that the stream took, ever: if frames wait and this stands still, the peer does not read.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.out.accepted()
    }

    /// Bytes that came, ever, `early` too: if a message holds budget and this stands still, its sender stalls.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Bytes of the budget that the message being received holds now.
    #[must_use]
    pub fn reserved(&self) -> u64 {
        self.reservation.bytes()
    }

    /// True while the peer is not read because a message of it waits for the budget.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self.place, Place::Reserving(..))
    }

    /// True once a close frame is queued or sent, whoever began.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing
    }

    /// Queues a close frame behind what is queued; the reason is cut to 123 bytes. From here on nothing can be pushed
    /// and incoming data is thrown away; [`poll_message`](Self::poll_message) runs to the peer's answer.
    pub fn close(&mut self, code: u16, reason: &str) {
        if self.closing {
            return;
        }
        self.out.push(close_frame(code, reason));
        self.closing = true;
        if let Some(codec) = &mut self.codec {
            codec.mute();
        }
    }

    /// Gives what was counted since the last call. Counts are made at the headers, before anything is stored.
    pub fn take_counts(&mut self) -> Counts {
        self.tracker.take_counts()
    }

    /// The stream.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.io
    }

    /// The stream, to set its options. What is read or written past the socket breaks its framing.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.io
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// Writes the queue. Ready when it is empty.
    ///
    /// # Errors
    /// Those of the stream; the socket is of no use after one.
    pub fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.out.poll_drain(&mut self.io, cx)
    }

    /// Reads to the end of the next thing to hand over. `None` is the end after a close handshake.
    ///
    /// Answers to pings and close frames are queued, not written: poll [`poll_drain`](Self::poll_drain) after it. A
    /// pending call may have counted frames without handing over any; look at [`take_counts`](Self::take_counts) too.
    ///
    /// # Errors
    /// Each is the end. A close frame with [its code](WireError::code) is queued; [`poll_finish`](Self::poll_finish)
    /// delivers it.
    pub fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Inward, WireError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if self.out.replies_full()
            && let Err(error) = ready!(self.out.poll_drain(&mut self.io, cx))
        {
            return Poll::Ready(Some(Err(self.fail(error.into()))));
        }
        let mut frames = 0;
        let mut source = Source::new(&mut self.io, &mut self.rest);
        let mut inbound = Inbound {
            reader: &mut self.reader,
            place: &mut self.place,
            tracker: &mut self.tracker,
            codec: &mut self.codec,
            reservation: &mut self.reservation,
            out: &mut self.out,
            limits: &self.limits,
            budget: &self.budget,
            closing: &mut self.closing,
        };
        let outcome = loop {
            if matches!(inbound.place, Place::Header) {
                frames += 1;
                if frames > FRAMES_A_POLL {
                    cx.waker().wake_by_ref();
                    break Poll::Pending;
                }
            }
            match inbound.step(&mut source, cx) {
                Poll::Pending => break Poll::Pending,
                Poll::Ready(Ok(Step::Again)) => {}
                Poll::Ready(Ok(Step::Give(inward))) => break Poll::Ready(Some(Ok(inward))),
                Poll::Ready(Ok(Step::End)) => break Poll::Ready(None),
                Poll::Ready(Err(error)) => break Poll::Ready(Some(Err(error))),
            }
        };
        self.received += source.received();
        drop(source);
        match outcome {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(self.fail(error)))),
            Poll::Ready(Some(Ok(Inward::Close(code)))) => {
                self.end();
                Poll::Ready(Some(Ok(Inward::Close(code))))
            }
            Poll::Ready(None) => {
                self.end();
                Poll::Ready(None)
            }
            give => give,
        }
    }

    /// Ends the socket: [`poll_finish`](Self::poll_finish) within [`FINISH_WITHIN`], then drops the stream. A peer that
    /// takes longer loses our last frames; nobody waits for it.
    pub async fn finish(mut self) -> bool {
        let finished = poll_fn(|cx| self.poll_finish(cx));
        // A stream that fails here has ended as well.
        matches!(tokio::time::timeout(FINISH_WITHIN, finished).await, Ok(Ok(())))
    }

    /// Writes what is queued, ends our half of the stream and reads away what the peer still sends (at most 64 MiB),
    /// because a system that closes with unread bytes resets the connection, and the peer loses our last frames.
    /// The caller bounds the time, as [`finish`](Self::finish) does.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        ready!(self.poll_drain(cx))?;
        if !self.shut {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            self.shut = true;
            self.received = 0;
        }
        while self.received < LINGER_BYTES_MAX {
            let mut source = Source::new(&mut self.io, &mut self.rest);
            match ready!(source.poll_fill(cx))? {
                0 => break,
                count => {
                    source.consume(count);
                    self.received += count as u64;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Says good-bye with the error's code, once.
    fn fail(&mut self, error: WireError) -> WireError {
        if let Some(code) = error.code() {
            self.close(code, &error.to_string());
        }
        self.end();
        error
    }

    fn end(&mut self) {
        self.ended = true;
        self.closing = true;
        self.codec = None;
        self.reservation = Reservation::default();
        self.place = Place::Header;
        self.tracker.reset();
        self.rest = Bytes::new();
    }
}

fn close_frame(code: u16, reason: &str) -> Bytes {
    let mut end = reason.len().min(REASON_BYTES_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let reason = &reason.as_bytes()[..end];
    let mut frame = BytesMut::with_capacity(4 + end);
    frame.put_u8(0x88);
    frame.put_u8(u8::try_from(2 + end).unwrap_or_default());
    frame.put_u16(code);
    frame.put_slice(reason);
    frame.freeze()
}
