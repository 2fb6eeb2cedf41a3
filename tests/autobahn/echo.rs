//! An echo server for Autobahn's cases: Tandem's own listener, upgrade, reader and writer, and behind them instead of
//! the node something that sends every message back.
//!
//! `cargo run --example echo -- --limits raised|shipped` listens on a free port of the loopback and prints its URL.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use metrics_exporter_prometheus::PrometheusBuilder;
use secrecy::SecretString;
use serde_json::Value;
use tandem::auth::{TokenRules, Tokens};
use tandem::http::hosts::HostRules;
use tandem::http::{self, Backend, Edge, EdgeSettings, Pages, Socket as Connection};
use tandem_actors::{Arrival, DeleteError, Readiness};
use tandem_model::{DocumentName, Limits};
use tandem_protocol::websocket;
use tandem_wire::{Budget, Inward, Socket, SocketLimits, WireError};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What may wait to be written before the peer is not read.
const QUEUED_BYTES_MAX: usize = 1024 * 1024;

/// The longest message of the cases that try how much a server takes, in bytes.
const RAISED_BYTES: usize = 64 * 1024 * 1024;

const USAGE: &str = "usage: echo [--limits raised|shipped]";

/// The first byte of a whole text message. Tandem itself never sends one.
const TEXT: u8 = 0x81;

#[tokio::main]
async fn main() -> io::Result<()> {
    let limits = Limits::default();
    let shipped = SocketLimits::authenticated(Limits::size(limits.message_bytes), limits.skip_bytes);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let socket = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--limits", "raised"] => SocketLimits { message_bytes: RAISED_BYTES, fragments: u32::MAX, ..shipped },
        [] | ["--limits", "shipped"] => shipped,
        _ => return Err(io::Error::other(USAGE)),
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let backend = Echo { limits: socket, budget: Budget::new(limits.inbound_bytes) };
    let edge = edge(backend, &limits, address.port());
    println!("listening on ws://{address}/yjs/autobahn");
    let (_never, stop) = watch::channel(false);
    http::serve(listener, Arc::new(edge), stop).await;
    Ok(())
}

/// The edge as the server has it, with the defaults of its configuration.
fn edge(backend: Echo, limits: &Limits, port: u16) -> Edge {
    let settings = EdgeSettings {
        base_path: String::new(),
        hosts: HostRules { allowed: Vec::new(), loopback: true, port },
        cors_origins: Vec::new(),
        trusted_proxies: Vec::new(),
        connections: 1000,
        header_bytes: 16 * 1024,
        header_within: Duration::from_secs(10),
        body_bytes: 1024,
        body_within: Duration::from_secs(10),
        write_within: Duration::from_secs(10),
        guests_for: None,
        query_tokens: false,
    };
    let rules = TokenRules { default_right: None, issuer: None, audience: None, leeway: Duration::ZERO };
    let tokens = Tokens::new(&SecretString::from("no token is ever asked for here"), rules);
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    Edge::new(settings, Arc::new(backend), Arc::new(tokens), Arc::new(Pages::embedded()), limits, metrics)
}

/// Stands where the node stands.
struct Echo {
    limits: SocketLimits,
    budget: Arc<Budget>,
}

impl Backend for Echo {
    fn accept(&self, arrival: Arrival<Connection>) {
        tokio::spawn(serve(arrival, self.limits, Arc::clone(&self.budget)));
    }

    fn readiness(&self) -> Readiness {
        Readiness { journal: true, draining: false }
    }

    fn delete<'a>(&'a self, _: &'a DocumentName) -> BoxFuture<'a, Result<(), DeleteError>> {
        async { Err(DeleteError::Absent) }.boxed()
    }

    fn snapshot(&self) -> BoxFuture<'_, Value> {
        async { Value::Null }.boxed()
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), String>> {
        async { Ok(()) }.boxed()
    }
}

async fn serve(arrival: Arrival<Connection>, limits: SocketLimits, budget: Arc<Budget>) {
    let Arrival { io, early, answer, place, .. } = arrival;
    let mut socket = Socket::new(io, early, limits, budget);
    socket.push(answer);
    if let Err(error) = poll_fn(|cx| poll_echo(&mut socket, cx)).await {
        eprintln!("{error}");
    }
    socket.finish().await;
    drop(place);
}

/// The whole of a session's loop: write what is queued; read while not too much is.
fn poll_echo(socket: &mut Socket<Connection>, cx: &mut Context<'_>) -> Poll<Result<(), WireError>> {
    loop {
        if let Poll::Ready(drained) = socket.poll_drain(cx) {
            drained?;
        } else if socket.queued().1 > QUEUED_BYTES_MAX {
            return Poll::Pending;
        }
        match ready!(socket.poll_message(cx)).transpose()? {
            None => return Poll::Ready(Ok(())),
            Some(Inward::Binary(message)) => socket.push(websocket::binary(&[&message])),
            Some(Inward::Text(message)) => socket.push(text(&message)),
            Some(Inward::TooLarge { bytes, .. }) => eprintln!("skipped a message of {bytes} bytes"),
            Some(Inward::Ping | Inward::Pong | Inward::Close(_)) => {}
        }
    }
}

/// A whole text message: a binary one with another first byte.
fn text(payload: &str) -> Bytes {
    let frame = websocket::binary(&[payload.as_bytes()]);
    let mut frame = frame.try_into_mut().unwrap_or_else(|shared| shared[..].into());
    frame[0] = TEXT;
    frame.freeze()
}
