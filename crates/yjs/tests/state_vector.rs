//! State vectors.

use tandem_yjs::{ClientId, DecodeError, StateVector};

fn vector(entries: &[(u64, u64)]) -> StateVector {
    entries.iter().map(|(client, clock)| (ClientId(*client), *clock)).collect()
}

#[test]
fn the_highest_client_is_written_first() {
    let vector = vector(&[(1, 2), (300, 7), (5, 0)]);
    assert_eq!(vector.encode(), [2, 0xac, 2, 7, 1, 2]);
    assert_eq!(StateVector::decode(&vector.encode()), Ok(vector));
    assert_eq!(StateVector::new().encode(), [0]);
}

#[test]
fn counts_that_the_input_cannot_hold_are_refused() {
    assert_eq!(StateVector::decode(&[]), Err(DecodeError::Truncated));
    assert_eq!(StateVector::decode(&[2, 1, 1]), Err(DecodeError::Truncated));
    assert_eq!(StateVector::decode(&[0xff, 0xff, 0xff, 0x0f, 1, 1]), Err(DecodeError::Truncated));
    assert_eq!(StateVector::decode(&[1, 1, 1, 9, 9]), Ok(vector(&[(1, 1)])), "bytes behind it are ignored");
}

#[test]
fn clocks_are_raised_lowered_and_compared() {
    let mut held = vector(&[(1, 5), (2, 5)]);
    held.raise(ClientId(1), 3);
    held.raise(ClientId(3), 1);
    held.lower_to(ClientId(2), 4);
    held.lower_to(ClientId(2), 9);
    held.lower_to(ClientId(3), 0);
    assert_eq!(held, vector(&[(1, 5), (2, 4)]));
    assert!(held.covers(&vector(&[(1, 5)])) && held.covers(&StateVector::new()));
    assert!(!held.covers(&vector(&[(2, 5)])) && !held.covers(&vector(&[(9, 1)])));
    held.merge(&vector(&[(2, 7), (9, 1)]));
    assert_eq!(held, vector(&[(1, 5), (2, 7), (9, 1)]));
    assert_eq!((held.get(ClientId(4)), held.len(), held.is_empty()), (0, 3, false));
}

#[test]
fn only_the_clients_that_are_wanted_are_kept_and_the_last_entry_counts() {
    let bytes = [4, 1, 5, 2, 6, 3, 7, 2, 8];
    let kept = StateVector::decode_of(&bytes, |client| client != ClientId(3)).expect("a state vector");
    assert_eq!(kept.iter().collect::<Vec<_>>(), [(ClientId(1), 5), (ClientId(2), 8)]);
    assert_eq!(StateVector::decode_of(&bytes[..8], |_| false), Err(DecodeError::Truncated), "it is read to its end");
}
