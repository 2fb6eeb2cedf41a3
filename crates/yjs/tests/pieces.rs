//! What is small as it comes and falls into many pieces is counted as what it becomes.

mod support;

use support::{admit, update};
use tandem_model::Id;
use tandem_yjs::lib0::write_var_uint;
use tandem_yjs::{Cause, Collect, Index, IndexLimits};

fn index(structs: u64) -> Index {
    Index::new(Collect::Collected, IndexLimits { structs, ..IndexLimits::NONE })
}

/// Every other of so many letters, from the first on.
fn every_other(letters: u64) -> Vec<(u64, u64)> {
    (0..letters / 2).map(|at| (2 * at, 1)).collect()
}

#[test]
fn values_under_a_key_that_are_not_deleted_count_one_by_one() {
    let mut index = index(1_000);
    admit(&mut index, &update().client(1, 0).raw(&[0x28, 1, 1, b'm', 1, b'k', 1, 126]).finish());
    let values = |count: u64| {
        let mut one = vec![0x68, 1, 0];
        write_var_uint(&mut one, count);
        one.resize(one.len() + usize::try_from(count).expect("few"), 126);
        one
    };
    let admission = admit(&mut index, &update().client(2, 0).raw(&values(1_000)).finish());
    assert_eq!((admission.refused, admission.cause), (Some(Id::new(2, 0)), Some(Cause::Full)));
    assert_eq!((index.structs(), index.clients()), (1, 1));
    let admission = admit(&mut index, &update().client(2, 0).raw(&values(999)).finish());
    assert_eq!((admission.refused, index.structs()), (None, 1_000));
    index.check_invariants();
}

#[test]
fn values_that_hang_nowhere_count_one_by_one_if_they_say_that_they_have_a_key() {
    let collected = update().client(1, 0).raw(&[0, 1]);
    // Right of what is collected; under a key of what is collected.
    for head in [&[0x68, 1, 0][..], &[0x28, 0, 1, 0, 1, b'k']] {
        let mut index = index(1_000);
        admit(&mut index, &collected.clone().finish());
        let values = |count: u64| {
            let mut one = head.to_vec();
            write_var_uint(&mut one, count);
            one.resize(one.len() + usize::try_from(count).expect("few"), 126);
            update().client(2, 0).raw(&one).finish()
        };
        let admission = admit(&mut index, &values(1_000));
        assert_eq!((admission.refused, admission.cause), (Some(Id::new(2, 0)), Some(Cause::Full)));
        let admission = admit(&mut index, &values(999));
        assert_eq!((admission.refused, index.structs()), (None, 1_000));
    }
}

#[test]
fn deletions_cut_a_document_into_twice_as_many_pieces_as_are_allowed_and_no_more() {
    let mut index = index(1_000);
    let text = "a".repeat(4_000);
    admit(&mut index, &update().client(1, 0).root_text(&text).finish());
    let admission = admit(&mut index, &update().delete(1, &every_other(2_000)).finish());
    assert_eq!((admission.refused, admission.cause), (Some(Id::new(1, 0)), Some(Cause::Full)));
    assert_eq!((admission.taken, admission.full, index.structs()), (None, true, 1));
    let admission = admit(&mut index, &update().delete(1, &every_other(1_800)).finish());
    assert_eq!((admission.refused, index.structs()), (None, 1_800));
    let known = admit(&mut index, &update().delete(1, &every_other(1_800)).finish());
    assert_eq!((known.refused, known.taken), (None, None), "what is deleted already cuts nothing");
    let admission = admit(&mut index, &update().delete(1, &[(0, 4_000)]).finish());
    assert_eq!(
        (admission.refused, index.structs()),
        (None, 1),
        "the way down stays open: gaps that are filled cut nothing"
    );
    index.check_invariants();
}

#[test]
fn what_comes_with_its_deletions_counts_the_pieces_that_it_is_cut_into() {
    let mut index = index(1_000);
    let text = "a".repeat(2_000);
    let admission = admit(&mut index, &update().client(1, 0).root_text(&text).delete(1, &every_other(1_002)).finish());
    assert_eq!((admission.refused, admission.cause), (Some(Id::new(1, 0)), Some(Cause::Full)));
    assert_eq!(index.clients(), 0);
    let admission = admit(&mut index, &update().client(1, 0).root_text(&text).delete(1, &every_other(1_000)).finish());
    assert_eq!((admission.refused, index.structs()), (None, 1_000));
    index.check_invariants();
}

#[test]
fn an_update_falls_into_so_many_pieces_and_no_more() {
    let mut index = Index::new(Collect::Collected, IndexLimits { pieces: 10, ..IndexLimits::NONE });
    let text = "a".repeat(100);
    let admission = admit(&mut index, &update().client(1, 0).root_text(&text).delete(1, &every_other(14)).finish());
    assert_eq!((admission.refused, admission.cause), (Some(Id::new(1, 0)), Some(Cause::Pieces)));
    assert_eq!((admission.full, index.clients()), (false, 0));
    let admission = admit(&mut index, &update().client(1, 0).root_text(&text).delete(1, &every_other(10)).finish());
    assert_eq!((admission.refused, index.structs()), (None, 10));
    let later = admit(&mut index, &update().delete(1, &every_other(100)).finish());
    assert_eq!((later.refused, index.structs()), (None, 100), "what is there already is deleted however it lies");
    index.check_invariants();
}
