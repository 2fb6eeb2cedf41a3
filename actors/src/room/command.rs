//! What a session says to a room, whatever its client's protocol.

use std::sync::Arc;

use bytes::Bytes;
use tandem_model::{ClientId, Right, Subject};

use super::notice::Inbox;
use crate::session::flight::Flight;
use crate::session::gate::{Answer, Attempt, Entry};

/// One decoded frame.
#[derive(Clone, Debug)]
pub enum Command {
    /// The client asks what it misses.
    Step1(Step1),
    /// The client answers a question of ours.
    Step2 {
        /// What we miss.
        update: Bytes,
        /// What it means to the gate.
        answer: Answer,
    },
    /// An edit.
    Update {
        /// What was edited.
        update: Bytes,
        /// Its place in the gate, where the client counts.
        entry: Option<Entry>,
    },
    /// A frame of the client was too large to be read.
    TooLarge {
        /// Whose question it would have answered.
        answer: Option<Attempt>,
        /// Its place in the gate, if it was an edit.
        entry: Option<Entry>,
        /// Whether it was even too large to be skipped, and its socket ended.
        oversized: bool,
    },
    /// Edits that came before the credential was decided and were not kept: they are asked for.
    Unkept(Vec<Entry>),
    /// Presence.
    Awareness(Bytes),
    /// The client asks who is there.
    QueryAwareness,
    /// The application's own message to everybody in the document.
    Stateless(Arc<str>),
}

impl Command {
    /// How many bytes of its client are in it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Step1(Step1 { vector: bytes, .. })
            | Self::Step2 { update: bytes, .. }
            | Self::Update { update: bytes, .. }
            | Self::Awareness(bytes) => bytes.len(),
            Self::Stateless(text) => text.len(),
            Self::TooLarge { .. } | Self::Unkept(_) | Self::QueryAwareness => 0,
        }
    }

    /// Whether it is about what the document holds.
    #[must_use]
    pub fn concerns_the_document(&self) -> bool {
        !matches!(self, Self::Awareness(_) | Self::QueryAwareness | Self::Stateless(_))
    }
}

/// Commands of one member, in the order in which its frames came.
pub type Commands = Vec<(Command, Flight)>;

/// The client's SyncStep1.
#[derive(Clone, Debug)]
pub struct Step1 {
    /// What it has; a state vector.
    pub vector: Bytes,
    /// Whether our own question goes with the answer.
    pub ask: bool,
    /// Which of its session's for this document it is, going up by one.
    pub number: u64,
}

/// A session that wants in.
#[derive(Clone, Debug)]
pub struct Join {
    /// Who.
    pub subject: Subject,
    /// What they may do.
    pub right: Right,
    /// Which of the session's joins of this document this is.
    pub attempt: Attempt,
    /// Where it is told things.
    pub inbox: Arc<Inbox>,
    /// Whether its protocol wants our SyncStep1 before it sends its own.
    pub asked_at_once: bool,
    /// What a session brings back to a room that was restarted.
    pub again: Option<Again>,
}

/// A rejoining session's memory of the room that is gone.
#[derive(Clone, Debug, Default)]
pub struct Again {
    /// The client id that it was bound to.
    pub bound: Option<ClientId>,
    /// Its newest presence, as an awareness update.
    pub presence: Option<Bytes>,
    /// The edits without a fate.
    pub owed: Vec<Entry>,
    /// The client's newest SyncStep1, if it was not answered.
    pub step1: Option<Step1>,
}
