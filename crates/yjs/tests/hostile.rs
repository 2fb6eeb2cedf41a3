//! Whatever bytes come, the index answers, and what it holds stays in itself consistent.

mod support;

use support::{Numbers, Writer, admit, update};
use tandem_yjs::{Collect, Id, Index, IndexLimits, StateVector, Update, Verdict, merge};

/// Sound updates of some clients that build on one another, with every kind of content.
fn sound(numbers: &mut Numbers, state: &StateVector) -> Vec<u8> {
    let client = 1 + numbers.below(4);
    let clock = state.get(Id::new(client, 0).client);
    let mut writer = update().client(client, clock);
    for _ in 0..=numbers.below(4) {
        writer = structure(numbers, writer, client, clock);
    }
    if clock > 0 && numbers.below(3) == 0 {
        let from = numbers.below(clock);
        writer = writer.delete(client, &[(from, 1 + numbers.below(clock - from))]);
    }
    writer.finish()
}

fn structure(numbers: &mut Numbers, writer: Writer, client: u64, clock: u64) -> Writer {
    let contents: [&[u8]; 9] = [
        &[1, 3],
        &[2, 2, 1, b'1', 9, b'u', b'n', b'd', b'e', b'f', b'i', b'n', b'e', b'd'],
        &[3, 2, 1, 2],
        &[4, 6, b'a', 0xf0, 0x9f, 0x98, 0x80, b'b'],
        &[5, 2, b'{', b'}'],
        &[6, 1, b'k', 4, b't', b'r', b'u', b'e'],
        &[7, 3, 1, b'p'],
        &[8, 3, 120, 125, 65, 118, 1, 1, b'k', 126],
        &[9, 1, b'g', 118, 0],
    ];
    let content = contents[numbers.index(contents.len())];
    let mut bytes = Vec::new();
    match numbers.below(4) {
        0 if clock > 0 => {
            bytes.push(content[0] | 0x80);
            Id::new(client, numbers.below(clock)).write(&mut bytes);
        }
        1 if clock > 0 => {
            bytes.push(content[0] | 0xc0);
            Id::new(client, numbers.below(clock)).write(&mut bytes);
            Id::new(client, numbers.below(clock)).write(&mut bytes);
        }
        2 if clock > 0 => {
            bytes.push(content[0]);
            bytes.push(0);
            Id::new(client, numbers.below(clock)).write(&mut bytes);
        }
        _ => bytes.extend([content[0] | 0x20, 1, 1, b'm', 1, b'k']),
    }
    bytes.extend_from_slice(&content[1..]);
    writer.raw(&bytes)
}

trait Write {
    fn write(&self, out: &mut Vec<u8>);
}

impl Write for Id {
    fn write(&self, out: &mut Vec<u8>) {
        tandem_yjs::lib0::write_var_uint(out, self.client.0);
        tandem_yjs::lib0::write_var_uint(out, self.clock);
    }
}

fn spoiled(numbers: &mut Numbers, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=numbers.below(2) {
        let at = numbers.index(bytes.len());
        match numbers.below(4) {
            0 => bytes[at] ^= 1 << numbers.below(8),
            1 => bytes[at] = [0, 1, 2, 10, 11, 127, 128, 255][numbers.index(8)],
            2 => bytes.insert(at, 0x80),
            _ => {
                bytes.remove(at);
            }
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
    bytes
}

fn judge(numbers: &mut Numbers) -> Verdict {
    match numbers.below(12) {
        0 => Verdict::Withhold,
        1 => Verdict::Refuse,
        _ => Verdict::Take,
    }
}

#[test]
fn an_index_stays_consistent_whatever_it_is_given() {
    let mut taken_at_all = 0;
    for seed in 0..300 {
        let mut numbers = Numbers::new(seed);
        let collect = if seed % 2 == 0 { Collect::Collected } else { Collect::Kept };
        let limits = if seed % 5 == 0 {
            IndexLimits { bytes: 600, clients: 3, structs: 40, pieces: 12 }
        } else {
            IndexLimits::NONE
        };
        let mut index = Index::new(collect, limits);
        // Is given the same in more bytes than it takes, which it has to write anew; the other copies.
        let mut twin = Index::new(collect, limits);
        let mut mirror = Index::new(collect, IndexLimits::NONE);
        let mut rows: Vec<Vec<u8>> = Vec::new();
        for _ in 0..60 {
            let bytes = sound(&mut numbers, index.state_vector());
            let bytes = if numbers.below(3) == 0 { spoiled(&mut numbers, &bytes) } else { bytes };
            let Ok(update) = Update::decode(&bytes) else { continue };
            let before = index.state_vector().clone();
            let mut verdicts = Vec::new();
            let admission = index.admit(&update, &mut |_| {
                verdicts.push(judge(&mut numbers));
                verdicts[verdicts.len() - 1]
            });
            index.check_invariants();
            let padded = [&[bytes[0] | 0x80, 0], &bytes[1..]].concat();
            let padded = Update::decode(&padded).expect("a count in two bytes is the same count");
            let mut verdicts = verdicts.into_iter();
            let written = twin.admit(&padded, &mut |_| verdicts.next().expect("the same questions"));
            assert_eq!(written, admission, "what is copied is what would be written");
            assert_eq!((twin.encode(), twin.outline()), (index.encode(), index.outline()));
            assert_eq!((twin.bytes(), twin.structs()), (index.bytes(), index.structs()));
            assert!(index.covers(&before), "nothing is lost");
            for (client, clock) in &admission.before {
                assert_eq!(before.get(*client), *clock);
                assert!(index.state_vector().get(*client) > *clock);
            }
            assert_eq!(admission.taken.is_some(), admission.new_structs || admission.new_deletions);
            let whole = admission.missing.is_none() && admission.refused.is_none() && admission.withheld.is_empty();
            assert_eq!(whole, index.holds(&update), "what is not held is said");
            if let Some(taken) = admission.taken {
                // What is relayed is wholly new to whoever had what the index had.
                let relayed = admit(&mut mirror, &taken);
                assert_eq!((relayed.missing, relayed.refused), (None, None));
                rows.push(taken.into_owned());
                taken_at_all += 1;
            }
        }
        assert_eq!(mirror.state_vector(), index.state_vector());
        let rows: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
        let merged = merge(&rows).expect("what is relayed is sound");
        let mut loaded = Index::new(collect, IndexLimits::NONE);
        let admission = admit(&mut loaded, &merged);
        assert_eq!((admission.missing, admission.refused), (None, None), "a merge of rows is taken whole");
        assert_eq!(loaded.state_vector(), index.state_vector());
        let cut: StateVector = index.state_vector().iter().map(|(id, clock)| (id, numbers.below(clock + 1))).collect();
        let difference = index.difference(&cut);
        let update = Update::decode(&difference).expect("a difference is sound");
        assert!(index.holds(&update));
        assert!(update.clients().all(|(client, first, _)| first == cut.get(client)), "it starts where one ends");
    }
    assert!(taken_at_all > 3000, "{taken_at_all} updates were taken");
}

#[test]
fn bytes_at_random_are_refused_or_read_but_never_believed() {
    let mut numbers = Numbers::new(7);
    for _ in 0..20_000 {
        let length = numbers.index(40);
        let bytes: Vec<u8> = (0..length)
            .map(|_| if numbers.below(2) == 0 { numbers.index(12) } else { numbers.index(256) })
            .filter_map(|byte| u8::try_from(byte).ok())
            .collect();
        if let Ok(update) = Update::decode(&bytes) {
            let mut index = Index::new(Collect::Collected, IndexLimits::NONE);
            index.admit(&update, &mut |_| Verdict::Take);
            index.check_invariants();
        }
        assert!(StateVector::decode(&bytes).is_err() || !bytes.is_empty());
    }
}
