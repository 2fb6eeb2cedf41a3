//! Bodies that a fuzzer calls with any bytes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{Budget, HEAD_BYTES_MAX, Inward, Over, Socket, SocketLimits, WireError};

/// Message bytes that the fuzzed socket takes; small, so that a fuzzer's inputs reach beyond it.
const MESSAGE_BYTES: usize = 600;

/// Feeds the bytes to a socket as a client's stream, whole and in pieces, and asserts that both ways give the same
/// messages and the same answers, each within its limits. The first byte chooses limits and pieces.
///
/// # Panics
/// When the reader breaks one of its promises.
pub fn fuzz_frames(data: &[u8]) {
    let Some((&choice, stream)) = data.split_first() else { return };
    let over = if choice & 1 == 0 { Over::Close } else { Over::Skip };
    let limits = SocketLimits { message_bytes: MESSAGE_BYTES, skip_bytes: 5000, over, fragments: 8 };
    let whole = run(stream, usize::MAX, limits);
    let pieces = run(stream, 1 + usize::from(choice >> 1), limits);
    assert_eq!(whole, pieces, "the pieces of a stream change what it says");
}

/// What a stream came to.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    events: Vec<Event>,
    written: Vec<u8>,
    frames: u32,
}

#[derive(Debug, PartialEq, Eq)]
enum Event {
    Binary(Bytes),
    Text(String),
    TooLarge(Bytes, u64),
    Ping,
    Pong,
    Close(Option<u16>),
    Failed(Option<u16>),
}

fn run(stream: &[u8], piece: usize, limits: SocketLimits) -> Outcome {
    let budget = Budget::new(1 << 20);
    let io = Script { incoming: stream, piece, starved: false, written: Vec::new() };
    let mut socket = Socket::new(io, Bytes::new(), limits, Arc::clone(&budget));
    let mut cx = Context::from_waker(Waker::noop());
    let mut events = Vec::new();
    let mut frames = 0;
    // Each call uses at least a byte, or goes through a bounded number of frames, or hands something over.
    for _ in 0..8 * (stream.len() + 8) {
        let polled = socket.poll_message(&mut cx);
        frames += socket.take_counts().frames;
        assert!(socket.poll_drain(&mut cx).is_ready(), "the script takes all that is written");
        assert_eq!(socket.queued(), (0, 0));
        match polled {
            Poll::Pending => {}
            Poll::Ready(None) => {
                assert!(socket.poll_finish(&mut cx).is_ready() || piece < stream.len());
                assert_eq!(budget.free_bytes(), budget.bytes());
                let written = socket.get_ref().written.clone();
                return Outcome { events, written, frames };
            }
            Poll::Ready(Some(given)) => events.push(event(given, limits)),
        }
    }
    panic!("the reader does not come to the end of {} bytes", stream.len());
}

fn event(given: Result<Inward, WireError>, limits: SocketLimits) -> Event {
    match given {
        Ok(Inward::Binary(message)) => {
            assert!(message.len() <= limits.message_bytes);
            Event::Binary(message.into_parts().0)
        }
        Ok(Inward::Text(message)) => {
            assert!(message.len() <= limits.message_bytes);
            assert!(std::str::from_utf8(message.as_bytes()).is_ok());
            Event::Text(message.as_str().to_owned())
        }
        Ok(Inward::TooLarge { head, bytes }) => {
            assert!(limits.over == Over::Skip && bytes > limits.message_bytes as u64 && bytes <= limits.skip_bytes);
            assert!(head.len() == HEAD_BYTES_MAX);
            Event::TooLarge(head, bytes)
        }
        Ok(Inward::Ping) => Event::Ping,
        Ok(Inward::Pong) => Event::Pong,
        Ok(Inward::Close(code)) => Event::Close(code),
        Err(error) => Event::Failed(error.code()),
    }
}

/// A stream that gives fixed pieces, with a pause before each, and takes everything.
struct Script<'a> {
    incoming: &'a [u8],
    piece: usize,
    starved: bool,
    written: Vec<u8>,
}

impl AsyncRead for Script<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.starved = !self.starved;
        if self.starved && !self.incoming.is_empty() {
            return Poll::Pending;
        }
        let (piece, rest) = self.incoming.split_at(self.incoming.len().min(self.piece).min(buffer.remaining()));
        buffer.put_slice(piece);
        self.incoming = rest;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script<'_> {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
