//! Structs of the update format, as views into encoded bytes.

use tandem_model::{ClientId, Clock, Id};

use crate::content::{self, Content, Trust};
use crate::lib0::{Reader, write_buf, write_var_uint};
use crate::refusal::Refusal;

const REFERENCE_BITS: u8 = 0b0001_1111;
const HAS_SUB: u8 = 0b0010_0000;
const HAS_RIGHT: u8 = 0b0100_0000;
const HAS_ORIGIN: u8 = 0b1000_0000;
const GC: u8 = 0;
const SKIP: u8 = 10;

/// One struct without its id: that follows from its place in the block.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Struct<'a> {
    /// Elements of which only the length is left.
    Gc(Clock),
    /// Elements that are not in the update.
    Skip(Clock),
    /// Elements with their place and content.
    Item(Item<'a>),
}

/// Elements with their place and content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<'a> {
    /// What stood left of it when it was made.
    pub(crate) origin: Option<Id>,
    /// What stood right of it.
    pub(crate) right: Option<Id>,
    /// Where it hangs, said only when it has neither of the two.
    pub(crate) parent: Parent<'a>,
    /// Whether it says that it is a value under a key; without a parent it only says so.
    pub(crate) keyed: bool,
    /// What it holds.
    pub(crate) content: Content<'a>,
}

/// Where an item hangs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parent<'a> {
    /// Where its origin hangs, else its right origin.
    Inherited,
    /// On the root type of that name, under that key when it is keyed.
    Root(&'a [u8], &'a [u8]),
    /// On the type that this element holds, under that key when it is keyed.
    Element(Id, &'a [u8]),
}

impl<'a> Struct<'a> {
    /// Reads one struct and checks what can be checked of it alone.
    #[inline(always)]
    pub(crate) fn read(reader: &mut Reader<'a>, trust: Trust) -> Result<Self, Refusal> {
        let info = reader.u8()?;
        let reference = info & REFERENCE_BITS;
        match reference {
            GC | SKIP if info != reference => Err(Refusal::InfoBits),
            GC => Ok(Self::Gc(nonzero(reader.var_uint()?)?)),
            SKIP => Ok(Self::Skip(nonzero(reader.var_uint()?)?)),
            _ if !content::is_known(reference) => Err(Refusal::ContentRef),
            _ => Item::read(reader, info, trust).map(Self::Item),
        }
    }

    /// Writes it as an update carries it.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Gc(length) => {
                out.push(GC);
                write_var_uint(out, *length);
            }
            Self::Skip(length) => write_skip(out, *length),
            Self::Item(item) => {
                item.write_head(out);
                item.content.write(out);
            }
        }
    }

    /// How many elements these are.
    pub(crate) fn len(&self) -> Clock {
        match self {
            Self::Gc(len) | Self::Skip(len) => *len,
            Self::Item(item) => item.content.len(),
        }
    }

    /// Whether it holds a type.
    pub(crate) fn holds_type(&self) -> bool {
        matches!(self, Self::Item(item) if item.content.reference() == content::reference::TYPE)
    }

    /// Whether it comes without its content: it was deleted where it comes from.
    pub(crate) fn is_gone(&self) -> bool {
        match self {
            Self::Gc(_) => true,
            Self::Item(item) => item.content.is_deleted(),
            Self::Skip(_) => false,
        }
    }

    /// Cuts off and answers what stands before the element `at` of a struct that starts at `id`; `at` is neither 0 nor the
    /// length or beyond.
    pub(crate) fn cut_front(&mut self, id: Id, at: Clock) -> Self {
        match self {
            Self::Gc(len) => {
                *len -= at;
                Self::Gc(at)
            }
            Self::Skip(len) => {
                *len -= at;
                Self::Skip(at)
            }
            Self::Item(item) => {
                let (left, right) = item.content.split(at);
                let front = Item { content: left, ..*item };
                item.origin = Some(Id { client: id.client, clock: id.clock + at - 1 });
                item.parent = Parent::Inherited;
                item.content = right;
                Self::Item(front)
            }
        }
    }

    /// The same elements as a collecting Yjs leaves them once they are deleted, if that is something else.
    pub(crate) fn collected(&self) -> Option<Self> {
        match self {
            Self::Item(item) if item.content.is_collected() => {
                Some(Self::Item(Item { content: Content::Deleted(item.content.len()), ..*item }))
            }
            _ => None,
        }
    }

    /// Lets the struct say that it stands under a key, or that it does not; one that names its parent says it anyway.
    /// Whether it had said otherwise: no Yjs does.
    pub(crate) fn say_keyed(&mut self, keyed: bool) -> bool {
        match self {
            Self::Item(item) if matches!(item.parent, Parent::Inherited) => {
                std::mem::replace(&mut item.keyed, keyed) != keyed
            }
            _ => false,
        }
    }

    /// The element before which so many bytes of its text or values stand, unless all of them are hardly more.
    pub(crate) fn behind_bytes(&self, bytes: usize) -> Option<Clock> {
        if let Self::Item(item) = self { item.content.behind_bytes(bytes) } else { None }
    }

    /// Whether the struct refers to an element of `client` at `clock` or above.
    pub(crate) fn refers_forward(&self, client: ClientId, clock: Clock) -> bool {
        let Self::Item(item) = self else { return false };
        let later = |id: &Id| id.client == client && id.clock >= clock;
        item.origin.as_ref().is_some_and(later)
            || item.right.as_ref().is_some_and(later)
            || matches!(&item.parent, Parent::Element(id, _) if later(id))
    }
}

impl<'a> Item<'a> {
    #[inline(always)]
    fn read(reader: &mut Reader<'a>, info: u8, trust: Trust) -> Result<Self, Refusal> {
        let origin = if info & HAS_ORIGIN == 0 { None } else { Some(read_id(reader)?) };
        let right = if info & HAS_RIGHT == 0 { None } else { Some(read_id(reader)?) };
        let keyed = info & HAS_SUB != 0;
        let parent = if origin.is_some() || right.is_some() {
            Parent::Inherited
        } else {
            Self::read_parent(reader, keyed, trust)?
        };
        let content = Content::read(reader, info & REFERENCE_BITS, trust)?;
        Ok(Self { origin, right, parent, keyed, content })
    }

    /// Yjs takes any number but 1 for "an element follows".
    #[inline(always)]
    fn read_parent(reader: &mut Reader<'a>, keyed: bool, trust: Trust) -> Result<Parent<'a>, Refusal> {
        let said = reader.var_uint()?;
        if said == 1 {
            let name = read_text(reader, trust)?;
            let key = if keyed { read_text(reader, trust)? } else { &[] };
            Ok(Parent::Root(name, key))
        } else {
            if said != 0 {
                reader.note_variant();
            }
            let id = read_id(reader)?;
            let key = if keyed { read_text(reader, trust)? } else { &[] };
            Ok(Parent::Element(id, key))
        }
    }

    /// Writes everything that stands before the content.
    fn write_head(&self, out: &mut Vec<u8>) {
        let mut info = self.content.reference();
        info |= if self.origin.is_some() { HAS_ORIGIN } else { 0 };
        info |= if self.right.is_some() { HAS_RIGHT } else { 0 };
        info |= if self.keyed { HAS_SUB } else { 0 };
        out.push(info);
        for id in [self.origin, self.right].into_iter().flatten() {
            write_id(out, id);
        }
        let key = match self.parent {
            Parent::Inherited => return,
            Parent::Root(name, key) => {
                out.push(1);
                write_buf(out, name);
                key
            }
            Parent::Element(id, key) => {
                out.push(0);
                write_id(out, id);
                key
            }
        };
        if self.keyed {
            write_buf(out, key);
        }
    }
}

/// What stands before the content of a struct of our own, as far as coalescing asks.
pub(crate) struct Head {
    /// The content's reference; 0 is GC.
    pub(crate) reference: u8,
    pub(crate) right: Option<Id>,
    pub(crate) keyed: bool,
}

/// Reads what stands before the content of a struct of our own.
pub(crate) fn read_head(reader: &mut Reader<'_>) -> Option<Head> {
    let info = reader.u8().ok()?;
    let reference = info & REFERENCE_BITS;
    let (has_origin, has_right, keyed) = (info & HAS_ORIGIN != 0, info & HAS_RIGHT != 0, info & HAS_SUB != 0);
    if has_origin {
        read_id(reader).ok()?;
    }
    let right = if has_right { Some(read_id(reader).ok()?) } else { None };
    if reference != GC && !has_origin && !has_right {
        Item::read_parent(reader, keyed, Trust::Own).ok()?;
    }
    Some(Head { reference, right, keyed })
}

/// Whether the struct that starts with this byte is only a length: GC or deleted.
pub(crate) fn is_gone(info: u8) -> bool {
    matches!(info & REFERENCE_BITS, GC | content::reference::DELETED)
}

/// Writes a Skip struct.
pub(crate) fn write_skip(out: &mut Vec<u8>, length: Clock) {
    out.push(SKIP);
    write_var_uint(out, length);
}

#[inline(always)]
fn read_id(reader: &mut Reader<'_>) -> Result<Id, Refusal> {
    Ok(Id::new(reader.var_uint()?, reader.var_uint()?))
}

fn write_id(out: &mut Vec<u8>, id: Id) {
    write_var_uint(out, id.client.0);
    write_var_uint(out, id.clock);
}

#[inline(always)]
fn read_text<'a>(reader: &mut Reader<'a>, trust: Trust) -> Result<&'a [u8], Refusal> {
    if trust == Trust::Own {
        return Ok(reader.buf()?);
    }
    Ok(reader.var_string()?.as_bytes())
}

fn nonzero(length: u64) -> Result<u64, Refusal> {
    if length == 0 { Err(Refusal::ZeroLength) } else { Ok(length) }
}
