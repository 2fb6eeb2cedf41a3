//! What one person types, takes back and types elsewhere, edit by edit: what is held is what a load of it holds.

mod support;

use std::borrow::Cow;

use support::{Numbers, collecting, reloaded, update};
use tandem_yjs::{Collect, Update, Verdict};

#[test]
fn what_is_taken_back_letter_by_letter_is_held_as_if_it_came_at_once() {
    let mut longest = 0;
    for seed in 0..40 {
        let (mut numbers, mut index) = (Numbers::new(seed), collecting());
        let (mut written, mut cursor) = (0, 0);
        let mut all = vec![];
        for _ in 0..600 {
            let chance = numbers.below(10);
            let edit = if written == 0 {
                written += 1;
                update().client(1, 0).root_text("a")
            } else if chance < 5 {
                let one = update().client(1, written).text_after((1, cursor), "x");
                (cursor, written) = (written, written + 1);
                one
            } else if chance < 6 {
                cursor = numbers.below(written);
                let one = update().client(1, written).text_after((1, cursor), "a word");
                (cursor, written) = (written + 5, written + 6);
                one
            } else {
                let length = if chance == 6 { 1 + numbers.below(9) } else { 1 };
                let from = if chance == 9 { numbers.below(written) } else { cursor };
                cursor = cursor.saturating_sub(1);
                update().delete(1, &[(from, length.min(written - from))])
            };
            all.push(edit.finish());
        }
        for edit in &all {
            let decoded = Update::decode(edit).expect("sound");
            let lacked = !index.holds(&decoded);
            let admission = index.admit(&decoded, &mut |_| Verdict::Take);
            index.check_invariants();
            assert_eq!(admission.taken.is_some(), lacked);
            if admission.taken.as_deref() == Some(edit) {
                assert!(matches!(admission.taken, Some(Cow::Borrowed(_))), "what came so is passed on so");
            }
        }
        let (loaded, bytes) = (reloaded(&index, Collect::Collected), index.encode());
        assert_eq!((loaded.encode(), loaded.structs()), (bytes, index.structs()));
        longest = longest.max(index.structs());
    }
    assert!(longest > 200, "{longest} structs stand in more than one chunk");
}
