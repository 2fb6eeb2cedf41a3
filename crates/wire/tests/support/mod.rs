//! A client's side of the wire, and streams that behave as they are told.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::cast_possible_truncation, reason = "each arm has its range")]

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, RngExt};
use tandem_wire::{Budget, Inward, Over, Socket, SocketLimits, WireError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// Limits that no small test reaches.
pub const WIDE: SocketLimits =
    SocketLimits { message_bytes: 1 << 20, skip_bytes: 64 << 20, over: Over::Skip, fragments: 64 };

/// A client's frame, masked.
pub fn frame(opcode: u8, fin: bool, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(opcode, fin, payload.len() as u64);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

pub const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A client's frame header, which announces so many bytes.
pub fn header(opcode: u8, fin: bool, bytes: u64) -> Vec<u8> {
    let mut header = vec![opcode | if fin { 0x80 } else { 0 }];
    match bytes {
        0..126 => header.push(0x80 | bytes as u8),
        126..65536 => {
            header.push(0x80 | 126);
            header.extend((bytes as u16).to_be_bytes());
        }
        _ => {
            header.push(0x80 | 127);
            header.extend(bytes.to_be_bytes());
        }
    }
    header.extend(MASK);
    header
}

/// What a socket handed over, to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Binary(Vec<u8>),
    Text(String),
    TooLarge(Vec<u8>, u64),
    Ping,
    Pong,
    Close(Option<u16>),
    Failed(Option<u16>),
    End,
}

pub fn seen(given: Option<Result<Inward, WireError>>) -> Seen {
    match given {
        None => Seen::End,
        Some(Ok(Inward::Binary(message))) => Seen::Binary(message.to_vec()),
        Some(Ok(Inward::Text(message))) => Seen::Text(message.to_string()),
        Some(Ok(Inward::TooLarge { head, bytes })) => Seen::TooLarge(head.to_vec(), bytes),
        Some(Ok(Inward::Ping)) => Seen::Ping,
        Some(Ok(Inward::Pong)) => Seen::Pong,
        Some(Ok(Inward::Close(code))) => Seen::Close(code),
        Some(Err(error)) => Seen::Failed(error.code()),
    }
}

/// The next thing of a socket whose queue is written meanwhile.
pub async fn next<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut Socket<S>) -> Seen {
    seen(take(socket).await)
}

/// The same, as it was given.
pub async fn take<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut Socket<S>) -> Option<Result<Inward, WireError>> {
    poll_fn(|cx| {
        let given = socket.poll_message(cx);
        let _ = socket.poll_drain(cx);
        given
    })
    .await
}

/// A socket over a script.
pub fn socket(script: Script, limits: SocketLimits) -> Socket<Script> {
    Socket::new(script, Bytes::new(), limits, Budget::new(1 << 30))
}

/// The same with its own budget.
pub fn socket_with(script: Script, limits: SocketLimits, budget: &Arc<Budget>) -> Socket<Script> {
    Socket::new(script, Bytes::new(), limits, Arc::clone(budget))
}

/// Polls without waiting: all that the script gives until the end, or until it has no more.
pub fn run(socket: &mut Socket<Script>) -> Vec<Seen> {
    let mut cx = Context::from_waker(Waker::noop());
    let mut all = Vec::new();
    let mut idle = 0;
    loop {
        let given = socket.poll_message(&mut cx);
        let drained = socket.poll_drain(&mut cx);
        match given {
            Poll::Ready(given) => {
                idle = 0;
                let given = seen(given);
                let over = matches!(given, Seen::End | Seen::Failed(_));
                all.push(given);
                if over {
                    return all;
                }
            }
            Poll::Pending if socket.get_ref().is_dry() => return all,
            // The script pauses before each piece; twice is a socket that does not read.
            Poll::Pending if drained.is_pending() && idle > 2 => return all,
            Poll::Pending => idle += 1,
        }
    }
}

/// A stream that gives the pieces it was given, with a pause before each, and takes as many bytes as it may.
#[derive(Default)]
pub struct Script {
    pub pieces: VecDeque<Vec<u8>>,
    pub written: Vec<u8>,
    /// Bytes that it takes until it blocks; `None` for all.
    pub room: Option<usize>,
    /// The most bytes of one write; `None` for all.
    pub write_bytes: Option<usize>,
    /// Calls to write.
    pub writes: usize,
    /// True if the stream ends after its pieces instead of being silent.
    pub ends: bool,
    pub shut: bool,
    pub paused: bool,
}

impl Script {
    pub fn of(pieces: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self { pieces: pieces.into_iter().filter(|piece| !piece.is_empty()).collect(), ..Self::default() }
    }

    /// The bytes in pieces of random sizes.
    pub fn random(bytes: &[u8], rng: &mut StdRng) -> Self {
        let mut pieces = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let most = if rng.random_bool(0.5) { 8 } else { 4000 };
            let (piece, tail) = rest.split_at(rng.random_range(1..=most).min(rest.len()));
            pieces.push(piece.to_vec());
            rest = tail;
        }
        Self::of(pieces)
    }

    fn is_dry(&self) -> bool {
        self.pieces.is_empty() && !self.ends
    }
}

impl AsyncRead for Script {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.paused = !self.paused;
        let Some(mut piece) = (if self.paused { None } else { self.pieces.pop_front() }) else {
            return if self.pieces.is_empty() && self.ends { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        if piece.len() > buffer.remaining() {
            self.pieces.push_front(piece.split_off(buffer.remaining()));
        }
        buffer.put_slice(&piece);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let most = self.write_bytes.unwrap_or(usize::MAX).min(self.room.unwrap_or(usize::MAX)).min(bytes.len());
        if most == 0 && !bytes.is_empty() {
            return Poll::Pending;
        }
        self.writes += 1;
        self.room = self.room.map(|room| room - most);
        self.written.extend_from_slice(&bytes[..most]);
        Poll::Ready(Ok(most))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let joined: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        self.poll_write(cx, &joined)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shut = true;
        Poll::Ready(Ok(()))
    }
}

/// A lawful conversation of a client, and what a socket sees of it with message limit `limit`.
pub fn conversation(rng: &mut StdRng, limit: usize) -> (Vec<u8>, Vec<Seen>) {
    let mut bytes = Vec::new();
    let mut all = Vec::new();
    for _ in 0..rng.random_range(1..12) {
        let length = [0, 5, 125, 126, 700, 20_000, 65_536, 70_000][rng.random_range(0..8)];
        let text = rng.random_bool(0.3);
        let mut payload = vec![0; length];
        rng.fill_bytes(&mut payload);
        if text {
            payload.iter_mut().for_each(|byte| *byte = b'a' + *byte % 26);
        }
        let fragments = if rng.random_bool(0.5) { 1 } else { rng.random_range(2..6) };
        let mut rest = &payload[..];
        for n in 0..fragments {
            let last = n + 1 == fragments;
            let cut = if last { rest.len() } else { rng.random_range(0..=rest.len()) };
            let opcode = match (n, text) {
                (0, true) => TEXT,
                (0, false) => BINARY,
                _ => CONTINUATION,
            };
            bytes.extend(frame(opcode, last, &rest[..cut]));
            rest = &rest[cut..];
            if !last && rng.random_bool(0.3) {
                let ping = rng.random_bool(0.5);
                bytes.extend(frame(if ping { PING } else { PONG }, true, b"in between"));
                all.push(if ping { Seen::Ping } else { Seen::Pong });
            }
        }
        all.push(if payload.len() > limit {
            let head = payload[..512].to_vec();
            Seen::TooLarge(head, payload.len() as u64)
        } else if text {
            Seen::Text(String::from_utf8_lossy(&payload).into_owned())
        } else {
            Seen::Binary(payload.clone())
        });
    }
    (bytes, all)
}
