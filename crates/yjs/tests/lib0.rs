//! Golden values of lib0's primitives, and what is refused.

use tandem_yjs::lib0::{DecodeError, Reader, var_uint_len, write_buf, write_var_int, write_var_string, write_var_uint};

#[test]
fn unsigned_integers_are_written_and_read_as_lib0_does() {
    let golden: [(u64, &[u8]); 8] = [
        (0, &[0]),
        (127, &[0x7f]),
        (128, &[0x80, 0x01]),
        (300, &[0xac, 0x02]),
        (16384, &[0x80, 0x80, 0x01]),
        ((1 << 32) - 1, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ((1 << 53) - 1, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        (1 << 52, &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x08]),
    ];
    for (value, bytes) in golden {
        let mut out = Vec::new();
        write_var_uint(&mut out, value);
        assert_eq!(out, bytes);
        assert_eq!(var_uint_len(value), bytes.len());
        assert_eq!(Reader::new(bytes).var_uint(), Ok(value));
    }
}

#[test]
fn signed_integers_are_written_and_read_as_lib0_does() {
    let golden: [(i64, &[u8]); 5] =
        [(1, &[0x01]), (-1, &[0x41]), (64, &[0x80, 0x01]), (-64, &[0xc0, 0x01]), (0, &[0x00])];
    for (value, bytes) in golden {
        let mut out = Vec::new();
        write_var_int(&mut out, value);
        assert_eq!(out, bytes);
        assert_eq!(Reader::new(bytes).var_int(), Ok(value));
    }
    assert_eq!(Reader::new(&[0x40]).var_int(), Ok(0), "minus zero");
}

#[test]
fn strings_and_buffers_are_written_and_read_as_lib0_does() {
    for (text, bytes) in [("", &b"\x00"[..]), ("\u{e9}", b"\x02\xc3\xa9"), ("a\0b", b"\x03a\0b")] {
        let mut out = Vec::new();
        write_var_string(&mut out, text);
        assert_eq!(out, bytes);
        assert_eq!(Reader::new(bytes).var_string(), Ok(text));
    }
    let mut out = Vec::new();
    write_buf(&mut out, &[1, 2, 255]);
    assert_eq!(out, [3, 1, 2, 255]);
    assert_eq!(Reader::new(&out).buf(), Ok(&[1, 2, 255][..]));
}

#[test]
fn padded_integers_are_read_up_to_eight_bytes() {
    assert_eq!(Reader::new(&[0x81, 0x00]).var_uint(), Ok(1));
    assert_eq!(Reader::new(&[0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]).var_uint(), Ok(1));
    let nine = [0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00];
    assert_eq!(Reader::new(&nine).var_uint(), Err(DecodeError::Integer));
}

#[test]
fn what_is_not_there_or_not_a_number_is_refused() {
    assert_eq!(Reader::new(&[]).var_uint(), Err(DecodeError::Truncated));
    assert_eq!(Reader::new(&[0x80]).var_uint(), Err(DecodeError::Truncated));
    assert_eq!(Reader::new(&[0xff; 8]).var_uint(), Err(DecodeError::Integer));
    let above = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
    assert_eq!(Reader::new(&above).var_uint(), Err(DecodeError::Integer));
    assert_eq!(Reader::new(&[0xff; 9]).var_int(), Err(DecodeError::Integer));
    assert_eq!(Reader::new(&[5, 1, 2]).buf(), Err(DecodeError::Truncated));
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 1];
    assert_eq!(Reader::new(&huge).buf(), Err(DecodeError::Truncated));
    assert_eq!(Reader::new(&[1, 0xff]).var_string(), Err(DecodeError::Utf8));
    assert_eq!(Reader::new(&[3, 0xed, 0xa0, 0x80]).var_string(), Err(DecodeError::Utf8), "a lone surrogate");
}

#[test]
fn integers_read_the_same_whatever_stands_behind_them() {
    let edges = (0..53).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, (1 << bit) + 1]).chain([(1 << 53) - 1]);
    for value in edges {
        let mut bytes = Vec::new();
        write_var_uint(&mut bytes, value);
        assert_eq!(bytes.len(), var_uint_len(value), "{value}");
        for behind in [&[][..], &[0; 9], &[0xff; 9]] {
            let all = [&bytes, behind].concat();
            let mut reader = Reader::new(&all);
            assert_eq!(reader.var_uint(), Ok(value), "{value} before {behind:?}");
            assert_eq!(reader.position(), bytes.len());
        }
    }
    let padded = [0x81, 0x80, 0x00, 9, 9, 9, 9, 9, 9];
    assert_eq!(Reader::new(&padded).var_uint(), Ok(1), "longer than needed");
    for refused in [[0xff; 9], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10, 0]] {
        assert_eq!(Reader::new(&refused).var_uint(), Err(DecodeError::Integer));
    }
}
