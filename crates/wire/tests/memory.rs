//! What idle sockets cost, and what is left of a large message, as resident memory of this process.
//!
//! `TANDEM_SOCKETS=4000 cargo test --release -p tandem-wire --test memory -- --nocapture` prints the figures for more.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a test that panics has failed")]

mod support;

use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::TcpStream as Client;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use support::{BINARY, WIDE, frame};
use tandem_wire::{Budget, Inward, Socket, WireError};
use tokio::net::{TcpListener, TcpStream};

/// What a socket and its task may cost, in KiB, idle. Measured: 1.2.
const IDLE_KIB_MAX: f64 = 3.0;

/// What may be left of a message of 200 kB, in KiB a socket. Measured: 0.2.
const LEFT_KIB_MAX: f64 = 2.0;

#[test]
fn an_idle_socket_is_small_and_a_large_message_leaves_nothing_behind() {
    let sockets = std::env::var("TANDEM_SOCKETS").map_or(400, |count| count.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let budget = Budget::new(256 << 20);
    let connect = || {
        let client = Client::connect(address).unwrap();
        let (stream, _) = runtime.block_on(listener.accept()).unwrap();
        let mut socket = Socket::new(stream, Bytes::new(), WIDE, Arc::clone(&budget));
        runtime.spawn(async move { poll_fn(|cx| poll_echo(&mut socket, cx)).await });
        client
    };
    // What the first message costs the threads is not a socket's.
    echo(&mut [connect()], 200_000);

    let before = resident_kib();
    let mut clients: Vec<Client> = (0..sockets).map(|_| connect()).collect();
    let mut cost = |bytes| {
        echo(&mut clients, bytes);
        let each = (resident_kib() as f64 - before as f64) / f64::from(sockets);
        println!("after {bytes} bytes in and out: {each:.2} KiB a socket");
        each
    };
    println!("a Socket<TcpStream> is {} bytes", size_of::<Socket<TcpStream>>());
    let idle = cost(0);
    cost(40);
    cost(4000);
    let left = cost(200_000) - idle;
    assert!(idle <= IDLE_KIB_MAX, "an idle socket costs {idle:.2} KiB");
    assert!(left <= LEFT_KIB_MAX, "a large message leaves {left:.2} KiB a socket");
    assert!(size_of::<Socket<TcpStream>>() <= 320);
}

/// Writes what is queued and sends each message back.
fn poll_echo(socket: &mut Socket<TcpStream>, cx: &mut Context<'_>) -> Poll<Result<(), WireError>> {
    loop {
        if let Poll::Ready(drained) = socket.poll_drain(cx) {
            drained?;
        }
        match ready!(socket.poll_message(cx)).transpose()? {
            None => return Poll::Ready(Ok(())),
            Some(Inward::Binary(message)) => {
                let body = message.into_parts().0;
                socket.push_split(Bytes::from(server_head(body.len())), body);
            }
            Some(_) => {}
        }
    }
}

/// Sends a message of so many bytes on each socket in turn, and waits for it to come back.
fn echo(clients: &mut [Client], bytes: usize) {
    let message = frame(BINARY, true, &vec![7; bytes]);
    let mut answer = vec![0; server_head(bytes).len() + bytes];
    for client in clients {
        client.write_all(&message).unwrap();
        client.read_exact(&mut answer).unwrap();
    }
}

fn server_head(bytes: usize) -> Vec<u8> {
    match (u8::try_from(bytes), u16::try_from(bytes)) {
        (Ok(short @ 0..126), _) => vec![0x82, short],
        (_, Ok(middle)) => [&[0x82, 126][..], &middle.to_be_bytes()].concat(),
        _ => [&[0x82, 127][..], &(bytes as u64).to_be_bytes()].concat(),
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
