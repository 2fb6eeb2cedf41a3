//! Frame headers as data: read byte by byte, judged as soon as a byte can be judged. Pure.

use crate::error::Violation;

/// The longest header: two bytes, eight of length, four of mask.
pub(crate) const HEADER_BYTES_MAX: usize = 14;

/// The longest payload of a control frame.
const CONTROL_BYTES_MAX: u8 = 125;

/// What a frame is, as far as the rules here care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Continues a message.
    Continuation,
    /// Begins a message.
    Data,
    /// A ping.
    Ping,
    /// A pong or a close.
    Control,
}

/// One frame's header, found to be lawful by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// What the frame is.
    pub kind: Kind,
    /// True for the last (or only) frame of its message.
    pub fin: bool,
    /// What the payload is masked with.
    pub mask: [u8; 4],
    /// The payload's length in bytes.
    pub payload_bytes: u64,
}

/// Collects one header from however it is cut.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HeaderReader {
    bytes: [u8; HEADER_BYTES_MAX],
    have: u8,
}

impl HeaderReader {
    /// Takes bytes from the front of `input` until the header is whole. Says how many it took, and the header if that
    /// was its last byte.
    pub(crate) fn take(&mut self, input: &[u8]) -> Result<(usize, Option<Header>), Violation> {
        let mut used = 0;
        loop {
            let need = self.need()?;
            if usize::from(self.have) == need {
                return Ok((used, Some(self.parse()?)));
            }
            let Some(&byte) = input.get(used) else { return Ok((used, None)) };
            self.bytes[usize::from(self.have)] = byte;
            self.have += 1;
            used += 1;
        }
    }

    /// The bytes of the header that have come.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.have)]
    }

    /// True if the header that has come is one of a binary frame.
    pub(crate) fn is_binary(&self) -> bool {
        self.bytes[0] & 0x0f == 2
    }

    /// Makes room for the next header.
    pub(crate) fn clear(&mut self) {
        self.have = 0;
    }

    /// How long this header is, as far as it can be known; a frame that cannot be lawful is refused here, so at its
    /// second byte.
    fn need(&self) -> Result<usize, Violation> {
        if self.have < 2 {
            return Ok(2);
        }
        let [first, second, ..] = self.bytes;
        if first & 0x70 != 0 {
            return Err(Violation::ReservedBits);
        }
        let opcode = first & 0x0f;
        if matches!(opcode, 3..=7 | 11..) {
            return Err(Violation::Opcode(opcode));
        }
        let length = second & 0x7f;
        if opcode & 8 != 0 {
            if first & 0x80 == 0 {
                return Err(Violation::FragmentedControl);
            }
            if length > CONTROL_BYTES_MAX {
                return Err(Violation::LongControl);
            }
        }
        if second & 0x80 == 0 {
            return Err(Violation::Unmasked);
        }
        Ok(match length {
            126 => 8,
            127 => 14,
            _ => 6,
        })
    }

    fn parse(&self) -> Result<Header, Violation> {
        let b = &self.bytes;
        let (payload_bytes, mask) = match b[1] & 0x7f {
            126 => {
                let length = u16::from_be_bytes([b[2], b[3]]);
                (u64::from(length), [b[4], b[5], b[6], b[7]])
            }
            127 => {
                let length = u64::from_be_bytes([b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9]]);
                (length, [b[10], b[11], b[12], b[13]])
            }
            short => (u64::from(short), [b[2], b[3], b[4], b[5]]),
        };
        let least = match b[1] & 0x7f {
            126 => 126,
            127 => 1 << 16,
            _ => 0,
        };
        if payload_bytes < least || payload_bytes >> 63 != 0 {
            return Err(Violation::Length);
        }
        let kind = match b[0] & 0x0f {
            0 => Kind::Continuation,
            1 | 2 => Kind::Data,
            9 => Kind::Ping,
            _ => Kind::Control,
        };
        Ok(Header { kind, fin: b[0] & 0x80 != 0, mask, payload_bytes })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test that panics has failed")]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<(usize, Option<Header>), Violation> {
        HeaderReader::default().take(bytes)
    }

    #[test]
    fn a_header_is_read_the_same_however_it_is_cut() {
        let whole = [0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 9, 8, 7, 6, 0xaa];
        let (used, header) = read(&whole).unwrap();
        assert_eq!(used, 14);
        let header = header.unwrap();
        assert_eq!(header, Header { kind: Kind::Data, fin: true, mask: [9, 8, 7, 6], payload_bytes: 65536 });
        for cut in 0..14 {
            let mut reader = HeaderReader::default();
            assert_eq!(reader.take(&whole[..cut]).unwrap(), (cut, None));
            assert_eq!(reader.take(&whole[cut..]).unwrap(), (14 - cut, Some(header)));
            assert_eq!(reader.bytes(), &whole[..14]);
        }
    }

    #[test]
    fn an_unlawful_header_is_refused_at_its_second_byte() {
        for (bytes, violation) in [
            ([0xc2, 0x80], Violation::ReservedBits),
            ([0xa2, 0x80], Violation::ReservedBits),
            ([0x92, 0x80], Violation::ReservedBits),
            ([0x83, 0x80], Violation::Opcode(3)),
            ([0x87, 0x80], Violation::Opcode(7)),
            ([0x8b, 0x80], Violation::Opcode(11)),
            ([0x8f, 0x80], Violation::Opcode(15)),
            ([0x82, 0x01], Violation::Unmasked),
            ([0x09, 0x80], Violation::FragmentedControl),
            ([0x08, 0x80], Violation::FragmentedControl),
            ([0x89, 0xfe], Violation::LongControl),
        ] {
            assert_eq!(read(&bytes), Err(violation), "{bytes:02x?}");
        }
    }

    #[test]
    fn a_length_in_more_bytes_than_it_needs_is_refused() {
        assert_eq!(read(&[0x82, 0xfe, 0, 125, 0, 0, 0, 0]), Err(Violation::Length));
        assert_eq!(read(&[0x82, 0xff, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0]), Err(Violation::Length));
        assert_eq!(read(&[0x82, 0xff, 128, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), Err(Violation::Length));
    }
}
