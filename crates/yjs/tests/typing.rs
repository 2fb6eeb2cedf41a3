//! What one person types, takes back and types elsewhere, edit by edit: what is held is what a load of it holds.

mod support;

use std::borrow::Cow;

use support::{Numbers, admit, collecting, reloaded, update};
use tandem_yjs::{Collect, Update, Verdict, merge};

#[test]
fn what_is_taken_back_letter_by_letter_is_held_as_if_it_came_at_once() {
    let mut longest = 0;
    for seed in 0..30 {
        let (mut numbers, mut index) = (Numbers::new(seed), collecting());
        let (mut written, mut cursor, mut ahead) = (0, 0, 0);
        let mut all = vec![];
        for _ in 0..1_200 {
            let chance = numbers.below(10);
            let edit = if written == 0 {
                written = 3_000;
                update().client(1, 0).root_text(&"pasted".repeat(500))
            } else if chance < 5 {
                let one = update().client(1, written).text_after((1, cursor), "x");
                (cursor, written) = (written, written + 1);
                one
            } else if chance < 6 {
                cursor = numbers.below(written);
                let one = update().client(1, written).text_after((1, cursor), &"a word ".repeat(20));
                (cursor, written) = (written + 139, written + 140);
                one
            } else {
                // Backwards, forwards, and here and there.
                let length = if chance == 6 { 1 + numbers.below(9) } else { 1 };
                let from = match chance {
                    6 | 7 => cursor,
                    8 => ahead,
                    _ => numbers.below(written),
                };
                cursor = cursor.saturating_sub(1);
                ahead = (from + length) % written;
                update().delete(1, &[(from, length.min(written - from))])
            };
            all.push(edit.finish());
        }
        for (number, edit) in all.iter().enumerate() {
            let decoded = Update::decode(edit).expect("sound");
            let lacked = !index.holds(&decoded);
            let admission = index.admit(&decoded, &mut |_| Verdict::Take);
            assert_eq!(admission.taken.is_some(), lacked);
            if admission.taken.as_deref() == Some(edit) {
                assert!(matches!(admission.taken, Some(Cow::Borrowed(_))), "what came so is passed on so");
            }
            if number % 20 == 0 {
                assert_eq!(
                    reloaded(&index, Collect::Collected).structs(),
                    index.structs(),
                    "seed {seed}, edit {number}"
                );
            }
        }
        index.check_invariants();
        let updates: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
        let mut at_once = collecting();
        admit(&mut at_once, &merge(&updates).expect("sound"));
        let held = (index.encode(), index.structs(), index.bytes());
        for (how, other) in [("loaded", reloaded(&index, Collect::Collected)), ("at once", at_once)] {
            assert_eq!((other.encode(), other.structs(), other.bytes()), held, "{how}, seed {seed}");
        }
        longest = longest.max(index.structs());
    }
    assert!(longest > 200, "{longest} structs stand in more than one chunk");
}
