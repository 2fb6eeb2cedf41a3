//! Whole WebSocket frames from server to client: encoded once, shared by every session that sends them.
//!
//! A server's frames carry no mask, so that the same bytes fit every socket. Each is final: messages are not fragmented.

use bytes::{BufMut, Bytes, BytesMut};

/// The longest payload of a ping, pong or close frame (RFC 6455, 5.5).
pub const CONTROL_BYTES_MAX: usize = 125;

const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// How many bytes stand before a payload of this many.
#[must_use]
pub fn header_len(payload_len: usize) -> usize {
    match payload_len {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}

/// Makes one binary message of the parts, one after the other.
#[must_use]
pub fn binary(payload: &[&[u8]]) -> Bytes {
    frame(BINARY, payload)
}

/// Makes the front of one binary message: its header and the first of its bytes, which `behind` more follow.
#[must_use]
pub fn binary_front(front: &[u8], behind: usize) -> Bytes {
    begun(BINARY, &[front], behind)
}

/// Makes a ping without payload.
#[must_use]
pub fn ping() -> Bytes {
    Bytes::from_static(&[PING, 0])
}

/// Makes the pong that answers a ping with this payload; what exceeds [`CONTROL_BYTES_MAX`] is cut off.
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    frame(PONG, &[&payload[..payload.len().min(CONTROL_BYTES_MAX)]])
}

/// Makes a close frame; a reason that does not fit is cut between two characters.
#[must_use]
pub fn close(code: u16, reason: &str) -> Bytes {
    let reason = &reason[..reason.floor_char_boundary(CONTROL_BYTES_MAX - 2)];
    frame(CLOSE, &[&code.to_be_bytes(), reason.as_bytes()])
}

fn frame(opcode: u8, payload: &[&[u8]]) -> Bytes {
    begun(opcode, payload, 0)
}

/// A frame as far as its first parts reach, which `behind` more bytes follow.
fn begun(opcode: u8, parts: &[&[u8]], behind: usize) -> Bytes {
    let here: usize = parts.iter().map(|part| part.len()).sum();
    let length = here + behind;
    let mut out = BytesMut::with_capacity(header_len(length) + here);
    out.put_u8(opcode);
    put_length(&mut out, length);
    for part in parts {
        out.put_slice(part);
    }
    out.freeze()
}

fn put_length(out: &mut BytesMut, length: usize) {
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => out.put_u8(short),
        (_, Ok(medium)) => {
            out.put_u8(126);
            out.put_u16(medium);
        }
        _ => {
            out.put_u8(127);
            // A slice is never longer than `isize::MAX`.
            out.put_u64(length as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_takes_the_shortest_of_its_three_forms() {
        for (length, header) in [
            (0, &[0x82, 0][..]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (65_535, &[0x82, 126, 0xff, 0xff]),
            (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let payload = vec![7; length];
            let frame = binary(&[&payload]);
            assert_eq!(header_len(length), header.len());
            assert_eq!(&frame[..header.len()], header);
            assert_eq!(&frame[header.len()..], payload);
        }
    }

    #[test]
    fn parts_follow_each_other() {
        assert_eq!(&binary(&[b"ab", b"", b"c"])[..], b"\x82\x03abc");
        assert_eq!(&binary(&[])[..], b"\x82\x00");
    }

    #[test]
    fn control_frames_stay_within_125_bytes() {
        assert_eq!(&ping()[..], b"\x89\x00");
        assert_eq!(&pong(b"hi")[..], b"\x8a\x02hi");
        assert_eq!(pong(&[1; 200]).len(), 127);
        assert_eq!(&close(4401, "token-expired")[..], b"\x88\x0f\x11\x31token-expired");
        let long = close(1000, &"é".repeat(100));
        assert_eq!(long.len(), 2 + 2 + 122);
        assert!(std::str::from_utf8(&long[4..]).is_ok());
    }
}
