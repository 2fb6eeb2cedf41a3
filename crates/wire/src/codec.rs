//! tungstenite's codec, one message at a time.
//!
//! It unmasks, puts fragments together, checks UTF-8, and answers pings and close frames. It sees no byte beyond the
//! frame that it is given, so between messages it holds nothing and is dropped: its buffer is as large as the message
//! that it was made for, and goes with it.

use std::io::{self, Read, Write};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncRead;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError, Result};
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig, WebSocketContext};

use crate::error::{Violation, WireError};
use crate::header::{HEADER_BYTES_MAX, Header, Kind};
use crate::outbox::Outbox;
use crate::scratch::Source;
use crate::tracker::Tracker;

/// What the codec takes in at once. It clears as much before each read, so more would cost time with slow senders.
const READ_BYTES_MAX: u64 = 16 * 1024;

/// The same for a message whose length is not known yet.
const READ_BYTES_FRAGMENTS: u64 = 4 * 1024;

/// A message of one frame that is shorter than this may stand in a buffer of twice its size.
const LOOSE_BELOW: usize = 32 * 1024;

/// The codec for one message or one control frame.
#[derive(Debug)]
pub(crate) struct Codec(WebSocketContext);

impl Codec {
    /// Creates the codec for a message that begins with this frame. On a socket that is `closing` it answers nothing.
    pub(crate) fn new(header: &Header, closing: bool) -> Box<Self> {
        let header_bytes = HEADER_BYTES_MAX as u64;
        let mut read_bytes = header.payload_bytes.saturating_add(header_bytes).min(READ_BYTES_MAX);
        if header.kind == Kind::Data && !header.fin {
            read_bytes = read_bytes.max(READ_BYTES_FRAGMENTS);
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(usize::try_from(read_bytes).unwrap_or(HEADER_BYTES_MAX))
            .write_buffer_size(0)
            .max_write_buffer_size(usize::MAX)
            // Lengths are judged at the headers, by the limits as they are then.
            .max_message_size(None)
            .max_frame_size(None);
        let mut codec = Box::new(Self(WebSocketContext::new(Role::Server, Some(config))));
        if closing {
            codec.mute();
        }
        codec
    }

    /// Tells the codec that a close frame has gone out.
    pub(crate) fn mute(&mut self) {
        // The frame itself is in the queue already; writing into nothing cannot fail.
        let _ = self.0.close(&mut Nothing, None);
    }

    /// Goes on with a frame, as far as its bytes are there. Queues the answer to what it returns.
    pub(crate) fn read<S>(&mut self, pipe: &mut Pipe<'_, '_, '_, S>) -> Result<Message>
    where
        S: AsyncRead + Unpin,
    {
        let message = self.0.read(pipe)?;
        match self.0.flush(pipe) {
            // The answer to a close frame is out: that is the end for the codec, not for us.
            Ok(()) | Err(Error::ConnectionClosed) => Ok(tight(message, pipe.progress.header.kind)),
            Err(error) => Err(error),
        }
    }
}

/// The message, whose last frame was of this kind, in no more room than it takes: whoever it is for may keep it.
fn tight(message: Message, last: Kind) -> Message {
    match message {
        // What was collected of several frames may be loose, too.
        Message::Binary(body) if last == Kind::Continuation || body.len() < LOOSE_BELOW => {
            Message::Binary(Bytes::copy_from_slice(&body))
        }
        other => other,
    }
}

/// How far a frame has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// The frame.
    pub header: Header,
    /// Bytes of the header that the codec has.
    pub handed: usize,
    /// Bytes of the payload that have not been read.
    pub left: u64,
}

impl Progress {
    pub(crate) fn new(header: Header) -> Self {
        Self { header, handed: 0, left: header.payload_bytes }
    }

    /// Uses up to `most` bytes of this frame's payload that are there, noting them with the rules.
    pub(crate) fn advance<'s, S>(&mut self, source: &'s Source<'_, S>, tracker: &mut Tracker, most: usize) -> &'s [u8] {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let available = source.available();
        let piece = &available[..available.len().min(most).min(left)];
        tracker.payload(&self.header, self.header.payload_bytes - self.left, piece);
        self.left -= piece.len() as u64;
        piece
    }
}

/// Why the codec was given no more bytes.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The frame is over.
    FrameEnd,
    /// The rest has not come; the task is woken when it does.
    Pending,
    /// The stream ended inside the frame.
    Eof,
    /// The stream failed.
    Failed(io::Error),
}

/// One frame as a stream that blocks at its end, and the queue as a sink that never blocks.
pub(crate) struct Pipe<'p, 'a, 'c, S> {
    pub source: &'p mut Source<'a, S>,
    pub cx: &'p mut Context<'c>,
    /// The header as it came.
    pub header: &'p [u8],
    pub progress: &'p mut Progress,
    pub tracker: &'p mut Tracker,
    pub out: &'p mut Outbox,
    /// Why the last read gave nothing.
    pub stop: Stop,
}

impl<S: AsyncRead + Unpin> Read for Pipe<'_, '_, '_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The header comes alone: the codec reserves the payload's length beyond what it holds by then.
        let header = &self.header[self.progress.handed.min(self.header.len())..];
        if !header.is_empty() {
            let count = header.len().min(buffer.len());
            buffer[..count].copy_from_slice(&header[..count]);
            self.progress.handed += count;
            return Ok(count);
        }
        if self.progress.left == 0 {
            return self.stop(Stop::FrameEnd);
        }
        match self.source.poll_fill(self.cx) {
            Poll::Pending => self.stop(Stop::Pending),
            Poll::Ready(Ok(0)) => self.stop(Stop::Eof),
            Poll::Ready(Err(error)) => self.stop(Stop::Failed(error)),
            Poll::Ready(Ok(_)) => {
                let piece = self.progress.advance(self.source, self.tracker, buffer.len());
                let count = piece.len();
                buffer[..count].copy_from_slice(piece);
                self.source.consume(count);
                Ok(count)
            }
        }
    }
}

impl<S> Pipe<'_, '_, '_, S> {
    fn stop(&mut self, stop: Stop) -> io::Result<usize> {
        self.stop = stop;
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl<S> Write for Pipe<'_, '_, '_, S> {
    fn write(&mut self, frame: &[u8]) -> io::Result<usize> {
        self.out.push_reply(Bytes::copy_from_slice(frame));
        Ok(frame.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream that has nothing and keeps nothing.
struct Nothing;

impl Read for Nothing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Nothing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A complaint of the codec as ours.
pub(crate) fn complaint(error: Error) -> WireError {
    match error {
        Error::Utf8(_) => WireError::NotUtf8,
        Error::Io(error) => WireError::Io(error),
        Error::Protocol(ProtocolError::InvalidCloseSequence) => Violation::CloseBody.into(),
        _ => Violation::Other.into(),
    }
}
