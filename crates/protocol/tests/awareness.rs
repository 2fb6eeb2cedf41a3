//! Presence updates: what is kept, what is refused, and that neither disturbs the other.

use tandem_model::ClientId;
use tandem_protocol::awareness::{
    AwarenessError, AwarenessLimits, EMPTY, Entry, Raw, State, StateFault, decode, encode, entries,
};
use tandem_yjs::lib0;

const LIMITS: AwarenessLimits = AwarenessLimits { entries: 4, state_bytes: 20, depth: 2 };

fn update(states: &[(u64, u64, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    lib0::write_var_uint(&mut out, states.len() as u64);
    for (client, clock, json) in states {
        lib0::write_var_uint(&mut out, *client);
        lib0::write_var_uint(&mut out, *clock);
        lib0::write_var_string(&mut out, json);
    }
    out
}

fn states(update: &[u8]) -> Vec<State<'_>> {
    decode(update, &LIMITS).expect("an update").iter().map(|entry| entry.state).collect()
}

#[test]
fn a_state_is_passed_on_as_it_stood() {
    let bytes = update(&[(1, 2, "{ \"a\" : [1] }"), ((1 << 53) - 1, 0, "7")]);
    let expected = [
        Entry { client: ClientId(1), clock: 2, state: State::Json("{ \"a\" : [1] }") },
        Entry { client: ClientId((1 << 53) - 1), clock: 0, state: State::Json("7") },
    ];
    assert_eq!(decode(&bytes, &LIMITS), Ok(expected.to_vec()));
    let mut written = Vec::new();
    encode(&expected, &mut written);
    assert_eq!(written, bytes);
}

#[test]
fn null_means_gone_also_between_spaces() {
    assert_eq!(states(&update(&[(1, 1, "null"), (2, 1, " null\n")])), [State::Gone, State::Gone]);
}

#[test]
fn a_refused_state_leaves_the_others_of_its_frame_alone() {
    let long = format!("\"{}\"", "x".repeat(19));
    let bytes = update(&[(1, 1, &long), (2, 1, "[[[]]]"), (3, 1, "{"), (4, 1, "[[]]")]);
    let expected = [
        State::Refused(StateFault::TooLarge(21)),
        State::Refused(StateFault::TooDeep),
        State::Refused(StateFault::Json),
        State::Json("[[]]"),
    ];
    assert_eq!(states(&bytes), expected);
}

#[test]
fn a_refused_state_is_not_written() {
    let bytes = update(&[(1, 1, "{"), (2, 1, "{}"), (3, 1, "")]);
    let mut written = Vec::new();
    encode(&decode(&bytes, &LIMITS).expect("an update"), &mut written);
    assert_eq!(written, update(&[(2, 1, "{}")]));
}

#[test]
fn a_state_at_its_limits_is_kept() {
    let long = format!("\"{}\"", "x".repeat(18));
    assert_eq!(states(&update(&[(1, 1, &long)])), [State::Json(&long)]);
}

#[test]
fn more_entries_than_allowed_are_refused_before_they_are_read() {
    assert_eq!(decode(&[5], &LIMITS), Err(AwarenessError::TooManyEntries(5)));
    let most = update(&[(1, 1, "1"); 4]);
    assert_eq!(states(&most).len(), 4);
}

#[test]
fn a_count_that_the_bytes_cannot_hold_is_refused_at_once() {
    let mut bytes = Vec::new();
    lib0::write_var_uint(&mut bytes, (1 << 53) - 1);
    let truncated = AwarenessError::Primitive(lib0::DecodeError::Truncated);
    assert_eq!(entries(&bytes, usize::MAX).err(), Some(truncated));
    assert_eq!(entries(&[2, 1, 1, 0, 1, 1], usize::MAX).err(), Some(truncated));
}

#[test]
fn known_entries_can_be_skipped_without_a_look_at_their_states() {
    let bytes = update(&[(1, 1, "{"), (2, 5, "{}")]);
    let news: Vec<Raw<'_>> = entries(&bytes, 4)
        .expect("an update")
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.client != ClientId(1))
        .collect();
    assert_eq!(news, [Raw { client: ClientId(2), clock: 5, json: "{}" }]);
    assert_eq!(news[0].check(&LIMITS).state, State::Json("{}"));
}

#[test]
fn a_broken_entry_ends_the_update() {
    let mut walk = entries(&[2, 1, 1, 1, b'1', 2, 1, 9, 0], 4).expect("a count");
    assert!(walk.next().is_some_and(|entry| entry.is_ok()));
    assert_eq!(walk.next(), Some(Err(AwarenessError::Primitive(lib0::DecodeError::Truncated))));
    assert_eq!(walk.next(), None);
}

#[test]
fn the_empty_update_has_no_entries() {
    assert_eq!(decode(EMPTY, &LIMITS), Ok(Vec::new()));
    let mut written = Vec::new();
    encode(&[], &mut written);
    assert_eq!(written, EMPTY);
}
