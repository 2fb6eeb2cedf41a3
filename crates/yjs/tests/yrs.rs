//! Against `yrs`, a second implementation, on honest updates: what it makes of our encodings is what it made itself.

mod support;

use support::Numbers;
use tandem_yjs::{Collect, Index, IndexLimits, StateVector, Update, Verdict, merge};
use yrs::block::ClientID;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Array, Doc, GetString, Map, OffsetKind, Options, ReadTxn, Text, Transact, WriteTxn};

struct Peer {
    doc: Doc,
    sent: Vec<Vec<u8>>,
    read: usize,
}

impl Peer {
    fn new(client: u64) -> Self {
        let options =
            Options { client_id: ClientID::new(client), offset_kind: OffsetKind::Utf16, ..Options::default() };
        Self { doc: Doc::with_options(options), sent: Vec::new(), read: 0 }
    }

    fn edit(&mut self, numbers: &mut Numbers) {
        let mut txn = self.doc.transact_mut();
        let text = txn.get_or_insert_text("t");
        let map = txn.get_or_insert_map("m");
        let array = txn.get_or_insert_array("a");
        let length = u64::from(text.len(&txn));
        match numbers.below(6) {
            0..=2 => {
                let at = small(numbers.below(length + 1));
                text.insert(&mut txn, at, ["a", "bc", "d\u{e9}f", "lorem "][numbers.index(4)]);
            }
            3 if length > 0 => {
                let at = numbers.below(length);
                text.remove_range(&mut txn, small(at), small(1 + numbers.below((length - at).min(5))));
            }
            4 => {
                map.insert(&mut txn, ["k", "l"][numbers.index(2)], i64::from(small(numbers.below(99))));
            }
            _ => {
                let at = small(numbers.below(u64::from(array.len(&txn)) + 1));
                array.insert(&mut txn, at, "v");
            }
        }
        self.sent.push(txn.encode_update_v1());
    }

    fn apply(&mut self, bytes: &[u8]) {
        let update = yrs::Update::decode_v1(bytes).expect("yrs reads it");
        self.doc.transact_mut().apply_update(update).expect("yrs applies it");
    }

    fn view(&self) -> String {
        let mut txn = self.doc.transact_mut();
        let (text, map, array) =
            (txn.get_or_insert_text("t"), txn.get_or_insert_map("m"), txn.get_or_insert_array("a"));
        let values: Vec<String> = ["k", "l"].iter().map(|key| format!("{:?}", map.get(&txn, key))).collect();
        let listed: Vec<String> = array.iter(&txn).map(|value| format!("{value:?}")).collect();
        format!("{} {values:?} {listed:?} {}", text.get_string(&txn), txn.state_vector().encode_v1().len())
    }
}

fn small(number: u64) -> u32 {
    u32::try_from(number).expect("a small number")
}

/// The same index as it comes back from its encoding and its outline.
fn restored(index: &Index, collect: Collect) -> Index {
    let (encoding, outline) = (index.encode(), index.outline());
    let restored = Index::restore(&encoding, &outline, collect).expect("a pair");
    restored.check_invariants();
    assert_eq!((restored.encode(), restored.outline()), (encoding, outline));
    restored
}

fn fed(bytes: &[u8]) -> String {
    let mut peer = Peer::new(999);
    peer.apply(bytes);
    peer.view()
}

#[test]
fn yrs_makes_of_our_encodings_what_it_made_itself() {
    for seed in 0..60 {
        let mut numbers = Numbers::new(seed);
        let mut peers = [Peer::new(1), Peer::new(77), Peer::new(4_000_000_000)];
        let mut log: Vec<Vec<u8>> = Vec::new();
        let mut indexes = [Collect::Collected, Collect::Kept].map(|collect| Index::new(collect, IndexLimits::NONE));
        for round in 0..120 {
            let peer = &mut peers[numbers.index(3)];
            peer.edit(&mut numbers);
            if numbers.below(3) == 0 || round == 119 {
                log.append(&mut peer.sent);
                while let Some(bytes) = log.get(peer.read) {
                    let bytes = bytes.clone();
                    peer.apply(&bytes);
                    peer.read += 1;
                }
            }
        }
        for peer in &mut peers {
            log.append(&mut peer.sent);
        }
        for bytes in &log {
            let update = Update::decode(bytes).expect("what yrs writes is accepted");
            for (index, collect) in indexes.iter_mut().zip([Collect::Collected, Collect::Kept]) {
                let admission = index.admit(&update, &mut |_| Verdict::Take);
                assert_eq!((admission.missing, admission.refused), (None, None), "seed {seed}");
                if numbers.below(8) == 0 {
                    *index = restored(index, collect);
                }
            }
        }
        for peer in &mut peers {
            let read = peer.read;
            log[read..].iter().for_each(|bytes| peer.apply(bytes));
        }
        let wanted = peers[0].view();
        assert!(peers.iter().all(|peer| peer.view() == wanted), "the peers agree");
        let state = peers[0].doc.transact().state_vector().encode_v1();
        for index in &indexes {
            index.check_invariants();
            assert_eq!(StateVector::decode(&state).as_ref(), Ok(index.state_vector()));
            assert_eq!(fed(&index.encode()), wanted, "seed {seed}");
        }
        let rows: Vec<&[u8]> = log.iter().map(Vec::as_slice).collect();
        assert_eq!(fed(&merge(&rows).expect("sound")), wanted, "seed {seed}");
    }
}
