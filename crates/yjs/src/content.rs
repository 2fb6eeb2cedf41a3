//! The contents of items, as views into encoded bytes: read, split, write.

use tandem_model::Clock;

use crate::any;
use crate::json;
use crate::lib0::{Reader, write_var_uint};
use crate::refusal::Refusal;

/// The highest content reference: 10 is Skip, which is no content.
const REFERENCE_MAX: u8 = 9;
/// The highest type reference (XmlText).
const TYPE_MAX: u64 = 6;
/// What stands in for half of a surrogate pair.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Content references, as Yjs numbers them.
pub(crate) mod reference {
    pub(crate) const DELETED: u8 = 1;
    pub(crate) const JSON: u8 = 2;
    pub(crate) const BINARY: u8 = 3;
    pub(crate) const STRING: u8 = 4;
    pub(crate) const EMBED: u8 = 5;
    pub(crate) const FORMAT: u8 = 6;
    pub(crate) const TYPE: u8 = 7;
    pub(crate) const ANY: u8 = 8;
    pub(crate) const DOCUMENT: u8 = 9;
}

/// Whether bytes come from outside and are checked, or are our own and only passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Every rule of admission is checked.
    Foreign,
    /// Checked before.
    Own,
}

/// The content of one item.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content<'a> {
    /// So many elements that are gone.
    Deleted(Clock),
    /// `count` JSON texts or `Any` values, one behind the other.
    Values { reference: u8, count: Clock, raw: &'a [u8] },
    /// Text.
    String(Text<'a>),
    /// One element that cannot be split: binary, embed, format, type, sub-document.
    Single { reference: u8, raw: &'a [u8] },
}

/// A slice of a text in UTF-8, measured in UTF-16 units. A cut inside a surrogate pair leaves U+FFFD at that end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    lead: bool,
    bytes: &'a [u8],
    trail: bool,
    units: Clock,
}

impl<'a> Content<'a> {
    /// Reads the content that `reference` announces.
    #[inline(always)]
    pub(crate) fn read(reader: &mut Reader<'a>, reference: u8, trust: Trust) -> Result<Self, Refusal> {
        match reference {
            reference::DELETED => Ok(Self::Deleted(nonzero(reader.var_uint()?)?)),
            reference::JSON | reference::ANY => Self::read_values(reader, reference, trust),
            reference::STRING => {
                let bytes = if trust == Trust::Own { reader.buf()? } else { reader.var_string()?.as_bytes() };
                let units = nonzero(units(bytes))?;
                Ok(Self::String(Text { lead: false, bytes, trail: false, units }))
            }
            _ => Self::read_single(reader, reference, trust),
        }
    }

    #[inline(never)]
    fn read_values(reader: &mut Reader<'a>, reference: u8, trust: Trust) -> Result<Self, Refusal> {
        let count = nonzero(reader.var_uint()?)?;
        let start = reader.position();
        for _ in 0..count {
            read_value(reader, reference, trust)?;
        }
        Ok(Self::Values { reference, count, raw: reader.since(start) })
    }

    #[inline(never)]
    fn read_single(reader: &mut Reader<'a>, reference: u8, trust: Trust) -> Result<Self, Refusal> {
        let start = reader.position();
        match reference {
            reference::BINARY => {
                reader.buf()?;
            }
            reference::EMBED => read_json(reader, trust)?,
            reference::FORMAT => {
                reader.var_string()?;
                read_json(reader, trust)?;
            }
            reference::TYPE => read_type(reader)?,
            reference::DOCUMENT => read_document(reader, trust)?,
            _ => return Err(Refusal::ContentRef),
        }
        Ok(Self::Single { reference, raw: reader.since(start) })
    }

    /// How many elements these are.
    pub(crate) fn len(&self) -> Clock {
        match self {
            Self::Deleted(len) => *len,
            Self::Values { count, .. } => *count,
            Self::String(text) => text.units,
            Self::Single { .. } => 1,
        }
    }

    /// The number by which Yjs knows this kind of content.
    pub(crate) fn reference(&self) -> u8 {
        match self {
            Self::Deleted(_) => reference::DELETED,
            Self::Values { reference, .. } | Self::Single { reference, .. } => *reference,
            Self::String(_) => reference::STRING,
        }
    }

    /// Whether only the length is left.
    pub(crate) fn is_deleted(&self) -> bool {
        matches!(self, Self::Deleted(_))
    }

    /// Whether Yjs drops this content once it is deleted; a type stays, for its children hang on it.
    pub(crate) fn is_collected(&self) -> bool {
        !matches!(self.reference(), reference::DELETED | reference::TYPE)
    }

    /// Cuts before element `at`, which is neither 0 nor the length or beyond.
    pub(crate) fn split(self, at: Clock) -> (Self, Self) {
        debug_assert!(at > 0 && at < self.len());
        match self {
            Self::Deleted(len) => (Self::Deleted(at), Self::Deleted(len - at)),
            Self::Values { reference, count, raw } => {
                let mut reader = Reader::new(raw);
                for _ in 0..at {
                    // Own bytes, read before.
                    if read_value(&mut reader, reference, Trust::Own).is_err() {
                        break;
                    }
                }
                let (left, right) = raw.split_at(reader.position());
                let left = Self::Values { reference, count: at, raw: left };
                (left, Self::Values { reference, count: count - at, raw: right })
            }
            Self::String(text) => {
                let (left, right) = text.split(at);
                (Self::String(left), Self::String(right))
            }
            Self::Single { .. } => (self, self),
        }
    }

    /// The element before which `bytes` bytes of text or values stand, unless all of them are hardly more.
    pub(crate) fn behind_bytes(&self, bytes: usize) -> Option<Clock> {
        match self {
            Self::String(text) if text.bytes.len() > bytes + bytes / 2 => {
                // Never between the bytes of one character.
                let cut = (0..=bytes).rev().find(|at| text.bytes[*at] & 0xc0 != 0x80)?;
                Some(Clock::from(text.lead) + units(&text.bytes[..cut])).filter(|at| *at > 0)
            }
            Self::Values { reference, count, raw } if raw.len() > bytes + bytes / 2 => {
                let mut reader = Reader::new(raw);
                let mut passed = 0;
                while reader.position() < bytes && read_value(&mut reader, *reference, Trust::Own).is_ok() {
                    passed += 1;
                }
                Some(passed).filter(|passed| (1..*count).contains(passed))
            }
            _ => None,
        }
    }

    /// The number that stands before the content when it is written: bytes of a text, else the count of elements.
    pub(crate) fn written_length(&self) -> Option<u64> {
        match self {
            Self::Deleted(len) => Some(*len),
            Self::Values { count, .. } => Some(*count),
            Self::String(text) => Some(text.byte_len() as u64),
            Self::Single { .. } => None,
        }
    }

    /// How many bytes stand behind the length.
    pub(crate) fn body_len(&self) -> usize {
        match self {
            Self::Deleted(_) => 0,
            Self::Values { raw, .. } | Self::Single { raw, .. } => raw.len(),
            Self::String(text) => text.byte_len(),
        }
    }

    /// Writes what stands behind the length.
    pub(crate) fn write_body(&self, out: &mut Vec<u8>) {
        match self {
            Self::Deleted(_) => {}
            Self::Values { raw, .. } | Self::Single { raw, .. } => out.extend_from_slice(raw),
            Self::String(text) => text.write(out),
        }
    }

    /// Writes the content with its length.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        if let Some(length) = self.written_length() {
            write_var_uint(out, length);
        }
        self.write_body(out);
    }
}

impl Text<'_> {
    fn byte_len(&self) -> usize {
        self.bytes.len() + (usize::from(self.lead) + usize::from(self.trail)) * REPLACEMENT.len()
    }

    fn split(self, at: Clock) -> (Self, Self) {
        let wanted = at - Clock::from(self.lead);
        let (cut, halved) = byte_at(self.bytes, wanted);
        let (left, right) = if halved {
            (&self.bytes[..cut], self.bytes.get(cut + 4..).unwrap_or_default())
        } else {
            self.bytes.split_at(cut)
        };
        let left = Self { lead: self.lead, bytes: left, trail: halved, units: at };
        (left, Self { lead: halved, bytes: right, trail: self.trail, units: self.units - at })
    }

    fn write(&self, out: &mut Vec<u8>) {
        if self.lead {
            out.extend_from_slice(REPLACEMENT);
        }
        out.extend_from_slice(self.bytes);
        if self.trail {
            out.extend_from_slice(REPLACEMENT);
        }
    }
}

/// The UTF-16 units of a text in UTF-8: one for each character, two for those of four bytes.
fn units(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from((byte & 0xc0) != 0x80) + u64::from(*byte >= 0xf0)).sum()
}

/// Where unit `wanted` starts, and whether it is the second half of the pair that starts there.
fn byte_at(bytes: &[u8], wanted: Clock) -> (usize, bool) {
    let mut seen = 0;
    let mut at = 0;
    while seen < wanted {
        let Some(&byte) = bytes.get(at) else { return (bytes.len(), false) };
        let (width, counted) = match byte {
            0..=0x7f => (1, 1),
            0x80..=0xdf => (2, 1),
            0xe0..=0xef => (3, 1),
            _ => (4, 2),
        };
        if seen + counted > wanted {
            return (at, true);
        }
        seen += counted;
        at += width;
    }
    (at.min(bytes.len()), false)
}

fn nonzero(length: u64) -> Result<u64, Refusal> {
    if length == 0 { Err(Refusal::ZeroLength) } else { Ok(length) }
}

fn read_value(reader: &mut Reader<'_>, reference: u8, trust: Trust) -> Result<(), Refusal> {
    if reference == reference::ANY {
        return any::check(reader).map(|_| ());
    }
    if trust == Trust::Own {
        reader.buf()?;
        return Ok(());
    }
    match reader.var_string()? {
        "undefined" => Ok(()),
        text => json::check(text.as_bytes()),
    }
}

fn read_json(reader: &mut Reader<'_>, trust: Trust) -> Result<(), Refusal> {
    if trust == Trust::Own {
        reader.buf()?;
        return Ok(());
    }
    json::check(reader.var_string()?.as_bytes())
}

fn read_type(reader: &mut Reader<'_>) -> Result<(), Refusal> {
    match reader.var_uint()? {
        // An XML element carries its name, a hook too.
        3 | 5 => reader.var_string().map(|_| ()).map_err(Refusal::from),
        0..=TYPE_MAX => Ok(()),
        _ => Err(Refusal::TypeRef),
    }
}

/// Yjs spreads the options over its own and reads members of them: what is no object throws, and so does, when the
/// document is written again, a `guid` that is no string.
fn read_document(reader: &mut Reader<'_>, trust: Trust) -> Result<(), Refusal> {
    reader.var_string()?;
    if trust == Trust::Own {
        return any::check(reader).map(|_| ());
    }
    let options = any::check_members(reader, &mut |key, shape| match key {
        "guid" if !matches!(shape, any::Shape::Text | any::Shape::Undefined) => Err(Refusal::DocumentOptions),
        _ => Ok(()),
    })?;
    if options == any::Shape::Object { Ok(()) } else { Err(Refusal::DocumentOptions) }
}

/// Whether a content reference is one that Yjs knows.
pub(crate) fn is_known(reference: u8) -> bool {
    (reference::DELETED..=REFERENCE_MAX).contains(&reference)
}
