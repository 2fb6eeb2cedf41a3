//! A client's connection, before and after its upgrade.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};

/// A TCP connection that holds one of `server.connections` while it lives.
#[derive(Debug)]
pub struct Socket {
    io: TcpStream,
    _permit: OwnedSemaphorePermit,
}

/// A socket that speaks HTTP: ends when an answer stands still. Sessions have a rule of their own for that.
#[derive(Debug)]
pub struct Guarded {
    socket: Socket,
    within: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    talk: Talk,
    kept: Vec<u8>,
}

/// What the handler of a connection's requests and the connection know of each other. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Talk(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    keeps: AtomicBool,
    begun: AtomicBool,
}

impl Talk {
    /// From now on what is written is kept, and not sent: the answer to a handshake is the session's to send, which may have
    /// more to say at once.
    pub fn keep(&self) {
        self.0.keeps.store(true, Ordering::Relaxed);
    }

    /// A request was answered: what comes from now on is another one.
    pub fn answered(&self) {
        self.0.begun.store(false, Ordering::Relaxed);
    }

    /// Whether bytes came since.
    pub fn is_begun(&self) -> bool {
        self.0.begun.load(Ordering::Relaxed)
    }
}

impl Socket {
    /// Takes a connection that was let in by `permit`.
    #[must_use]
    pub fn new(io: TcpStream, permit: OwnedSemaphorePermit) -> Self {
        Self { io, _permit: permit }
    }
}

impl Guarded {
    /// Guards `socket` against standing still for longer than `within`.
    pub fn new(socket: Socket, within: Duration) -> Self {
        Self { socket, within, stalled: None, talk: Talk::default(), kept: Vec::new() }
    }

    /// What is shared with the handler of its requests.
    pub fn talk(&self) -> Talk {
        self.talk.clone()
    }

    /// The socket without its guard, and what was kept.
    pub fn into_parts(self) -> (Socket, Bytes) {
        (self.socket, self.kept.into())
    }

    /// Keeps what is to be written, if that is so now.
    fn keep<'a>(&mut self, slices: impl IntoIterator<Item = &'a [u8]>) -> Option<Poll<io::Result<usize>>> {
        let before = self.kept.len();
        self.talk.0.keeps.load(Ordering::Relaxed).then(|| {
            slices.into_iter().for_each(|slice| self.kept.extend_from_slice(slice));
            Poll::Ready(Ok(self.kept.len() - before))
        })
    }

    fn progress<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let within = self.within;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(within)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

impl AsyncRead for Guarded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.socket).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.talk.0.begun.store(true, Ordering::Relaxed);
        }
        outcome
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(kept) = self.keep([bytes]) {
            return kept;
        }
        let outcome = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.progress(cx, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(kept) = self.keep(slices.iter().map(|slice| &**slice)) {
            return kept;
        }
        let outcome = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.progress(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn what_is_written_once_it_keeps_is_handed_over_and_not_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut client = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("it listens");
        let (io, _) = listener.accept().await.expect("a client");
        let permit = Arc::new(Semaphore::new(1)).acquire_owned().await.expect("a permit");
        let mut guarded = Guarded::new(Socket::new(io, permit), Duration::from_secs(10));
        guarded.write_all(b"sent").await.expect("written");
        guarded.talk().keep();
        guarded.write_all(b"ke").await.expect("kept");
        let written = guarded.write_vectored(&[IoSlice::new(b"p"), IoSlice::new(b"t")]).await.expect("kept");
        guarded.flush().await.expect("nothing to be done");
        let (socket, kept) = guarded.into_parts();
        assert_eq!((written, &kept[..]), (2, &b"kept"[..]));
        drop(socket);
        let mut seen = Vec::new();
        client.read_to_end(&mut seen).await.expect("an end");
        assert_eq!(seen, b"sent");
    }
}
