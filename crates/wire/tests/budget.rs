//! The node's inbound budget: who waits, and who does not.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test that panics has failed")]

mod support;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use support::{BINARY, CONTINUATION, PING, Script, Seen, WIDE, frame, header, run, socket_with, take};
use tandem_wire::{Budget, FREE_BYTES, Inward, Message, Socket};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

fn pair(budget: &Arc<Budget>) -> (DuplexStream, Socket<DuplexStream>) {
    let (client, server) = duplex(256 * 1024);
    (client, Socket::new(server, bytes::Bytes::new(), WIDE, Arc::clone(budget)))
}

async fn binary(socket: &mut Socket<DuplexStream>) -> Message<bytes::Bytes> {
    match take(socket).await {
        Some(Ok(Inward::Binary(message))) => message,
        other => panic!("not a binary message: {other:?}"),
    }
}

#[tokio::test]
async fn a_message_holds_its_bytes_until_it_is_dropped() {
    let budget = Budget::new(1 << 20);
    let (mut client, mut socket) = pair(&budget);
    client.write_all(&frame(BINARY, true, &[0; 100_000])).await.unwrap();
    let message = binary(&mut socket).await;
    assert_eq!(budget.bytes() - budget.free_bytes(), 98 * 1024);
    let (body, reservation) = message.into_parts();
    assert_eq!((body.len(), reservation.bytes()), (100_000, 98 * 1024));
    drop(reservation);
    assert_eq!(budget.free_bytes(), budget.bytes());
}

#[tokio::test]
async fn a_fragmented_message_reserves_what_it_may_become_and_gives_back_the_rest() {
    let budget = Budget::new(4 << 20);
    let (mut client, mut socket) = pair(&budget);
    client.write_all(&frame(BINARY, false, &[0; 20_000])).await.unwrap();
    client.write_all(&frame(PING, true, b"")).await.unwrap();
    assert!(matches!(take(&mut socket).await, Some(Ok(Inward::Ping))));
    assert_eq!(socket.reserved(), 1 << 20);
    client.write_all(&frame(CONTINUATION, true, &[0; 480])).await.unwrap();
    let message = binary(&mut socket).await;
    assert_eq!(budget.bytes() - budget.free_bytes(), 20 * 1024);
    assert_eq!((message.len(), socket.reserved()), (20_480, 0));
}

#[tokio::test]
async fn whoever_comes_to_an_empty_budget_is_not_read_until_it_is_served() {
    let budget = Budget::new(100 * 1024);
    let (mut first_client, mut first) = pair(&budget);
    let (mut second_client, mut second) = pair(&budget);
    let (mut third_client, mut third) = pair(&budget);
    let large = frame(BINARY, true, &[0; 60 * 1024]);
    first_client.write_all(&large).await.unwrap();
    second_client.write_all(&large).await.unwrap();
    third_client.write_all(&frame(BINARY, true, &[0; 30 * 1024])).await.unwrap();

    let held = binary(&mut first).await;
    let mut cx = Context::from_waker(Waker::noop());
    assert!(second.poll_message(&mut cx).is_pending() && second.is_waiting());
    // First come, first served: the third would fit, but the second was there before it.
    assert!(third.poll_message(&mut cx).is_pending() && third.is_waiting());
    assert_eq!(budget.waits(), 2);
    // A small message asks for nothing.
    let (mut small_client, mut small) = pair(&budget);
    small_client.write_all(&frame(BINARY, true, &vec![0; FREE_BYTES as usize])).await.unwrap();
    assert_eq!(binary(&mut small).await.len() as u64, FREE_BYTES);

    let (served, ()) = tokio::join!(binary(&mut second), async { drop(held) });
    assert!(!second.is_waiting());
    assert_eq!(binary(&mut third).await.len(), 30 * 1024);
    drop(served);
    assert_eq!(budget.free_bytes(), budget.bytes());
}

#[tokio::test]
async fn a_socket_that_ends_while_it_waits_gives_up_its_place() {
    let budget = Budget::new(64 * 1024);
    let (mut first_client, mut first) = pair(&budget);
    let (mut second_client, mut second) = pair(&budget);
    first_client.write_all(&frame(BINARY, true, &[0; 60 * 1024])).await.unwrap();
    second_client.write_all(&header(BINARY, true, 60 * 1024)).await.unwrap();
    let held = binary(&mut first).await;
    let mut cx = Context::from_waker(Waker::noop());
    assert!(second.poll_message(&mut cx).is_pending());
    drop(second);
    drop(held);
    assert_eq!(budget.free_bytes(), budget.bytes());
}

#[tokio::test]
async fn a_message_cut_half_way_gives_back_what_it_reserved() {
    let budget = Budget::new(1 << 20);
    let cut = Script { ends: true, ..Script::of([header(BINARY, true, 100_000), vec![0; 5000]]) };
    let mut socket = socket_with(cut, WIDE, &budget);
    let mut cx = Context::from_waker(Waker::noop());
    while socket.reserved() == 0 {
        assert!(matches!(socket.poll_message(&mut cx), Poll::Pending));
    }
    assert_eq!(run(&mut socket), [Seen::Failed(None)]);
    assert_eq!(budget.free_bytes(), budget.bytes());
}

#[tokio::test]
async fn a_message_above_the_whole_budget_is_served_alone() {
    let budget = Budget::new(64 * 1024);
    let (mut client, mut socket) = pair(&budget);
    client.write_all(&frame(BINARY, true, &[0; 200_000])).await.unwrap();
    let message = binary(&mut socket).await;
    assert_eq!((message.len(), budget.free_bytes()), (200_000, 0));
}
