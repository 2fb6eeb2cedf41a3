//! The floor: a relay that sends every frame of a path's sockets to the others. No document, no commit, no rights. What
//! it costs is what a socket server on this machine costs; a collaboration server can only be measured against it.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// What leaves in one write at most.
const BATCH: usize = 64;
/// What a SyncStep1 begins with, and the SyncStep2 that lets a client start.
const STEP1: &[u8] = &[0, 0];
const STEP2: &[u8] = &[0, 1, 2, 0, 0];

/// The sockets of a path: their numbers, and what they are sent.
type Room = Vec<(u64, UnboundedSender<Message>)>;
type Rooms = Arc<Mutex<HashMap<String, Room>>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("usage: floor ADDRESS:PORT")?;
    let socket = TcpSocket::new_v4()?;
    socket.bind(address.parse()?)?;
    // The default has no room for hundreds who come at once.
    let listener = socket.listen(4096)?;
    let rooms = Rooms::default();
    for number in 0.. {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(number, stream, rooms.clone()));
    }
    Ok(())
}

/// One socket, from its handshake to its end. That it ends is no error.
async fn serve(number: u64, stream: TcpStream, rooms: Rooms) {
    let mut path = String::new();
    #[expect(clippy::result_large_err, reason = "the library's own signature")]
    let read = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        request.uri().path().clone_into(&mut path);
        Ok(response)
    };
    if stream.set_nodelay(true).is_err() {
        return;
    }
    // The library's own 128 KiB a socket would be its memory alone.
    let config = WebSocketConfig::default().read_buffer_size(4096);
    let Ok(socket) = tokio_tungstenite::accept_hdr_async_with_config(stream, read, Some(config)).await else { return };
    let (mut sink, mut frames) = socket.split();
    let (sender, mut outbox) = unbounded_channel();
    let with = |change: &dyn Fn(&mut Room)| {
        change(rooms.lock().unwrap_or_else(PoisonError::into_inner).entry(path.clone()).or_default());
    };
    with(&|room| room.push((number, sender.clone())));
    let writing = tokio::spawn(async move { while let Some(true) = write(&mut sink, &mut outbox).await {} });
    while let Some(Ok(message)) = frames.next().await {
        match message {
            Message::Binary(bytes) if bytes.starts_with(STEP1) => drop(sender.send(Message::binary(STEP2))),
            Message::Binary(_) => with(&|room| {
                for (_, other) in room.iter().filter(|(other, _)| *other != number) {
                    drop(other.send(message.clone()));
                }
            }),
            _ => {}
        }
    }
    with(&|room| room.retain(|(other, _)| *other != number));
    writing.abort();
}

/// Sends what waits, all of it in one write if the system takes it. `None` when there will be nothing more.
async fn write<S>(sink: &mut S, outbox: &mut UnboundedReceiver<Message>) -> Option<bool>
where
    S: futures_util::Sink<Message> + Unpin,
{
    let mut batch = Vec::with_capacity(BATCH);
    if outbox.recv_many(&mut batch, BATCH).await == 0 {
        return None;
    }
    for message in batch {
        sink.feed(message).await.ok()?;
    }
    Some(sink.flush().await.is_ok())
}
