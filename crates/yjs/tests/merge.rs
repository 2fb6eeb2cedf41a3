//! A merge is structural: what it makes of updates follows from ids, lengths, origins and deletions, never from what the
//! elements say.

mod support;

use std::collections::BTreeSet;

use support::{Numbers, update};
use tandem_yjs::lib0::write_var_uint;
use tandem_yjs::{Update, merge};

const CLIENTS: u64 = 3;
const CLOCKS: u64 = 60;
/// Elements of one kind in a row.
const STRETCH: u64 = 6;

/// Part of a client's elements, as one author's update brings them.
struct Part {
    client: u64,
    from: u64,
    to: u64,
    deleted: Vec<(u64, u64)>,
}

/// The kind of content of an element: its reference, and whether it stands under a key.
fn kind(seed: u64, client: u64, clock: u64) -> (u8, bool) {
    let kinds = [(4, false), (8, false), (2, false), (3, false), (5, false), (6, false), (8, true), (4, false)];
    let mut numbers = Numbers::new(seed * 1000 + client * 100 + clock / STRETCH);
    kinds[numbers.index(kinds.len())]
}

fn parts(numbers: &mut Numbers) -> Vec<Part> {
    (0..12 + numbers.below(12))
        .map(|_| {
            let (client, from) = (1 + numbers.below(CLIENTS), numbers.below(CLOCKS));
            let to = from + 1 + numbers.below(CLOCKS - from);
            let start = numbers.below(CLOCKS);
            let deleted = if numbers.below(2) == 0 { vec![(start, 1 + numbers.below(9))] } else { Vec::new() };
            Part { client, from, to, deleted }
        })
        .collect()
}

/// Writes a part in which every element says `letter`; structs end where kinds do, and here and there between.
fn write(seed: u64, part: &Part, letter: u8) -> Vec<u8> {
    let Part { client, from, to, deleted } = part;
    let mut numbers = Numbers::new(seed + from * 7 + to);
    let mut writer = update().client(*client, *from);
    let mut clock = *from;
    while clock < *to {
        let (reference, keyed) = kind(seed, *client, clock);
        let most = (STRETCH - clock % STRETCH).min(to - clock);
        let length = if matches!(reference, 2 | 4 | 8) { 1 + numbers.below(most) } else { 1 };
        writer = writer.raw(&structure(*client, clock, length, (reference, keyed), letter));
        clock += length;
    }
    writer = if deleted.is_empty() { writer } else { writer.delete(*client, deleted) };
    writer.finish()
}

fn structure(client: u64, clock: u64, length: u64, (reference, keyed): (u8, bool), letter: u8) -> Vec<u8> {
    let key = if keyed { 0x20 } else { 0 };
    let mut out = Vec::new();
    if clock == 0 {
        out.extend([reference | key, 1, 1, b't']);
        out.extend(keyed.then_some([1, b'k']).into_iter().flatten());
    } else {
        out.push(reference | key | 0x80);
        write_var_uint(&mut out, client);
        write_var_uint(&mut out, clock - 1);
    }
    match reference {
        2 | 4 | 8 => {
            write_var_uint(&mut out, length);
            for _ in 0..length {
                out.extend_from_slice(match reference {
                    2 => &[3, b'"'],
                    8 => &[119, 1],
                    _ => &[],
                });
                out.push(letter);
                out.extend((reference == 2).then_some(b'"'));
            }
        }
        3 => out.extend([1, letter]),
        5 => out.extend([3, b'"', letter, b'"']),
        _ => out.extend([1, b'f', 3, b'"', letter, b'"']),
    }
    out
}

fn merged(updates: &[Vec<u8>]) -> Vec<u8> {
    let updates: Vec<&[u8]> = updates.iter().map(Vec::as_slice).collect();
    merge(&updates).expect("the updates are sound")
}

#[test]
fn a_merge_does_not_depend_on_content() {
    for seed in 0..500 {
        let mut numbers = Numbers::new(seed);
        let parts = parts(&mut numbers);
        let said = |letter| parts.iter().map(|part| write(seed, part, letter)).collect::<Vec<_>>();
        let (one, two) = (merged(&said(b'a')), merged(&said(b'z')));
        assert_eq!(one.len(), two.len(), "seed {seed}");
        let differing: Vec<_> = one.iter().zip(&two).filter(|(left, right)| left != right).collect();
        assert!(differing.iter().all(|pair| *pair == (&b'a', &b'z')), "seed {seed}: only the letters differ");
        let elements: BTreeSet<(u64, u64)> =
            parts.iter().flat_map(|part| (part.from..part.to).map(|clock| (part.client, clock))).collect();
        assert_eq!(differing.len(), elements.len(), "seed {seed}: every element is there once");
    }
}

#[test]
fn a_merge_of_merges_is_the_merge_of_all() {
    for seed in 0..500 {
        let mut numbers = Numbers::new(seed);
        let all: Vec<Vec<u8>> = parts(&mut numbers).iter().map(|part| write(seed, part, b'a')).collect();
        let whole = merged(&all);
        let size = 1 + numbers.index(all.len());
        let groups: Vec<Vec<u8>> = all.chunks(size).map(merged).collect();
        assert_eq!(merged(&groups), whole, "seed {seed}, groups of {size}");
        assert_eq!(merged(std::slice::from_ref(&whole)), whole, "seed {seed}: what is merged stays as it is");
    }
}

#[test]
fn a_merge_keeps_the_content_of_what_is_deleted() {
    let written = update().client(1, 0).root_text("secret").finish();
    let deleted = update().delete(1, &[(0, 6)]).finish();
    let both = merge(&[&written, &deleted]).expect("the updates are sound");
    assert!(both.windows(6).any(|bytes| bytes == b"secret"));
    assert!(Update::decode(&both).expect("a merge is sound").has_deletions());
}
