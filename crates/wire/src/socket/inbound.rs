//! The way in: bytes of the stream become whole messages, and answers to what the protocol itself asks.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::AsyncRead;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::Message as Received;

use crate::budget::{Budget, Reservation, Wait};
use crate::codec::{Codec, Pipe, Progress, Stop, complaint};
use crate::error::WireError;
use crate::header::{Header, HeaderReader};
use crate::limits::SocketLimits;
use crate::message::{Inward, Message};
use crate::outbox::Outbox;
use crate::scratch::Source;
use crate::tracker::{Plan, Tracker};

/// Where in a frame the reader stands.
pub(super) enum Place {
    /// Before its header, or in it.
    Header,
    /// Its message waits for the budget.
    Reserving(Header, Wait),
    /// Its payload goes to the codec.
    Taking(Progress),
    /// Its payload is thrown away.
    Skipping(Progress),
}

/// What one step of the reader came to.
pub(super) enum Step {
    Again,
    Give(Inward),
    End,
}

/// The reading half, borrowed apart from the stream.
pub(super) struct Inbound<'a> {
    pub(super) reader: &'a mut HeaderReader,
    pub(super) place: &'a mut Place,
    pub(super) tracker: &'a mut Tracker,
    pub(super) codec: &'a mut Option<Box<Codec>>,
    pub(super) reservation: &'a mut Reservation,
    pub(super) out: &'a mut Outbox,
    pub(super) limits: &'a SocketLimits,
    pub(super) budget: &'a Budget,
    pub(super) closing: &'a mut bool,
}

impl Inbound<'_> {
    pub(super) fn step<S>(&mut self, source: &mut Source<'_, S>, cx: &mut Context<'_>) -> Poll<Result<Step, WireError>>
    where
        S: AsyncRead + Unpin,
    {
        match self.place {
            Place::Header => self.header(source, cx),
            Place::Reserving(header, wait) => {
                *self.reservation = ready!(wait.poll(cx));
                *self.place = Place::Taking(Progress::new(*header));
                Poll::Ready(Ok(Step::Again))
            }
            Place::Taking(_) => self.take(source, cx),
            Place::Skipping(_) => self.skip(source, cx),
        }
    }

    fn header<S>(&mut self, source: &mut Source<'_, S>, cx: &mut Context<'_>) -> Poll<Result<Step, WireError>>
    where
        S: AsyncRead + Unpin,
    {
        let header = loop {
            if ready!(source.poll_fill(cx)).map_err(lost)? == 0 {
                return Poll::Ready(self.cut());
            }
            let (used, header) = self.reader.take(source.available())?;
            source.consume(used);
            if let Some(header) = header {
                break header;
            }
        };
        *self.place = match self.tracker.begin_frame(&header, self.limits, *self.closing)? {
            Plan::Take { reserve: None } => {
                if let Some(step) = self.whole(source, &header) {
                    return Poll::Ready(Ok(step));
                }
                Place::Taking(Progress::new(header))
            }
            Plan::Take { reserve: Some(bytes) } => Place::Reserving(header, self.budget.reserve(bytes)),
            Plan::Skip => {
                *self.codec = None;
                *self.reservation = Reservation::default();
                Place::Skipping(Progress::new(header))
            }
        };
        Poll::Ready(Ok(Step::Again))
    }

    /// A small binary message of one frame that is there already, which is nearly every message: it needs no codec, only
    /// its mask taken off.
    fn whole<S>(&mut self, source: &mut Source<'_, S>, header: &Header) -> Option<Step> {
        let bytes = usize::try_from(header.payload_bytes).ok()?;
        let alone = self.reader.is_binary() && header.fin && self.codec.is_none() && !self.tracker.in_message();
        if !alone || *self.closing {
            return None;
        }
        let body = unmasked(source.available().get(..bytes)?, header.mask);
        source.consume(bytes);
        self.end_frame(header);
        Some(Step::Give(Inward::Binary(Message::new(body, Reservation::default()))))
    }

    fn take<S>(&mut self, source: &mut Source<'_, S>, cx: &mut Context<'_>) -> Poll<Result<Step, WireError>>
    where
        S: AsyncRead + Unpin,
    {
        let Place::Taking(progress) = self.place else { return Poll::Ready(Ok(Step::Again)) };
        let header = progress.header;
        let codec = self.codec.get_or_insert_with(|| Codec::new(&header, *self.closing));
        let mut pipe = Pipe {
            source,
            cx,
            header: self.reader.bytes(),
            progress,
            tracker: self.tracker,
            out: self.out,
            stop: Stop::Pending,
        };
        match codec.read(&mut pipe) {
            Ok(received) => {
                self.end_frame(&header);
                if !self.tracker.in_codec() {
                    *self.codec = None;
                }
                Poll::Ready(Ok(self.hand_over(received)))
            }
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => match pipe.stop {
                Stop::Pending => Poll::Pending,
                Stop::Eof => Poll::Ready(self.cut()),
                Stop::Failed(error) => Poll::Ready(Err(lost(error))),
                Stop::FrameEnd => {
                    self.end_frame(&header);
                    Poll::Ready(Ok(Step::Again))
                }
            },
            Err(error) => Poll::Ready(Err(complaint(error))),
        }
    }

    fn skip<S>(&mut self, source: &mut Source<'_, S>, cx: &mut Context<'_>) -> Poll<Result<Step, WireError>>
    where
        S: AsyncRead + Unpin,
    {
        let Place::Skipping(progress) = self.place else { return Poll::Ready(Ok(Step::Again)) };
        loop {
            if let Some(error) = self.tracker.refusal(progress.left == 0) {
                return Poll::Ready(Err(error));
            }
            if progress.left == 0 {
                break;
            }
            if ready!(source.poll_fill(cx)).map_err(lost)? == 0 {
                return Poll::Ready(self.cut());
            }
            let count = progress.advance(source, self.tracker, usize::MAX).len();
            source.consume(count);
        }
        let header = progress.header;
        let step = match self.end_frame(&header) {
            Some((head, bytes)) if !*self.closing => Step::Give(Inward::TooLarge { head, bytes }),
            _ => Step::Again,
        };
        Poll::Ready(Ok(step))
    }

    fn end_frame(&mut self, header: &Header) -> Option<(Bytes, u64)> {
        self.reader.clear();
        *self.place = Place::Header;
        self.tracker.end_frame(header)
    }

    fn hand_over(&mut self, received: Received) -> Step {
        let closing = *self.closing;
        match received {
            Received::Close(frame) => {
                *self.closing = true;
                Step::Give(Inward::Close(frame.map(|frame| frame.code.into())))
            }
            Received::Binary(body) => {
                let reservation = self.reservation_of(body.len());
                if closing { Step::Again } else { Step::Give(Inward::Binary(Message::new(body, reservation))) }
            }
            Received::Text(body) => {
                let reservation = self.reservation_of(body.len());
                if closing { Step::Again } else { Step::Give(Inward::Text(Message::new(body, reservation))) }
            }
            _ if closing => Step::Again,
            Received::Ping(_) => Step::Give(Inward::Ping),
            // Raw frames are only ever written.
            Received::Pong(_) | Received::Frame(_) => Step::Give(Inward::Pong),
        }
    }

    fn reservation_of(&mut self, bytes: usize) -> Reservation {
        let mut reservation = std::mem::take(self.reservation);
        reservation.shrink(bytes as u64);
        reservation
    }

    /// The stream ended. That is in order once a close frame has gone out.
    fn cut(&self) -> Result<Step, WireError> {
        if *self.closing { Ok(Step::End) } else { Err(WireError::Cut) }
    }
}

fn unmasked(payload: &[u8], mask: [u8; 4]) -> Bytes {
    let mut body = payload.to_vec();
    let mut words = body.chunks_exact_mut(4);
    words.by_ref().for_each(|word| word.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask));
    words.into_remainder().iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    body.into()
}

/// A failed read; a reset is a peer that went away.
fn lost(error: io::Error) -> WireError {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match error.kind() {
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof => WireError::Cut,
        _ => WireError::Io(error),
    }
}
