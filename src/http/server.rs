//! The accept loop. Not warp's own: that sets no header timeout, takes any header, and hides the peer.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::{counter, gauge};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{debug, warn};

use super::Edge;
use super::service::Service;
use super::socket::{Guarded, Socket};

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
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
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
        gauge!("tandem_http_connections").set(f64::from(u32::try_from(connections.len()).unwrap_or(u32::MAX)));
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
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

async fn connection(io: Guarded, peer: SocketAddr, service: Arc<Service>, mut stop: watch::Receiver<bool>) {
    let settings = &service.edge().settings;
    let handler = service_fn(|request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(service.answer(peer.ip(), request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_within)
        .max_buf_size(settings.header_bytes)
        .serve_connection(TokioIo::new(io), handler)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stopped(&mut stop) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection ended early");
    }
}

/// Waits for the word to stop, or until nobody is left to say it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // What it gives is a lock on the value: dropped here, before anything is awaited.
    drop(stop.wait_for(|stop| *stop).await);
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
