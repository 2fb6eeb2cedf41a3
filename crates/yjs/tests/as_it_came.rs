//! An update is passed on as it came when all of it is new and written as the index writes it, and at nothing else.

mod support;

use std::borrow::Cow;

use support::{Writer, admit, collecting, update};
use tandem_yjs::{Index, Update, Verdict};

/// Client 5 wrote `abz` and took the `z` back.
fn there() -> Index {
    let mut index = collecting();
    admit(&mut index, &update().client(5, 0).root_text("abz").delete(5, &[(2, 1)]).finish());
    index
}

fn ahead() -> Writer {
    update().client(7, 0).text_after((5, 1), "x")
}

fn taken(index: &mut Index, bytes: &[u8]) -> (bool, Vec<u8>) {
    let decoded = Update::decode(bytes).expect("sound");
    let admission = index.admit(&decoded, &mut |_| Verdict::Take);
    index.check_invariants();
    let taken = admission.taken.expect("something is new");
    (matches!(taken, Cow::Borrowed(_)), taken.into_owned())
}

#[test]
fn what_is_all_new_and_written_as_here_is_passed_on_as_it_came() {
    let new = ahead().client(5, 3).text_after((5, 1), "c").delete(5, &[(0, 1)]).finish();
    let one = |writer: Writer| writer.finish();
    let as_it_came = [
        ("blocks and a deletion", new.clone()),
        ("a deletion alone", one(update().delete(5, &[(0, 1)]))),
        ("several structs", one(ahead().text_after((5, 0), "y"))),
        ("what goes on with the text", one(update().client(5, 3).text_after((5, 2), "c"))),
    ];
    for (what, bytes) in as_it_came {
        assert_eq!(taken(&mut there(), &bytes), (true, bytes), "{what}");
    }
    let block_5 = |writer: Writer| writer.text_after((5, 1), "c");
    let delete = |writer: Writer| one(writer.delete(5, &[(0, 1)]));
    let padded = [&[new[0] | 0x80, 0][..], &new[1..]].concat();
    let anew = [
        ("a byte behind it", [&new[..], &[0]].concat()),
        ("a number in more bytes than it takes", padded),
        ("the lowest client first", delete(block_5(update().client(5, 3)).client(7, 0).text_after((5, 1), "x"))),
        ("an empty block", delete(block_5(ahead().client(6, 0).client(5, 3)))),
        ("a block of a Skip", delete(block_5(ahead().client(6, 0).raw(&[10, 3]).client(5, 3)))),
        ("a Skip over what is known", delete(block_5(ahead().client(5, 2).raw(&[10, 1])))),
        ("a struct that is known", delete(block_5(ahead().client(5, 2).raw(&[0x81, 5, 1, 1])))),
        ("a deletion that is known", one(block_5(ahead().client(5, 3)).delete(5, &[(0, 1), (2, 1)]))),
        ("a deletion twice", one(block_5(ahead().client(5, 3)).delete(5, &[(0, 1), (0, 1)]))),
        ("a deletion of a stranger", one(block_5(ahead().client(5, 3)).delete(9, &[(0, 1)]).delete(5, &[(0, 1)]))),
    ];
    for (what, bytes) in anew {
        assert_eq!(taken(&mut there(), &bytes), (false, new.clone()), "{what}");
    }
}

#[test]
fn what_becomes_something_else_is_written_anew() {
    let one = |writer: Writer| writer.finish();
    let joined = update().client(7, 0).text_after((5, 1), "xy");
    let collected = update().client(7, 0).raw(&[0x81, 5, 1, 1]).delete(7, &[(0, 1)]);
    let becomes = [
        ("structs that join", one(ahead().text_after((7, 0), "y")), one(joined)),
        ("what is known in part", one(update().client(5, 1).text_after((5, 0), "bzc")), {
            one(update().client(5, 3).text_after((5, 2), "c"))
        }),
        ("what comes with its deletion", one(ahead().delete(7, &[(0, 1)])), one(collected.clone())),
        ("what comes without content", one(update().client(7, 0).raw(&[0x81, 5, 1, 1])), one(collected)),
        ("what is collected", one(update().client(7, 0).raw(&[0, 2])), {
            one(update().client(7, 0).raw(&[0, 2]).delete(7, &[(0, 2)]))
        }),
        ("a key where none is", one(update().client(7, 0).raw(&[0xa8, 5, 1, 1, 126])), {
            one(update().client(7, 0).raw(&[0x88, 5, 1, 1, 126]))
        }),
        ("ranges that touch", one(update().delete(5, &[(0, 1), (1, 1)])), one(update().delete(5, &[(0, 2)]))),
        ("ranges in no order", one(update().delete(5, &[(1, 1), (0, 1)])), one(update().delete(5, &[(0, 2)]))),
    ];
    for (what, bytes, written) in becomes {
        assert_eq!(taken(&mut there(), &bytes), (false, written), "{what}");
    }
}

#[test]
fn what_is_written_anew_costs_no_more_than_came() {
    let mut index = collecting();
    // A long run of values, and one behind it in more bytes than it takes.
    admit(&mut index, &update().client(7, 0).raw(&run(1_000)).finish());
    let bytes = update().client(7, 1_000).raw(&[0x88, 7, 0xe7, 7, 1, 126]).finish();
    let padded = [&[bytes[0] | 0x80, 0][..], &bytes[1..]].concat();
    let decoded = Update::decode(&padded).expect("sound");
    let taken = index.admit(&decoded, &mut |_| Verdict::Take).taken.expect("something is new").into_owned();
    assert_eq!(taken, bytes);
    assert!(taken.capacity() <= 64, "{} bytes of room", taken.capacity());
}

/// So many values in a list.
fn run(count: u64) -> Vec<u8> {
    let mut out = vec![8, 1, 1, b'l'];
    tandem_yjs::lib0::write_var_uint(&mut out, count);
    out.resize(out.len() + usize::try_from(count).expect("few"), 126);
    out
}
