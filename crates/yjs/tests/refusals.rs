//! Each rule for which an update is refused whole, and what stands just on its sound side.

mod support;

use support::{Writer, update};
use tandem_yjs::lib0::{MAX_INTEGER, write_buf, write_var_uint};
use tandem_yjs::{NESTING_MAX, Refusal, StateVector, Update};

fn refused(bytes: &[u8]) -> Option<Refusal> {
    Update::decode(bytes).err()
}

/// A struct on the root `t` with this content.
fn with(reference: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![reference, 1, 1, b't'];
    bytes.extend_from_slice(content);
    update().client(1, 0).raw(&bytes).finish()
}

fn json(reference: u8, text: &str) -> Vec<u8> {
    let mut content = if reference == 2 { vec![1] } else { Vec::new() };
    if reference == 6 {
        content.extend([1, b'k']);
    }
    write_buf(&mut content, text.as_bytes());
    with(reference, &content)
}

fn document(options: &[u8]) -> Vec<u8> {
    let mut content = vec![1, b'g'];
    content.extend_from_slice(options);
    with(9, &content)
}

#[test]
fn an_empty_update_is_sound_and_empty() {
    let update = Update::decode(&[0, 0]).expect("sound");
    assert!(update.is_empty() && !update.has_structs() && !update.has_deletions());
}

#[test]
fn the_vectors_of_the_protocol_are_read() {
    let hi = Update::decode(&[1, 1, 1, 0, 4, 1, 1, b't', 2, b'h', b'i', 0]).expect("sound");
    assert_eq!(hi.clients().map(|(client, first, end)| (client.0, first, end)).collect::<Vec<_>>(), [(1, 0, 2)]);
    assert_eq!(hi.ends_beyond(&StateVector::new()).encode(), [1, 1, 2]);
    let document = [&[1, 1, 1, 0, 0x29, 1, 1, b'm', 1, b's', 8][..], b"sub-guid", &[0x76, 0, 0]].concat();
    assert!(Update::decode(&document).expect("sound").has_structs());
}

#[test]
fn skips_count_as_nothing() {
    let bytes = update().client(1, 4).raw(&[10, 2]).root_text("a").raw(&[10, 3]).client(0, 0).raw(&[10, 9]).finish();
    let update = Update::decode(&bytes).expect("sound");
    assert_eq!(update.clients().map(|(client, first, end)| (client.0, first, end)).collect::<Vec<_>>(), [(1, 6, 7)]);
}

#[test]
fn bytes_behind_the_update_are_ignored_and_bytes_that_lack_are_not() {
    let whole = update().client(1, 0).root_text("hi").delete(1, &[(0, 1)]).finish();
    let longer = [&whole[..], &[1, 2, 3]].concat();
    assert_eq!(refused(&longer), None);
    for length in 0..whole.len() {
        assert_eq!(refused(&whole[..length]), Some(Refusal::Truncated), "{length}");
    }
}

#[test]
fn counts_that_the_input_cannot_hold_are_refused_before_any_work() {
    for before in [&[][..], &[1]] {
        let mut bytes = before.to_vec();
        write_var_uint(&mut bytes, MAX_INTEGER);
        bytes.extend([0; 20]);
        assert_eq!(refused(&bytes), Some(Refusal::Truncated));
    }
    assert_eq!(refused(&[0, 0xff, 0xff, 0xff, 0x0f, 1, 1]), Some(Refusal::Truncated));
    assert_eq!(refused(&[0, 1, 1, 0xff, 0xff, 0xff, 0x0f, 1, 1]), Some(Refusal::Truncated));
    let mut many = Vec::new();
    write_var_uint(&mut many, MAX_INTEGER);
    many.extend([127; 100]);
    assert_eq!(refused(&with(8, &many)), Some(Refusal::AnyTag), "the values end where the deletions begin");
}

#[test]
fn integers_stop_at_what_javascript_counts() {
    assert_eq!(refused(&[0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0]), Some(Refusal::Integer));
    let clocks = |clock: u64| update().client(1, clock).root_text("ab").finish();
    assert_eq!(refused(&clocks(MAX_INTEGER - 2)), None);
    assert_eq!(refused(&clocks(MAX_INTEGER - 1)), Some(Refusal::Clock));
    assert_eq!(refused(&update().delete(1, &[(MAX_INTEGER, 1)]).finish()), Some(Refusal::Clock));
}

#[test]
fn text_must_be_utf8_wherever_it_stands() {
    assert_eq!(refused(&with(4, &[1, 0xff])), Some(Refusal::Utf8));
    assert_eq!(refused(&with(4, &[3, 0xed, 0xa0, 0x80])), Some(Refusal::Utf8), "half of a surrogate pair");
    assert_eq!(refused(&update().client(1, 0).raw(&[4, 1, 1, 0xff, 1, b'a']).finish()), Some(Refusal::Utf8), "a root");
    let key = update().client(1, 0).raw(&[0x24, 1, 1, b't', 1, 0xff, 1, b'a']).finish();
    assert_eq!(refused(&key), Some(Refusal::Utf8), "a key");
    assert_eq!(refused(&with(7, &[3, 1, 0xff])), Some(Refusal::Utf8), "an element's name");
    assert_eq!(refused(&with(8, &[1, 119, 1, 0xff])), Some(Refusal::Utf8), "a string among values");
    assert_eq!(refused(&with(8, &[1, 118, 1, 1, 0xff, 127])), Some(Refusal::Utf8), "a member's key");
    assert_eq!(refused(&with(6, &[1, 0xff, 1, b'1'])), Some(Refusal::Utf8), "a format's key");
    assert_eq!(refused(&with(9, &[1, 0xff, 118, 0])), Some(Refusal::Utf8), "a document's guid");
}

#[test]
fn references_and_bits_that_yjs_does_not_know_are_refused() {
    for reference in 11..32 {
        assert_eq!(refused(&with(reference, &[1, 1, 1])), Some(Refusal::ContentRef), "{reference}");
    }
    for bits in [0x20, 0x40, 0x80] {
        for reference in [0, 10] {
            let bytes = update().client(1, 0).raw(&[reference | bits, 1]).finish();
            assert_eq!(refused(&bytes), Some(Refusal::InfoBits), "{reference} with {bits}");
        }
    }
    assert_eq!(refused(&with(7, &[6])), None);
    assert_eq!(refused(&with(7, &[7])), Some(Refusal::TypeRef));
}

#[test]
fn values_have_the_tags_that_lib0_knows() {
    let sound: [&[u8]; 12] = [
        &[127],
        &[126],
        &[125, 0x41],
        &[124, 0, 0, 0, 0],
        &[123, 0, 0, 0, 0, 0, 0, 0, 0],
        &[122, 0, 0, 0, 0, 0, 0, 0, 0],
        &[121],
        &[120],
        &[119, 1, b'a'],
        &[118, 1, 1, b'k', 127],
        &[117, 2, 127, 126],
        &[116, 2, 1, 2],
    ];
    for value in sound {
        assert_eq!(refused(&with(8, &[&[1], value].concat())), None, "{value:?}");
    }
    for tag in [0, 1, 115, 128, 255] {
        assert_eq!(refused(&with(8, &[1, tag])), Some(Refusal::AnyTag), "{tag}");
    }
}

#[test]
fn json_must_parse_and_undefined_stands_only_in_json() {
    for reference in [2, 5, 6] {
        assert_eq!(refused(&json(reference, "{\"a\":[1,null]}")), None);
        assert_eq!(refused(&json(reference, "{a:1}")), Some(Refusal::Json));
        assert_eq!(refused(&json(reference, "")), Some(Refusal::Json));
    }
    assert_eq!(refused(&json(2, "undefined")), None);
    assert_eq!(refused(&json(5, "undefined")), Some(Refusal::Json));
    assert_eq!(refused(&json(6, "undefined")), Some(Refusal::Json));
}

#[test]
fn options_of_a_document_are_an_object_whose_guid_is_text() {
    assert_eq!(refused(&document(&[118, 0])), None);
    assert_eq!(refused(&document(&[118, 1, 4, b'm', b'e', b't', b'a', 116, 0])), None);
    for options in [&[127][..], &[126], &[120], &[119, 0], &[117, 0], &[116, 0]] {
        assert_eq!(refused(&document(options)), Some(Refusal::DocumentOptions), "{options:?}");
    }
    let guid = |value: &[u8]| document(&[&[118, 1, 4], &b"guid"[..], value].concat());
    assert_eq!(refused(&guid(&[119, 1, b'x'])), None);
    assert_eq!(refused(&guid(&[126])), Some(Refusal::DocumentOptions));
}

#[test]
fn an_object_must_not_pass_for_bytes() {
    let object = |value: &[u8]| with(8, &[&[1, 118, 1, 9], &b"__proto__"[..], value].concat());
    assert_eq!(refused(&object(&[116, 1, 1])), Some(Refusal::Prototype));
    assert_eq!(refused(&object(&[126])), None);
    assert_eq!(refused(&object(&[118, 0])), None);
}

#[test]
fn nothing_has_a_length_of_zero() {
    let empty: [Writer; 7] = [
        update().client(1, 0).raw(&[0, 0]),
        update().client(1, 0).raw(&[10, 0]),
        update().client(1, 0).raw(&[1, 1, 1, b't', 0]),
        update().client(1, 0).raw(&[2, 1, 1, b't', 0]),
        update().client(1, 0).raw(&[4, 1, 1, b't', 0]),
        update().client(1, 0).raw(&[8, 1, 1, b't', 0]),
        update().delete(1, &[(0, 0)]),
    ];
    for bytes in empty.map(Writer::finish) {
        assert_eq!(refused(&bytes), Some(Refusal::ZeroLength), "{bytes:?}");
    }
}

#[test]
fn a_client_has_one_block_and_may_have_its_deletions_in_two() {
    let apart = update().client(1, 0).root_text("a").client(2, 0).root_text("b").client(1, 1).root_text("c").finish();
    assert_eq!(refused(&apart), Some(Refusal::RepeatedClient));
    let ascending = update().client(1, 0).root_text("a").client(2, 0).root_text("b").finish();
    assert_eq!(refused(&ascending), None);
    assert_eq!(refused(&update().delete(1, &[(0, 1)]).delete(1, &[(1, 1)]).finish()), None);
}

#[test]
fn what_refers_to_its_own_client_refers_strictly_below() {
    let at = |bytes: &[u8]| update().client(1, 5).raw(bytes).finish();
    for bytes in [&[0x84, 1, 5, 1, b'a'][..], &[0x44, 1, 5, 1, b'a'], &[4, 0, 1, 5, 1, b'a'], &[0x84, 1, 9, 1, b'a']] {
        assert_eq!(refused(&at(bytes)), Some(Refusal::ForwardReference), "{bytes:?}");
    }
    assert_eq!(refused(&at(&[0xc4, 1, 4, 1, 3, 1, b'a'])), None);
}

#[test]
fn values_are_nested_only_so_deep() {
    let arrays = |depth: usize| with(8, &[vec![1], [117, 1].repeat(depth), vec![127]].concat());
    assert_eq!(refused(&arrays(NESTING_MAX)), None);
    assert_eq!(refused(&arrays(NESTING_MAX + 1)), Some(Refusal::Nesting));
    let text = |depth: usize| json(5, &format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
    assert_eq!(refused(&text(NESTING_MAX)), None);
    assert_eq!(refused(&text(NESTING_MAX + 1)), Some(Refusal::Nesting));
}
