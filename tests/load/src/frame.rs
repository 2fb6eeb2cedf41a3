//! WebSocket as a client needs it: masked frames out, unmasked frames in.

/// Text, RFC 6455.
pub const TEXT: u8 = 1;
/// Binary data.
pub const BINARY: u8 = 2;
/// The end of the connection.
pub const CLOSE: u8 = 8;
/// Asks for a pong.
pub const PING: u8 = 9;
/// Answers a ping.
pub const PONG: u8 = 10;

/// The longest message that is read.
const LONGEST: u64 = 512 << 20;

/// What stands at the front of bytes that came in.
#[derive(Debug, PartialEq, Eq)]
pub enum Head {
    /// Not enough bytes to tell.
    Partial,
    /// A frame: its first payload byte and its end, counted from the start of the bytes; the end may not be there yet.
    Frame {
        /// Whether it is its message's last frame.
        last: bool,
        /// The operation.
        opcode: u8,
        /// Where the payload begins.
        start: usize,
        /// Where the frame ends.
        end: usize,
    },
    /// No frame that a server may send.
    Broken(&'static str),
}

/// Reads a frame's head.
pub fn head(bytes: &[u8]) -> Head {
    let &[first, second, ..] = bytes else { return Head::Partial };
    if first & 0x70 != 0 {
        return Head::Broken("a reserved bit is set");
    }
    if second & 0x80 != 0 {
        return Head::Broken("a server's frame is masked");
    }
    let (start, length) = match second {
        126 => match bytes.get(2..4) {
            Some(&[a, b]) => (4, u64::from(u16::from_be_bytes([a, b]))),
            _ => return Head::Partial,
        },
        127 => match bytes.get(2..10).and_then(|long| <[u8; 8]>::try_from(long).ok()) {
            Some(long) => (10, u64::from_be_bytes(long)),
            None => return Head::Partial,
        },
        short => (2, u64::from(short)),
    };
    if length > LONGEST {
        return Head::Broken("a frame is longer than 512 MiB");
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Head::Frame { last: first & 0x80 != 0, opcode: first & 0x0f, start, end: start.saturating_add(length) }
}

/// Appends one masked frame whose payload is the parts in a row.
pub fn write(out: &mut Vec<u8>, opcode: u8, parts: &[&[u8]], mask: u32) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    out.push(0x80 | opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..126), _) => out.push(0x80 | short),
        (_, Ok(middle)) => {
            out.push(0x80 | 126);
            out.extend(middle.to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    let mask = mask.to_ne_bytes();
    out.extend(mask);
    let start = out.len();
    for part in parts {
        out.extend_from_slice(part);
    }
    for group in out[start..].chunks_mut(4) {
        for (byte, key) in group.iter_mut().zip(mask) {
            *byte ^= key;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_their_three_forms_and_the_payload_is_masked() {
        for (length, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let payload = vec![7_u8; length];
            let mut out = Vec::new();
            write(&mut out, BINARY, &[&payload[..length / 2], &payload[length / 2..]], 0x0403_0201);
            assert_eq!(out.len(), header + 4 + length);
            let mask = <[u8; 4]>::try_from(&out[header..header + 4]).unwrap_or_default();
            let clear: Vec<u8> =
                out[header + 4..].iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            assert_eq!(clear, payload);
            // What a server sends differs in the mask alone.
            out[1] &= 0x7f;
            let frame = Head::Frame { last: true, opcode: BINARY, start: header, end: header + length };
            assert_eq!(head(&out), frame);
            assert_eq!(head(&out[..header - 1]), Head::Partial);
        }
    }

    #[test]
    fn what_a_server_may_not_send_is_told() {
        assert!(matches!(head(&[0x82, 0x81, 0, 0, 0, 0, 0]), Head::Broken(_)));
        assert!(matches!(head(&[0xc2, 0x01, 0]), Head::Broken(_)));
        assert!(matches!(head(&[0x82, 127, 1, 0, 0, 0, 0, 0, 0, 0]), Head::Broken(_)));
    }
}
