//! The accept loop. Not warp's own: that sets no header timeout, takes any header, and hides the peer.

use std::convert::Infallible;
use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use hyper::server::conn::http1::{self, Parts};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::{Gauge, counter, gauge};
use tandem_actors::Arrival;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::Edge;
use super::service::Service;
use super::socket::{Guarded, Socket};
use super::upgrade::Upgrade;

/// How long to wait after a failed accept that is about us, not about the peer: too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// What is told when `server.connections` are taken.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 10\r\nconnection: close\r\n\
    content-type: application/problem+json\r\nx-content-type-options: nosniff\r\ncontent-length: 120\r\n\r\n\
    {\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\"code\":\"full\",\
    \"detail\":\"too many connections are open\"}";

/// Serves until `stop` says true, then lets requests in flight end. Upgraded sockets are the node's, not waited for.
pub async fn serve(listener: TcpListener, edge: Arc<Edge>, mut stop: watch::Receiver<bool>) {
    let service = Arc::new(Service::new(edge.clone()));
    let connections = TaskTracker::new();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            accepted = listener.accept() => match accepted {
                Ok((io, peer)) => {
                    if let Some(guarded) = admit(io, &edge) {
                        connections.spawn(connection(guarded, peer, service.clone(), stop.clone()));
                    }
                }
                Err(error) if is_about_the_peer(&error) => {}
                Err(error) => {
                    warn!(%error, "cannot accept connections");
                    sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// Counts a connection that speaks HTTP while it lives.
struct Open(Gauge);

impl Open {
    fn count() -> Self {
        let gauge = gauge!("tandem_http_connections");
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

fn admit(io: TcpStream, edge: &Edge) -> Option<Guarded> {
    // Best effort: without it small frames may wait for an acknowledgement.
    io.set_nodelay(true).inspect_err(|error| debug!(%error, "no TCP_NODELAY")).ok();
    if let Ok(permit) = edge.permits.clone().try_acquire_owned() {
        return Some(Guarded::new(Socket::new(io, permit), edge.settings.write_within));
    }
    counter!("tandem_http_connections_refused_total").increment(1);
    // The socket's buffer is empty, so this fits; a client that is gone does not matter.
    io.try_write(FULL).inspect_err(|error| debug!(%error, "a refused client is gone")).ok();
    None
}

/// Serves one connection, until it ends or is upgraded: then it is handed over, with the answer to its handshake.
async fn connection(io: Guarded, peer: SocketAddr, service: Arc<Service>, mut stop: watch::Receiver<bool>) {
    let settings = &service.edge().settings;
    let _open = Open::count();
    let (upgraded, talk) = (Mutex::new(None), io.talk());
    let handler = service_fn(|request| {
        let (service, upgraded, talk) = (service.clone(), &upgraded, &talk);
        async move {
            let mut response = service.answer(peer.ip(), request).await;
            if let Some(handed) = response.extensions_mut().remove::<Upgrade>().and_then(|upgrade| upgrade.take()) {
                *upgraded.lock().unwrap_or_else(PoisonError::into_inner) = Some(handed);
                talk.keep();
            }
            talk.answered();
            Ok::<_, Infallible>(response)
        }
        .boxed()
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_within)
        .max_buf_size(settings.header_bytes)
        .serve_connection(TokioIo::new(io), handler);
    let ended = tokio::select! {
        ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => Some(ended),
        () = stopped(&mut stop) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    if let Err(error) = ended {
        // One that rests between requests ends in time too.
        if talk.is_begun() || !error.is_timeout() {
            counter!("tandem_http_connections_broken_total", "by" => breach(&error)).increment(1);
        }
        return debug!(%error, "a connection ended early");
    }
    let Parts { io, read_buf, .. } = connection.into_parts();
    let mut io = io.into_inner();
    match upgraded.into_inner().unwrap_or_else(PoisonError::into_inner) {
        // The early bytes are copied: as they are they would pin hyper's whole buffer while the socket lives.
        Some((speaks, place)) => {
            let early = Bytes::copy_from_slice(&read_buf);
            let (io, answer) = io.into_parts();
            service.edge().backend.accept(Arrival { io, early, answer, speaks, place });
        }
        None => drop(io.shutdown().await.inspect_err(|error| debug!(%error, "a client was gone before the end"))),
    }
}

/// Waits for the word to stop, or until nobody is left to say it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // What it gives is a lock on the value: dropped here, before anything is awaited.
    drop(stop.wait_for(|stop| *stop).await);
}

/// What ended a connection within a request, as a label: hyper has answered a head that it could not take.
fn breach(error: &hyper::Error) -> &'static str {
    let broke = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    match error {
        _ if broke.is_some_and(|broke| broke.kind() == io::ErrorKind::TimedOut) => "write_seconds",
        _ if error.is_parse_too_large() => "header_bytes",
        _ if error.is_parse() => "no_http",
        _ if error.is_timeout() => "header_seconds",
        _ if error.is_incomplete_message() || error.is_canceled() => "client",
        _ => "io",
    }
}

fn is_about_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_of_a_full_server_says_its_own_length() {
        let text = std::str::from_utf8(FULL).expect("it is text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(
            head.contains(&format!("content-length: {}\r\n", body.len())) || head.ends_with(&body.len().to_string()),
            "{} in {head}",
            body.len()
        );
        serde_json::from_str::<serde_json::Value>(body).expect("JSON");
    }
}
