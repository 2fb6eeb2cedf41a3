//! lib0's `Any` values, passed over without building them.

use crate::NESTING_MAX;
use crate::lib0::Reader;
use crate::refusal::Refusal;

/// What JavaScript makes of a value, as far as a rule asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A string.
    Text,
    /// Bytes: `instanceof Uint8Array` holds.
    Bytes,
    /// A plain object.
    Object,
    /// `undefined`.
    Undefined,
    /// Anything else.
    Other,
}

/// Checks one value and passes over it.
pub(crate) fn check(reader: &mut Reader<'_>) -> Result<Shape, Refusal> {
    value(reader, 0, &mut |_, _| Ok(()))
}

/// Checks one value and passes over it; `member` sees the top object's keys with the shapes of their values.
pub(crate) fn check_members(
    reader: &mut Reader<'_>,
    member: &mut dyn FnMut(&str, Shape) -> Result<(), Refusal>,
) -> Result<Shape, Refusal> {
    value(reader, 0, member)
}

fn value(
    reader: &mut Reader<'_>,
    depth: usize,
    member: &mut dyn FnMut(&str, Shape) -> Result<(), Refusal>,
) -> Result<Shape, Refusal> {
    match reader.u8()? {
        127 => Ok(Shape::Undefined),
        126 | 121 | 120 => Ok(Shape::Other),
        125 => reader.var_int().map(|_| Shape::Other).map_err(Refusal::from),
        124 => reader.take(4).map(|_| Shape::Other).map_err(Refusal::from),
        122 | 123 => reader.take(8).map(|_| Shape::Other).map_err(Refusal::from),
        119 => reader.var_string().map(|_| Shape::Text).map_err(Refusal::from),
        118 if depth < NESTING_MAX => object(reader, depth, member),
        117 if depth < NESTING_MAX => array(reader, depth),
        117 | 118 => Err(Refusal::Nesting),
        116 => reader.buf().map(|_| Shape::Bytes).map_err(Refusal::from),
        _ => Err(Refusal::AnyTag),
    }
}

fn array(reader: &mut Reader<'_>, depth: usize) -> Result<Shape, Refusal> {
    for _ in 0..reader.var_uint()? {
        value(reader, depth + 1, &mut |_, _| Ok(()))?;
    }
    Ok(Shape::Other)
}

/// Yjs assigns the members one by one, so that the key `__proto__` sets the object's prototype. When that makes the
/// object an `instanceof Uint8Array`, Yjs throws as soon as it writes the object again.
fn object(
    reader: &mut Reader<'_>,
    depth: usize,
    member: &mut dyn FnMut(&str, Shape) -> Result<(), Refusal>,
) -> Result<Shape, Refusal> {
    for _ in 0..reader.var_uint()? {
        let key = reader.var_string()?;
        let shape = value(reader, depth + 1, &mut |_, _| Ok(()))?;
        if key == "__proto__" && shape == Shape::Bytes {
            return Err(Refusal::Prototype);
        }
        member(key, shape)?;
    }
    Ok(Shape::Object)
}
