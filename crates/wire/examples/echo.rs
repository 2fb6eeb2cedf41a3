//! An echo server on [`Socket`], for conformance runs: a minimal upgrade, then every message back to its sender.
//!
//! `cargo run --example echo -- --limits raised|shipped` listens on a free port of the loopback and prints it.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tandem_wire::{Budget, Inward, Over, Socket, SocketLimits, WireError, derive_accept_key};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const MIB: u64 = 1024 * 1024;

/// What may wait to be written before the peer is not read.
const QUEUED_BYTES_MAX: usize = 1024 * 1024;

/// The longest upgrade request.
const REQUEST_BYTES_MAX: usize = 16 * 1024;

/// What the server ships with, after authentication.
const SHIPPED: SocketLimits =
    SocketLimits { message_bytes: 16 * 1024 * 1024, skip_bytes: 256 * MIB, over: Over::Skip, fragments: 64 };

/// For the cases that try how much a server takes.
const RAISED: SocketLimits = SocketLimits { message_bytes: 64 * 1024 * 1024, fragments: u32::MAX, ..SHIPPED };

#[tokio::main]
async fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let limits = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--limits", "raised"] => RAISED,
        [] | ["--limits", "shipped"] => SHIPPED,
        _ => return Err(io::Error::other("usage: echo [--limits raised|shipped]")),
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("listening on {}", listener.local_addr()?);
    let budget = Budget::new(256 * MIB);
    loop {
        let (stream, _) = listener.accept().await?;
        let budget = Arc::clone(&budget);
        tokio::spawn(async move {
            if let Err(error) = serve(stream, limits, budget).await {
                eprintln!("{error}");
            }
        });
    }
}

async fn serve(mut stream: TcpStream, limits: SocketLimits, budget: Arc<Budget>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let early = upgrade(&mut stream).await?;
    let mut socket = Socket::new(stream, early, limits, budget);
    if let Err(error) = poll_fn(|cx| poll_echo(&mut socket, cx)).await {
        eprintln!("{error}");
    }
    // A peer that hangs here is left: its time is over.
    let finished = poll_fn(|cx| socket.poll_finish(cx));
    tokio::time::timeout(Duration::from_secs(2), finished).await.unwrap_or(Ok(()))
}

/// Answers a good upgrade request, and gives what came after it.
async fn upgrade(stream: &mut TcpStream) -> io::Result<Bytes> {
    let mut request = BytesMut::new();
    let end = loop {
        if let Some(at) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if request.len() > REQUEST_BYTES_MAX || stream.read_buf(&mut request).await? == 0 {
            return Err(io::Error::other("no upgrade request"));
        }
    };
    let head = String::from_utf8_lossy(&request.split_to(end)).into_owned();
    let key = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
        .map(|(_, key)| derive_accept_key(key.trim().as_bytes()))
        .ok_or_else(|| io::Error::other("no key in the upgrade request"))?;
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \
         {key}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    Ok(request.freeze())
}

/// The whole of a session's loop: write what is queued; read while not too much is.
fn poll_echo(socket: &mut Socket<TcpStream>, cx: &mut Context<'_>) -> Poll<Result<(), WireError>> {
    loop {
        if let Poll::Ready(drained) = socket.poll_drain(cx) {
            drained?;
        } else if socket.queued().1 > QUEUED_BYTES_MAX {
            return Poll::Pending;
        }
        match ready!(socket.poll_message(cx)).transpose()? {
            None => return Poll::Ready(Ok(())),
            Some(Inward::Binary(message)) => socket.push_split(head(2, message.len()), (*message).clone()),
            Some(Inward::Text(message)) => {
                socket.push_split(head(1, message.len()), Bytes::from((*message).clone()));
            }
            Some(Inward::TooLarge { bytes, .. }) => eprintln!("skipped a message of {bytes} bytes"),
            Some(Inward::Ping | Inward::Pong | Inward::Close(_)) => {}
        }
    }
}

/// The header of a server's frame.
fn head(opcode: u8, bytes: usize) -> Bytes {
    let mut head = BytesMut::with_capacity(10);
    head.put_u8(0x80 | opcode);
    match (u8::try_from(bytes), u16::try_from(bytes)) {
        (Ok(short @ 0..126), _) => head.put_u8(short),
        (_, Ok(middle)) => {
            head.put_u8(126);
            head.put_u16(middle);
        }
        _ => {
            head.put_u8(127);
            head.put_u64(bytes as u64);
        }
    }
    head.freeze()
}
