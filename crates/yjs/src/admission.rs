//! What came of admitting an update.

use std::borrow::Cow;

use tandem_model::{ClientId, Clock, Id};

/// What the room lets an admission do with new structs of a client id from this bringer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They are taken.
    Take,
    /// They are not taken now; the bringer may bring them again.
    Withhold,
    /// They are refused for good.
    Refuse,
}

/// Why something was refused for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The judge said so.
    Judged,
    /// Structs of several clients that need one another: no Yjs makes them.
    Cycle,
    /// Types nested deeper than [`TYPE_NESTING_MAX`](crate::TYPE_NESTING_MAX): Yjs overflows its stack on them.
    Depth,
    /// It falls into more pieces than one update may.
    Pieces,
    /// A document limit is reached.
    Full,
}

impl Cause {
    /// Names the cause, for the label of a metric.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Judged => "judged",
            Self::Cycle => "cycle",
            Self::Depth => "depth",
            Self::Pieces => "pieces",
            Self::Full => "full",
        }
    }
}

/// What an index took of an update, and what it did not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission<'a> {
    /// An encoding of exactly what was new, as the index writes it; nothing if nothing new could be taken. Borrowed: all of
    /// the update was new, and is written so already.
    pub taken: Option<Cow<'a, [u8]>>,
    /// Each client whose clock advanced, with its clock before.
    pub before: Vec<(ClientId, Clock)>,
    /// Whether structs were taken.
    pub new_structs: bool,
    /// Whether deletions were taken that were not known.
    pub new_deletions: bool,
    /// The first element that is needed and not there: a gap, an origin, a right origin, a parent, or what is deleted.
    pub missing: Option<Id>,
    /// The first new element of each client that the judge withheld. What depends on them is not taken either.
    pub withheld: Vec<Id>,
    /// The first element that was refused for good, by itself or for what it depends on.
    pub refused: Option<Id>,
    /// Why [`refused`](Self::refused) was refused.
    pub cause: Option<Cause>,
    /// Whether a document limit is reached: new structs are refused, deletions are still taken.
    pub full: bool,
}

impl Admission<'_> {
    /// The same with bytes of its own.
    #[must_use]
    pub fn into_owned(self) -> Admission<'static> {
        let Self { taken, before, new_structs, new_deletions, missing, withheld, refused, cause, full } = self;
        let taken = taken.map(|taken| Cow::Owned(taken.into_owned()));
        Admission { taken, before, new_structs, new_deletions, missing, withheld, refused, cause, full }
    }
}
