//! What an index takes of an update, and what it answers about the rest.

mod support;

use support::{admit, collecting, keeping, reloaded, update};
use tandem_yjs::{
    Admission, Cause, ClientId, Collect, Id, Index, IndexLimits, StateVector, TYPE_NESTING_MAX, Update, Verdict,
};

/// Client 1 inserts "hi" into the root text "t": the vector of the protocol's description.
const HI: &[u8] = &[1, 1, 1, 0, 4, 1, 1, b't', 2, b'h', b'i', 0];

fn missing(client: u64, clock: u64) -> Admission<'static> {
    Admission { missing: Some(Id::new(client, clock)), ..Admission::default() }
}

#[test]
fn a_first_update_is_taken_as_it_is() {
    let mut index = collecting();
    let admission = admit(&mut index, HI);
    assert_eq!(admission.taken.as_deref(), Some(HI));
    assert_eq!(admission.before, [(ClientId(1), 0)]);
    assert!(admission.new_structs && !admission.new_deletions);
    assert_eq!(index.encode(), HI);
    assert_eq!(index.state_vector().encode(), [1, 1, 2]);
    assert_eq!((index.clients(), index.structs(), index.bytes()), (1, 1, 7));
}

#[test]
fn what_follows_is_joined_to_what_is_there() {
    let mut index = collecting();
    admit(&mut index, HI);
    let bang = update().client(1, 2).text_after((1, 1), "!").finish();
    let admission = admit(&mut index, &bang);
    assert_eq!(admission.taken.as_deref(), Some(&*bang));
    assert_eq!(admission.before, [(ClientId(1), 2)]);
    assert_eq!(index.encode(), update().client(1, 0).root_text("hi!").finish());
}

#[test]
fn a_repeat_brings_nothing() {
    let mut index = collecting();
    admit(&mut index, HI);
    assert!(index.holds(&Update::decode(HI).expect("sound")));
    assert_eq!(admit(&mut index, HI), Admission::default());
}

#[test]
fn what_comes_as_deleted_is_passed_on_with_its_deletion() {
    // A struct that was collected where it comes from: who holds its content learns of the deletion from the ranges.
    let collected = || update().client(1, 2).raw(&[0, 3]);
    for bytes in [collected().delete(1, &[(2, 3)]).finish(), collected().finish()] {
        let mut index = collecting();
        admit(&mut index, HI);
        let admission = admit(&mut index, &bytes);
        assert_eq!(admission.taken.as_deref(), Some(&*collected().delete(1, &[(2, 3)]).finish()));
        assert!(admission.new_deletions);
    }
}

#[test]
fn a_gap_is_missing_and_nothing_of_it_is_kept() {
    let mut index = collecting();
    let late = update().client(1, 2).text_after((1, 1), "!").finish();
    assert_eq!(admit(&mut index, &late), missing(1, 0));
    assert_eq!(index.encode(), [0, 0]);
    assert!(!index.holds(&Update::decode(&late).expect("sound")));
}

#[test]
fn what_a_skip_passes_over_is_missing_unless_it_is_held() {
    let skipping = update().client(1, 0).root_text("a").raw(&[10, 2]).text_after((1, 2), "z").finish();
    let mut index = collecting();
    let admission = admit(&mut index, &skipping);
    assert_eq!(admission.missing, Some(Id::new(1, 1)));
    assert_eq!(admission.taken.as_deref(), Some(&*update().client(1, 0).root_text("a").finish()));

    let mut index = collecting();
    admit(&mut index, &update().client(1, 0).root_text("abc").finish());
    let admission = admit(&mut index, &skipping);
    assert_eq!(admission.missing, None);
    assert_eq!(index.encode(), update().client(1, 0).root_text("abcz").finish());
}

#[test]
fn an_origin_a_right_origin_and_a_parent_must_be_there() {
    for needing in
        [&[0x84, 9, 3, 1, b'x'][..], &[0x44, 9, 3, 1, b'x'], &[4, 0, 9, 3, 1, b'x'], &[0xc4, 1, 0, 9, 3, 1, b'x']]
    {
        let mut index = collecting();
        admit(&mut index, HI);
        let bytes = update().client(2, 0).raw(needing).finish();
        assert_eq!(admit(&mut index, &bytes), missing(9, 3), "{needing:?}");
    }
}

#[test]
fn an_order_is_found_within_the_update() {
    // 3 needs 2 needs 1, and 1 goes on behind 3: listed highest first, as Yjs does.
    let bytes = update()
        .client(3, 0)
        .text_after((2, 0), "c")
        .client(2, 0)
        .text_after((1, 0), "b")
        .client(1, 0)
        .root_text("a")
        .text_after((3, 0), "d")
        .finish();
    let mut index = collecting();
    let admission = admit(&mut index, &bytes);
    assert_eq!(admission.taken.as_deref(), Some(&*bytes.clone()));
    assert_eq!(index.encode(), bytes);
}

#[test]
fn clients_that_alternate_are_no_cycle() {
    let bytes = update()
        .client(2, 0)
        .text_after((1, 0), "b")
        .text_after((1, 1), "d")
        .client(1, 0)
        .root_text("a")
        .text_after((2, 0), "c")
        .text_after((2, 1), "e")
        .finish();
    let admission = admit(&mut collecting(), &bytes);
    assert_eq!(admission.taken.as_deref(), Some(&*bytes));
}

#[test]
fn a_cycle_is_refused_for_good_and_the_rest_is_taken() {
    let bytes = update()
        .client(3, 0)
        .root_text("fine")
        .client(2, 0)
        .text_after((1, 0), "b")
        .client(1, 0)
        .text_after((2, 0), "a")
        .finish();
    let admission = admit(&mut collecting(), &bytes);
    assert_eq!(admission.cause, Some(Cause::Cycle));
    assert!(admission.refused.is_some() && admission.missing.is_none());
    assert_eq!(admission.taken.as_deref(), Some(&*update().client(3, 0).root_text("fine").finish()));
}

#[test]
fn what_is_withheld_is_not_missing_nor_is_what_depends_on_it() {
    let bytes =
        update().client(2, 0).text_after((1, 1), "b").client(1, 0).root_text("aa").delete(1, &[(0, 1)]).finish();
    let mut index = collecting();
    let mut asked = Vec::new();
    let admission = index.admit(&Update::decode(&bytes).expect("sound"), &mut |id| {
        asked.push(id);
        if id.client == ClientId(1) { Verdict::Withhold } else { Verdict::Take }
    });
    assert_eq!(asked, [Id::new(2, 0), Id::new(1, 0)], "each client is asked for once");
    assert_eq!(admission, Admission { withheld: vec![Id::new(1, 0)], ..Admission::default() });
}

#[test]
fn what_the_judge_refuses_is_refused_with_what_depends_on_it() {
    let bytes =
        update().client(2, 0).text_after((1, 1), "b").client(1, 0).root_text("aa").delete(1, &[(0, 1)]).finish();
    let mut index = collecting();
    let refuse = &mut |id: Id| if id.client == ClientId(1) { Verdict::Refuse } else { Verdict::Take };
    let admission = index.admit(&Update::decode(&bytes).expect("sound"), refuse);
    assert_eq!((admission.refused, admission.cause), (Some(Id::new(1, 0)), Some(Cause::Judged)));
    assert_eq!((admission.taken, admission.missing), (None, None));
}

#[test]
fn the_judge_is_not_asked_about_what_is_known() {
    let mut index = collecting();
    admit(&mut index, HI);
    let more = update().client(1, 0).root_text("hi").text_after((1, 1), "!").finish();
    let mut asked = Vec::new();
    let update = Update::decode(&more).expect("sound");
    index.admit(&update, &mut |id| {
        asked.push(id);
        Verdict::Take
    });
    assert_eq!(asked, [Id::new(1, 2)]);
    index.admit(&update, &mut |_| panic!("nothing is new"));
}

#[test]
fn of_what_overlaps_the_first_copy_stays() {
    let mut index = collecting();
    admit(&mut index, HI);
    let other = update().client(1, 0).root_text("HELLO").finish();
    let admission = admit(&mut index, &other);
    assert_eq!(admission.taken.as_deref(), Some(&*update().client(1, 2).text_after((1, 1), "LLO").finish()));
    assert_eq!(index.encode(), update().client(1, 0).root_text("hiLLO").finish());
}

#[test]
fn a_cut_in_a_surrogate_pair_leaves_a_replacement_on_both_sides() {
    let mut index = collecting();
    admit(&mut index, &update().client(1, 0).root_text("a").finish());
    let admission = admit(&mut index, &update().client(1, 0).root_text("\u{1f600}b").finish());
    assert_eq!(admission.taken.as_deref(), Some(&*update().client(1, 1).text_after((1, 0), "\u{fffd}b").finish()));

    let mut index = collecting();
    admit(&mut index, &update().client(1, 0).root_text("x\u{1f600}y").finish());
    admit(&mut index, &update().delete(1, &[(2, 1)]).finish());
    let expected = update()
        .client(1, 0)
        .root_text("x\u{fffd}")
        .raw(&[0x81, 1, 1, 1])
        .text_after((1, 2), "y")
        .delete(1, &[(2, 1)])
        .finish();
    assert_eq!(index.encode(), expected);
    let since = [(ClientId(1), 2)].into_iter().collect::<StateVector>();
    let mut index = keeping();
    admit(&mut index, &update().client(1, 0).root_text("x\u{1f600}y").finish());
    assert_eq!(index.difference(&since), update().client(1, 2).text_after((1, 1), "\u{fffd}y").finish());
}

#[test]
fn deletions_are_taken_as_far_as_their_clocks_are_known() {
    let mut index = collecting();
    admit(&mut index, HI);
    let admission = admit(&mut index, &update().delete(1, &[(1, 4)]).delete(7, &[(3, 1)]).finish());
    assert_eq!(admission.missing, Some(Id::new(1, 2)));
    assert_eq!(admission.taken.as_deref(), Some(&*update().delete(1, &[(1, 1)]).finish()));
    assert!(admission.new_deletions && !admission.new_structs);
    let again = admit(&mut index, &update().delete(1, &[(1, 1)]).finish());
    assert_eq!(again, Admission::default(), "what is known is not new");
}

#[test]
fn only_what_is_new_of_a_deletion_is_passed_on() {
    let mut index = collecting();
    admit(&mut index, &update().client(1, 0).root_text("abcdefgh").finish());
    admit(&mut index, &update().delete(1, &[(2, 2)]).finish());
    let admission = admit(&mut index, &update().delete(1, &[(6, 1), (1, 4)]).finish());
    assert_eq!(admission.taken.as_deref(), Some(&*update().delete(1, &[(1, 1), (4, 1), (6, 1)]).finish()));
}

#[test]
fn deleted_content_is_collected_or_kept_as_asked() {
    let hi = update().client(1, 0).root_text("hi").delete(1, &[(0, 1)]).finish();
    let mut index = collecting();
    let admission = admit(&mut index, &hi);
    let collected =
        update().client(1, 0).raw(&[1, 1, 1, b't', 1]).text_after((1, 0), "i").delete(1, &[(0, 1)]).finish();
    assert_eq!(admission.taken.as_deref(), Some(&*collected), "what is relayed holds no deleted content either");
    assert_eq!(index.encode(), collected);
    let mut index = keeping();
    admit(&mut index, &hi);
    assert_eq!(index.encode(), hi);
}

#[test]
fn a_type_stays_when_it_is_deleted() {
    let map = update().client(1, 0).raw(&[7, 1, 1, b'm', 1]).delete(1, &[(0, 1)]).finish();
    let mut index = collecting();
    admit(&mut index, &map);
    assert_eq!(index.encode(), map);
}

#[test]
fn values_under_a_key_stay_single_until_they_are_deleted() {
    // Two values under "k" in one struct: Yjs would leave the first alive, and throw once its parent is deleted.
    let both = update().client(1, 0).raw(&[0x28, 1, 1, b'm', 1, b'k', 2, 120, 121]).finish();
    let single = update().client(1, 0).raw(&[0x28, 1, 1, b'm', 1, b'k', 1, 120]).raw(&[0xa8, 1, 0, 1, 121]);
    let mut index = keeping();
    assert_eq!(admit(&mut index, &both).taken.as_deref(), Some(&*single.finish()));
    let second = update().client(1, 2).raw(&[0x88, 1, 1, 1, 126]).finish();
    let admission = admit(&mut index, &second);
    assert_eq!(index.structs(), 3);
    let keyed = update().client(1, 2).raw(&[0xa8, 1, 1, 1, 126]).finish();
    assert_eq!(admission.taken.as_deref(), Some(&*keyed), "it says its key");
    let deleted = update().client(1, 0).raw(&[0x28, 1, 1, b'm', 1, b'k', 2, 120, 121]).delete(1, &[(0, 2)]).finish();
    let mut index = keeping();
    admit(&mut index, &deleted);
    assert_eq!(index.encode(), deleted, "deleted ones stay together");
}

#[test]
fn what_comes_as_deleted_is_deleted() {
    let gone = update().client(1, 0).raw(&[0, 3]).raw(&[1, 1, 1, b't', 2]).finish();
    let mut index = collecting();
    admit(&mut index, &gone);
    assert!(index.holds(&Update::decode(&update().delete(1, &[(0, 5)]).finish()).expect("sound")));
    assert_eq!(admit(&mut index, &update().delete(1, &[(0, 5)]).finish()), Admission::default());
}

#[test]
fn at_a_limit_new_structs_are_refused_and_deletions_are_taken() {
    let none = IndexLimits::NONE;
    let limits =
        [IndexLimits { bytes: 7, ..none }, IndexLimits { clients: 1, ..none }, IndexLimits { structs: 1, ..none }];
    for limits in limits {
        let mut index = Index::new(Collect::Collected, limits);
        admit(&mut index, HI);
        let more = update().client(2, 0).root_text("more").delete(1, &[(0, 2)]).finish();
        let admission = admit(&mut index, &more);
        assert!(admission.full, "{limits:?}");
        assert_eq!((admission.refused, admission.cause), (Some(Id::new(2, 0)), Some(Cause::Full)));
        assert_eq!(admission.taken.as_deref(), Some(&*update().delete(1, &[(0, 2)]).finish()));
        assert_eq!(index.clients(), 1);
    }
}

#[test]
fn types_hang_in_one_another_only_so_deep() {
    let deepest = u64::from(TYPE_NESTING_MAX);
    let mut bytes = update().client(1, 0).raw(&[7, 1, 1, b't', 1]);
    for above in 0..=deepest {
        let mut child = vec![7, 0, 1];
        tandem_yjs::lib0::write_var_uint(&mut child, above);
        child.push(1);
        bytes = bytes.raw(&child);
    }
    let mut index = collecting();
    let admission = admit(&mut index, &bytes.finish());
    assert_eq!((admission.refused, admission.cause), (Some(Id::new(1, deepest + 1)), Some(Cause::Depth)));
    assert_eq!(index.state_vector().get(ClientId(1)), deepest + 1);
}

#[test]
fn a_difference_starts_in_the_middle_of_a_struct_and_carries_every_deletion() {
    let mut index = keeping();
    admit(&mut index, &update().client(1, 0).root_text("hello").delete(1, &[(0, 1)]).finish());
    let since: StateVector = [(ClientId(1), 3), (ClientId(9), 9)].into_iter().collect();
    let expected = update().client(1, 3).text_after((1, 2), "lo").delete(1, &[(0, 1)]).finish();
    assert_eq!(index.difference(&since), expected);
    assert!(!index.covers(&since));
    let all: StateVector = [(ClientId(1), 5)].into_iter().collect();
    assert!(index.covers(&all));
    assert_eq!(index.difference(&all), update().delete(1, &[(0, 1)]).finish());
}

#[test]
fn an_index_loaded_from_an_encoding_is_the_same_index() {
    for collect in [Collect::Collected, Collect::Kept] {
        let mut index = Index::new(collect, IndexLimits::NONE);
        let mut bytes = update().client(1, 0).root_text("start");
        for clock in 0..2000 {
            bytes = bytes.text_after((1, clock % 5), "x");
        }
        admit(&mut index, &bytes.delete(1, &[(3, 700), (900, 5)]).finish());
        assert_eq!(reloaded(&index, collect).encode(), index.encode());
    }
}

#[test]
fn a_long_text_comes_apart_where_it_is_touched_and_reads_the_same() {
    let long = "x\u{1f600}d\u{e9}f".repeat(20_000);
    for collect in [Collect::Collected, Collect::Kept] {
        let mut index = Index::new(collect, IndexLimits::NONE);
        admit(&mut index, &update().client(1, 0).root_text(&long).finish());
        assert_eq!(index.structs(), 1);
        admit(&mut index, &update().delete(1, &[(60_000, 6)]).finish());
        let pieces = index.structs();
        assert_eq!(pieces > 5, collect == Collect::Collected, "{pieces} pieces");
        assert_eq!(reloaded(&index, collect).encode(), index.encode());
        assert_eq!(index.state_vector().get(ClientId(1)), 120_000);
        let encoded = index.encode();
        let text = String::from_utf8_lossy(&encoded);
        let left = if collect == Collect::Kept { 20_000 } else { 19_999 };
        for letter in ['f', '\u{1f600}'] {
            assert_eq!(text.matches(letter).count(), left, "no pair is cut");
        }
    }
}

#[test]
fn an_update_of_more_clients_than_may_be_here_is_known_before_it_is_read() {
    let said = |count: u8| {
        let mut bytes = vec![count];
        (1..=count).for_each(|client| bytes.extend([1, client, 0, 0, 1]));
        bytes.push(0);
        Update::clients_said(&bytes)
    };
    let mut index = Index::new(Collect::Collected, IndexLimits { clients: 3, ..IndexLimits::NONE });
    assert_eq!((said(3), said(4)), (Some(3), Some(4)));
    assert!(index.may_hold_clients(3) && !index.may_hold_clients(4));
    assert_eq!(Update::clients_said(&[100, 1, 1, 0]), None, "it is too short to be believed");
    // What is here already counts even where the limit was lowered.
    index.admit(&Update::decode(&[2, 1, 2, 0, 0, 1, 1, 1, 0, 0, 1, 0]).expect("sound"), &mut |_| Verdict::Take);
    index.set_limits(IndexLimits { clients: 1, ..IndexLimits::NONE });
    assert!(index.may_hold_clients(2) && !index.may_hold_clients(3));
}
