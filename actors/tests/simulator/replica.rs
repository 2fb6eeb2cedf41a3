//! A client's document, edited at random.

use std::cell::Cell;

use yrs::block::ClientID;
use yrs::types::ToJson;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Any, Array, Doc, GetString, Map, MapPrelim, OffsetKind, Options, Out, ReadTxn, Snapshot, StateVector, Text,
    Transact, Update,
};

use crate::dice::Dice;

/// An update that says nothing.
pub const NOTHING: &[u8] = &[0, 0];

const WORDS: [&str; 6] = ["a", "bc ", "lorem ", "d\u{e9}f", "\u{1f600}", "ipsum dolor sit amet "];
const KEYS: [&str; 4] = ["k", "l", "m", "n"];

/// One copy of a document.
pub struct Replica {
    doc: Doc,
    /// Its Yjs client id.
    pub id: u64,
    changes: Cell<u64>,
}

/// What a copy shows, to compare.
#[derive(Debug, PartialEq)]
pub struct View {
    pub snapshot: Snapshot,
    pub text: String,
    pub map: Any,
    pub array: Any,
}

impl Replica {
    /// An empty copy.
    pub fn new(id: u64) -> Self {
        let options = Options {
            client_id: ClientID::new(id),
            guid: "simulated".into(),
            offset_kind: OffsetKind::Utf16,
            ..Options::default()
        };
        let doc = Doc::with_options(options);
        doc.get_or_insert_text("t");
        doc.get_or_insert_map("m");
        doc.get_or_insert_array("a");
        Self { doc, id, changes: Cell::new(0) }
    }

    /// A number that grows whenever something may have changed.
    pub fn changes(&self) -> u64 {
        self.changes.get()
    }

    fn changed(&self) {
        self.changes.set(self.changes.get() + 1);
    }

    /// Edits something; returns the update, unless nothing came of it.
    pub fn edit(&self, dice: &mut Dice) -> Option<Vec<u8>> {
        self.changed();
        let (text, map, array) =
            (self.doc.get_or_insert_text("t"), self.doc.get_or_insert_map("m"), self.doc.get_or_insert_array("a"));
        let mut txn = self.doc.transact_mut();
        for _ in 0..=dice.below(2) {
            let (length, items) = (text.len(&txn), array.len(&txn));
            match dice.below(12) {
                0..=4 => text.insert(&mut txn, at(dice, length + 1), dice.pick(&WORDS)),
                5 | 6 if length > 0 => {
                    let from = at(dice, length);
                    text.remove_range(&mut txn, from, 1 + at(dice, (length - from).min(8)));
                }
                7 => drop(map.insert(&mut txn, dice.pick(&KEYS), i64::from(at(dice, 100)))),
                8 => drop(map.remove(&mut txn, dice.pick(&KEYS))),
                9 if items > 1 => array.remove(&mut txn, at(dice, items)),
                10 => drop(array.insert(&mut txn, at(dice, items + 1), MapPrelim::from([("x", 1)]))),
                _ => match (items > 0).then(|| array.get(&txn, at(dice, items))).flatten() {
                    Some(Out::YMap(inner)) => drop(inner.insert(&mut txn, dice.pick(&KEYS), i64::from(at(dice, 100)))),
                    _ => drop(array.insert(&mut txn, at(dice, items + 1), i64::from(at(dice, 100)))),
                },
            }
        }
        Some(txn.encode_update_v1()).filter(|update| update != NOTHING)
    }

    /// Writes `word` into the text.
    pub fn write(&self, word: &str, dice: &mut Dice) -> Vec<u8> {
        self.changed();
        let text = self.doc.get_or_insert_text("t");
        let mut txn = self.doc.transact_mut();
        let length = text.len(&txn);
        text.insert(&mut txn, at(dice, length + 1), word);
        txn.encode_update_v1()
    }

    /// Takes an update in.
    ///
    /// # Errors
    /// What a client must never be sent: bytes that cannot be applied, or structs without their causes.
    pub fn apply(&self, update: &[u8]) -> Result<(), String> {
        let decoded = Update::decode_v1(update).map_err(|error| format!("an update cannot be read: {error}"))?;
        self.changed();
        let mut txn = self.doc.transact_mut();
        txn.apply_update(decoded).map_err(|error| format!("an update cannot be applied: {error}"))?;
        if txn.has_missing_updates() { Err("an update needs what was not sent".into()) } else { Ok(()) }
    }

    /// Its encoded state vector.
    pub fn vector(&self) -> Vec<u8> {
        self.doc.transact().state_vector().encode_v1()
    }

    /// What somebody with this state vector misses.
    pub fn difference(&self, vector: &[u8]) -> Vec<u8> {
        let vector = StateVector::decode_v1(vector).expect("a state vector of a room or of a replica");
        self.doc.transact().encode_state_as_update_v1(&vector)
    }

    /// The whole of it.
    pub fn whole(&self) -> Vec<u8> {
        self.doc.transact().encode_state_as_update_v1(&StateVector::default())
    }

    /// Deletions only, all of them.
    pub fn deletions(&self) -> Vec<u8> {
        self.difference(&self.vector())
    }

    /// Its state vector and deletions.
    pub fn snapshot(&self) -> Snapshot {
        self.doc.transact().snapshot()
    }

    /// What it shows.
    pub fn view(&self) -> View {
        let (text, map, array) =
            (self.doc.get_or_insert_text("t"), self.doc.get_or_insert_map("m"), self.doc.get_or_insert_array("a"));
        let txn = self.doc.transact();
        View {
            snapshot: txn.snapshot(),
            text: text.get_string(&txn),
            map: map.to_json(&txn),
            array: array.to_json(&txn),
        }
    }
}

/// A place below `end`.
fn at(dice: &mut Dice, end: u32) -> u32 {
    u32::try_from(dice.below(u64::from(end))).expect("below a length")
}
