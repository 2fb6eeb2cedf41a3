//! The network's double: a connection whose bytes move only when the world moves them.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Debug, Default)]
struct State {
    to_server: VecDeque<u8>,
    to_client: VecDeque<u8>,
    /// Bytes to the client that stand in the system's buffers; beyond, the server's writes wait.
    room: usize,
    /// How often the server wrote something.
    writes_made: u32,
    client_ended: bool,
    reset: bool,
    server_ended: bool,
    reads: Option<Waker>,
    writes: Option<Waker>,
}

/// The server's end.
#[derive(Debug)]
pub struct ServerEnd(Arc<Mutex<State>>);

/// The client's end.
#[derive(Debug)]
pub struct ClientEnd(Arc<Mutex<State>>);

/// A connection; so many bytes to the client fit into the buffers between.
pub fn connect(room: usize) -> (ServerEnd, ClientEnd) {
    let state = Arc::new(Mutex::new(State { room, ..State::default() }));
    (ServerEnd(state.clone()), ClientEnd(state))
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("nobody panics while holding it")
}

impl State {
    fn wake_both(&mut self) {
        [self.reads.take(), self.writes.take()].into_iter().flatten().for_each(Waker::wake);
    }
}

impl ClientEnd {
    /// Moves bytes to the server.
    pub fn give(&self, bytes: &[u8]) {
        let mut state = lock(&self.0);
        state.to_server.extend(bytes);
        state.reads.take().into_iter().for_each(Waker::wake);
    }

    /// Moves at most so many bytes to the client.
    pub fn take(&self, most: usize) -> Vec<u8> {
        let mut state = lock(&self.0);
        let count = most.min(state.to_client.len());
        let bytes = state.to_client.drain(..count).collect();
        state.writes.take().into_iter().for_each(Waker::wake);
        bytes
    }

    /// How often the server wrote something: each would be a packet.
    pub fn writes_made(&self) -> u32 {
        lock(&self.0).writes_made
    }

    /// Ends the client's half, as a FIN does.
    pub fn end(&self) {
        let mut state = lock(&self.0);
        state.client_ended = true;
        state.wake_both();
    }

    /// Ends both halves, as a RST does: what was under way is lost.
    pub fn reset(&self) {
        let mut state = lock(&self.0);
        state.reset = true;
        state.to_client.clear();
        state.to_server.clear();
        state.wake_both();
    }

    /// Whether the server ended its half, and all that it sent was taken.
    pub fn is_over(&self) -> bool {
        let state = lock(&self.0);
        state.server_ended && state.to_client.is_empty()
    }
}

impl AsyncRead for ServerEnd {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = lock(&self.0);
        if state.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if state.to_server.is_empty() {
            if state.client_ended {
                return Poll::Ready(Ok(()));
            }
            state.reads = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = buffer.remaining().min(state.to_server.len());
        let bytes: Vec<u8> = state.to_server.drain(..count).collect();
        buffer.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ServerEnd {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = lock(&self.0);
        if state.reset || state.client_ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = state.room.saturating_sub(state.to_client.len());
        if room == 0 && slices.iter().any(|slice| !slice.is_empty()) {
            state.writes = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let before = state.to_client.len();
        let bytes = slices.iter().flat_map(|slice| slice.iter()).take(room);
        state.to_client.extend(bytes);
        state.writes_made += 1;
        Poll::Ready(Ok(state.to_client.len() - before))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(&self.0).server_ended = true;
        Poll::Ready(Ok(()))
    }
}

impl Drop for ServerEnd {
    fn drop(&mut self) {
        lock(&self.0).server_ended = true;
    }
}
