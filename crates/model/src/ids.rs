//! Ids are types, so that a clock is never taken for a sequence number.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// A Yjs client id: random, 32 bits today and up to 53 in older Yjs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ClientId(pub u64);

/// A Yjs clock: counts the elements that one client has made in one document.
pub type Clock = u64;

/// Names one element of a document: the `clock`-th that `client` made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Id {
    /// Who made it.
    pub client: ClientId,
    /// Its place among what that client made, from 0.
    pub clock: Clock,
}

impl Id {
    /// Names the `clock`-th element of `client`.
    #[must_use]
    pub fn new(client: u64, clock: Clock) -> Self {
        Self { client: ClientId(client), clock }
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.client, self.clock)
    }
}

/// A document's number in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct DocumentId(pub i64);

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How often a document's name was used: raised by each deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Epoch(pub i64);

/// A position in a document's log. Only a commit assigns one; the first row has 1, and 0 means "nothing yet".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Seq(pub i64);

impl Seq {
    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One socket's session on this node; never reused while the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct SessionId(pub u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who somebody is, whoever signed for it: the `sub` of a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Subject(Arc<str>);

impl Subject {
    /// Wraps the `sub` of a verified token.
    #[must_use]
    pub fn new(sub: &str) -> Self {
        Self(sub.into())
    }

    /// The `sub` as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
