//! Why an update is refused whole.

use thiserror::Error;

use crate::lib0::DecodeError;

/// The rule that an update breaks. Nothing of it is taken.
///
/// Each stands for bytes on which Yjs throws or misbehaves, live or at the next load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The update ends before what it announces.
    #[error("update ends early")]
    Truncated,
    /// An integer above 2^53-1, or written in more than eight bytes.
    #[error("integer out of range")]
    Integer,
    /// A string that is not UTF-8.
    #[error("invalid utf-8")]
    Utf8,
    /// A content reference above 10.
    #[error("unknown content reference")]
    ContentRef,
    /// A GC or a Skip with other bits set.
    #[error("unknown info bits")]
    InfoBits,
    /// A type reference above 6.
    #[error("unknown type reference")]
    TypeRef,
    /// An `Any` tag outside 116 to 127.
    #[error("unknown any tag")]
    AnyTag,
    /// Text in Embed, Format or JSON that `JSON.parse` throws on.
    #[error("invalid json")]
    Json,
    /// Options of a sub-document that are no object, or name a `guid` that is no string.
    #[error("invalid sub-document options")]
    DocumentOptions,
    /// A struct or a deleted range of length 0.
    #[error("length of zero")]
    ZeroLength,
    /// One client listed twice in the struct blocks.
    #[error("client listed twice")]
    RepeatedClient,
    /// A struct whose origin, right origin or parent is its own client's and not strictly below its clock.
    #[error("reference to what comes later")]
    ForwardReference,
    /// `Any` or JSON values nested deeper than [`NESTING_MAX`](crate::NESTING_MAX).
    #[error("nested too deeply")]
    Nesting,
    /// A clock that goes above 2^53-1.
    #[error("clock out of range")]
    Clock,
    /// A `__proto__` key in an `Any` object whose value makes the object pass for bytes: Yjs throws when it
    /// writes the object again.
    #[error("object that passes for bytes")]
    Prototype,
}

impl Refusal {
    /// Names the rule, for the label of a metric.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Integer => "integer",
            Self::Utf8 => "utf8",
            Self::ContentRef => "content-ref",
            Self::InfoBits => "info-bits",
            Self::TypeRef => "type-ref",
            Self::AnyTag => "any-tag",
            Self::Json => "json",
            Self::DocumentOptions => "document-options",
            Self::ZeroLength => "zero-length",
            Self::RepeatedClient => "repeated-client",
            Self::ForwardReference => "forward-reference",
            Self::Nesting => "nesting",
            Self::Clock => "clock",
            Self::Prototype => "prototype",
        }
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Truncated => Self::Truncated,
            DecodeError::Integer => Self::Integer,
            DecodeError::Utf8 => Self::Utf8,
        }
    }
}
