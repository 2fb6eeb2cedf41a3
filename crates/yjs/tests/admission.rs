//! What an index takes of an update, and what it answers about the rest.

use tandem_yjs::{Admission, Collect, Id, Index, IndexLimits, StateVector, Update, Verdict};

/// Client 1 inserts "hi" into the root text "t".
const HI: &[u8] = &[1, 1, 1, 0, 4, 1, 1, b't', 2, b'h', b'i', 0];
/// Client 1 goes on with "!", clock 2.
const BANG: &[u8] = &[1, 1, 1, 2, 0x84, 1, 1, 1, b'!', 0];

fn index() -> Index {
    Index::new(Collect::Collected, IndexLimits::NONE)
}

fn admit(index: &mut Index, bytes: &[u8]) -> Admission {
    let update = Update::decode(bytes).expect("the update is sound");
    let admission = index.admit(&update, &mut |_| Verdict::Take);
    index.check_invariants();
    admission
}

#[test]
fn a_first_update_is_taken_as_it_is() {
    let mut index = index();
    let admission = admit(&mut index, HI);
    assert_eq!(admission.taken.as_deref(), Some(HI));
    assert_eq!(admission.before, [(Id::new(1, 0).client, 0)]);
    assert!(admission.new_structs && !admission.new_deletions);
    assert_eq!(index.encode(), HI);
    assert_eq!(index.state_vector().encode(), [1, 1, 2]);
}

#[test]
fn what_follows_is_joined_to_what_is_there() {
    let mut index = index();
    admit(&mut index, HI);
    let admission = admit(&mut index, BANG);
    assert_eq!(admission.taken.as_deref(), Some(BANG));
    assert_eq!(index.encode(), [1, 1, 1, 0, 4, 1, 1, b't', 3, b'h', b'i', b'!', 0]);
    assert_eq!(index.structs(), 1);
}

#[test]
fn a_repeat_brings_nothing() {
    let mut index = index();
    admit(&mut index, HI);
    assert!(index.holds(&Update::decode(HI).expect("sound")));
    assert_eq!(admit(&mut index, HI), Admission::default());
}

#[test]
fn a_gap_is_missing_and_nothing_of_it_is_kept() {
    let mut index = index();
    let admission = admit(&mut index, BANG);
    assert_eq!(admission, Admission { missing: Some(Id::new(1, 0)), ..Admission::default() });
    assert_eq!(index.encode(), [0, 0]);
}

#[test]
fn a_difference_starts_in_the_middle_of_a_struct() {
    let mut index = index();
    admit(&mut index, HI);
    let since: StateVector = [(Id::new(1, 0).client, 1)].into_iter().collect();
    assert_eq!(index.difference(&since), [1, 1, 1, 1, 0x84, 1, 0, 1, b'i', 0]);
}

#[test]
fn deleted_content_is_collected() {
    let mut index = index();
    admit(&mut index, HI);
    let admission = admit(&mut index, &[0, 1, 1, 1, 0, 1]);
    assert_eq!(admission.taken, Some(vec![0, 1, 1, 1, 0, 1]));
    assert!(admission.new_deletions && !admission.new_structs);
    assert_eq!(index.encode(), [1, 2, 1, 0, 1, 1, 1, b't', 1, 0x84, 1, 0, 1, b'i', 1, 1, 1, 0, 1]);
}
