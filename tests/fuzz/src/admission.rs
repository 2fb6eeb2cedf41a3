//! The index of a document: whatever updates come, one after another.

use std::borrow::Cow;

use tandem_yjs::lib0::Reader;
use tandem_yjs::{Admission, Collect, Id, Index, IndexLimits, StateVector, Update, Verdict, merge};

/// The first byte of an input: what is collected, whether limits are low, whether a judge says no, whether the index is
/// stored and taken back after every update.
const KEPT: u8 = 1;
const LIMITED: u8 = 2;
const JUDGED: u8 = 4;
const RESTORED: u8 = 8;

/// Low enough that inputs reach them.
const LOW: IndexLimits = IndexLimits { bytes: 600, clients: 3, structs: 40, pieces: 12 };

/// What is taken is held, is relayed as something that others take whole, and is loaded again from the whole encoding,
/// from a merge and from differences; what is not taken is said. What is taken for an encoding and its outline is an index.
///
/// The first byte tells the circumstances; then come updates, each behind its length.
///
/// # Panics
/// When it is not so.
pub fn admission(data: &[u8]) {
    pair(data);
    let Some((flags, mut rest)) = data.split_first() else { return };
    let collect = if flags & KEPT == 0 { Collect::Collected } else { Collect::Kept };
    let limits = if flags & LIMITED == 0 { IndexLimits::NONE } else { LOW };
    let mut index = Index::new(collect, limits);
    let mut mirror = Index::new(collect, IndexLimits::NONE);
    let mut relayed: Vec<Vec<u8>> = Vec::new();
    while let Some(bytes) = next(&mut rest) {
        vector(bytes);
        let Ok(update) = Update::decode(bytes) else { continue };
        if let Some(taken) = admit(&mut index, bytes, &update, flags & JUDGED != 0) {
            whole(&mut mirror, &taken, "what is relayed");
            relayed.push(taken);
            if flags & RESTORED != 0 {
                index = restored(&index, collect);
                index.set_limits(limits);
            }
        }
    }
    assert_eq!(mirror.state_vector(), index.state_vector(), "who was relayed all has all");
    agree(&index, collect);
    merged(&index, &relayed);
    difference(&index, data.len() as u64);
}

/// The bytes of the next update; the last may be shorter than it says.
fn next<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut reader = Reader::new(rest);
    let length = usize::try_from(reader.var_uint().ok()?).ok()?;
    let from = reader.position();
    let to = from.saturating_add(length).min(rest.len());
    let (update, behind) = (&rest[from..to], &rest[to..]);
    *rest = behind;
    Some(update)
}

fn admit(index: &mut Index, bytes: &[u8], update: &Update<'_>, judged: bool) -> Option<Vec<u8>> {
    let before = index.state_vector().clone();
    let mut twin = index.clone();
    let mut judge = |id| if judged { judge(id) } else { Verdict::Take };
    let admission = index.admit(update, &mut judge);
    index.check_invariants();
    // With a byte behind it, it cannot be passed on as it came.
    let written = [bytes, &[0]].concat();
    let written = twin.admit(&Update::decode(&written).expect("as sound"), &mut judge);
    assert!(matches!(written.taken, None | Some(Cow::Owned(_))));
    assert_eq!(written, admission, "what is passed on as it came is what would be written");
    assert!(index.covers(&before), "nothing is lost");
    for (client, clock) in &admission.before {
        assert!(before.get(*client) == *clock && index.state_vector().get(*client) > *clock);
    }
    let Admission { taken, new_structs, new_deletions, .. } = &admission;
    assert_eq!(taken.is_some(), *new_structs || *new_deletions);
    assert_eq!(is_whole(&admission), index.holds(update), "what is not held is said");
    admission.taken.map(Cow::into_owned)
}

/// Refuses and withholds some ids, always the same.
fn judge(id: Id) -> Verdict {
    match id.client.0.wrapping_mul(31).wrapping_add(id.clock) % 8 {
        0 => Verdict::Withhold,
        1 => Verdict::Refuse,
        _ => Verdict::Take,
    }
}

fn is_whole(admission: &Admission<'_>) -> bool {
    admission.missing.is_none() && admission.refused.is_none() && admission.withheld.is_empty()
}

/// Admits an encoding of our own, which is taken whole.
fn whole(index: &mut Index, bytes: &[u8], what: &str) {
    let update = match Update::decode(bytes) {
        Ok(update) => update,
        Err(refusal) => panic!("{what} is refused: {refusal}"),
    };
    let admission = index.admit(&update, &mut |_| Verdict::Take);
    assert!(is_whole(&admission), "{what} is taken whole, not {admission:?}");
    index.check_invariants();
}

fn loaded(bytes: &[u8], collect: Collect, what: &str) -> Index {
    let mut index = Index::new(collect, IndexLimits::NONE);
    whole(&mut index, bytes, what);
    index
}

/// The same index as it comes back from its encoding and its outline.
fn restored(index: &Index, collect: Collect) -> Index {
    let (encoding, outline) = (index.encode(), index.outline());
    let restored = Index::restore(&encoding, &outline, collect).expect("a pair");
    restored.check_invariants();
    assert_eq!((restored.encode(), restored.outline()), (encoding, outline));
    restored
}

/// Whatever is taken for an encoding and its outline, the index is one.
fn pair(data: &[u8]) {
    let mut reader = Reader::new(data);
    let Ok(outline) = reader.buf() else { return };
    for collect in [Collect::Collected, Collect::Kept] {
        if let Ok(index) = Index::restore(reader.rest(), outline, collect) {
            index.check_invariants();
            restored(&index, collect);
        }
    }
}

/// An index that is loaded from the whole encoding may join more, since it knows at once what is deleted; the next not.
fn agree(index: &Index, collect: Collect) {
    let encoded = index.encode();
    restored(index, collect);
    let again = loaded(&encoded, collect, "the whole encoding");
    assert_eq!(again.state_vector(), index.state_vector());
    let shorter = again.encode();
    assert!(shorter.len() <= encoded.len(), "loading makes nothing longer");
    let update = Update::decode(&encoded).expect("the whole encoding is sound");
    assert!(index.holds(&update) && again.holds(&update), "deletions are kept");
    assert_eq!(loaded(&shorter, collect, "the encoding of what was loaded").encode(), shorter);
}

/// The log of a document, merged, brings all of it.
fn merged(index: &Index, relayed: &[Vec<u8>]) {
    let rows: Vec<&[u8]> = relayed.iter().map(Vec::as_slice).collect();
    let all = merge(&rows).expect("what is relayed is sound");
    let held = loaded(&all, Collect::Kept, "the merge of what was relayed");
    assert_eq!(held.state_vector(), index.state_vector());
    assert_eq!(merge(&[&all]).as_deref(), Ok(all.as_slice()), "what is merged stays as it is");
}

/// A difference begins where its reader ends, and brings nothing that is not there.
fn difference(index: &Index, salt: u64) {
    let since: StateVector =
        index.state_vector().iter().map(|(client, clock)| (client, (client.0 ^ salt) % (clock + 1))).collect();
    let difference = index.difference(&since);
    let update = Update::decode(&difference).expect("a difference is sound");
    assert!(index.holds(&update));
    assert!(update.clients().all(|(client, first, _)| first == since.get(client)), "it starts where one ends");
    let missed = index.state_vector().iter().filter(|(client, clock)| *clock > since.get(*client)).count();
    assert_eq!(update.clients().count(), missed, "it brings all that is missed");
}

/// A state vector that can be read is written and read again as the same.
fn vector(bytes: &[u8]) {
    if let Ok(read) = StateVector::decode(bytes) {
        assert_eq!(StateVector::decode(&read.encode()).as_ref(), Ok(&read));
    }
}
