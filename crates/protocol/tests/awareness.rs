//! Presence updates: what is kept, what is refused, and that neither disturbs the other.

use tandem_model::ClientId;
use tandem_protocol::awareness::{
    AwarenessError, AwarenessLimits, EMPTY, Entry, Raw, Refused, State, StateFault, decode, encode, entries,
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

fn states(update: &[u8]) -> Vec<Result<State<'_>, StateFault>> {
    let decoded = decode(update, &LIMITS).expect("an update");
    decoded.iter().map(|entry| entry.map(|entry| entry.state).map_err(|refused| refused.fault)).collect()
}

#[test]
fn a_state_is_passed_on_as_it_stood() {
    let bytes = update(&[(1, 2, "{ \"a\" : [1] }"), ((1 << 53) - 1, 0, "7")]);
    let expected = [
        Entry { client: ClientId(1), clock: 2, state: State::Json("{ \"a\" : [1] }") },
        Entry { client: ClientId((1 << 53) - 1), clock: 0, state: State::Json("7") },
    ];
    assert_eq!(decode(&bytes, &LIMITS), Ok(expected.map(Ok).to_vec()));
    assert_eq!(encode(&expected), bytes);
}

#[test]
fn null_means_gone_also_between_spaces() {
    assert_eq!(states(&update(&[(1, 1, "null"), (2, 1, " null\n")])), [Ok(State::Gone), Ok(State::Gone)]);
}

#[test]
fn a_refused_state_leaves_the_others_of_its_frame_alone() {
    let long = format!("\"{}\"", "x".repeat(19));
    let bytes = update(&[(1, 1, &long), (2, 1, "[[[]]]"), (3, 1, "{"), (4, 1, "[[]]")]);
    let expected =
        [Err(StateFault::TooLarge(21)), Err(StateFault::TooDeep), Err(StateFault::Json), Ok(State::Json("[[]]"))];
    assert_eq!(states(&bytes), expected);
}

#[test]
fn a_refused_state_still_says_whose_it_is() {
    let bytes = update(&[(7, 3, "")]);
    let refused = Refused { client: ClientId(7), clock: 3, fault: StateFault::Json };
    assert_eq!(decode(&bytes, &LIMITS), Ok(vec![Err(refused)]));
    assert_eq!(refused.to_string(), "client 7 at 3: the state is not valid JSON");
}

#[test]
fn a_state_at_its_limits_is_kept() {
    let long = format!("\"{}\"", "x".repeat(18));
    assert_eq!(states(&update(&[(1, 1, &long)])), [Ok(State::Json(&long))]);
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
    assert_eq!(news[0].check(&LIMITS).map(|entry| entry.state), Ok(State::Json("{}")));
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
    assert_eq!(encode(&[]), EMPTY);
}
