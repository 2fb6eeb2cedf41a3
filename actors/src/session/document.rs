//! One document of one session.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tandem_model::{ClientId, DocumentName, Grant, Limits};
use tandem_protocol::Kind;
use tokio::time::Instant;

use super::entrance::Membership;
use super::gate::{Attempt, Gate};
use super::pace::Flood;
use super::wake::{Bell, Slot, Wake};
use crate::dialect::Dialect;
use crate::room::command::{Again, Step1};
use crate::room::notice::Inbox;

/// How long before its end a token is asked for again; of one that lives less than twice as long, at half its life.
const TOKEN_AHEAD: Duration = Duration::from_secs(30);

/// A document that a session has opened, or tries to.
pub struct Document {
    /// Its name.
    pub name: DocumentName,
    /// How its client is spoken to.
    pub dialect: Dialect,
    /// Where it stands.
    pub phase: Phase,
    /// What is owed; used where the client counts.
    pub gate: Gate,
    /// Where its room tells things.
    pub inbox: Arc<Inbox>,
    /// Rings when its room has something.
    pub bell: Arc<Bell>,
    /// Which join this is; an answer to an earlier one is stale.
    pub attempt: Attempt,
    /// The join that its first credential was checked for; later ones came of rooms that ended.
    pub entered: Attempt,
    /// What the client may do, once that is decided.
    pub grant: Option<Grant>,
    /// The client id that the room says it is bound to.
    pub bound: Option<ClientId>,
    /// Its newest presence, as it was said.
    pub presence: Option<Bytes>,
    /// How often its client may send SyncStep1.
    pub steps: Flood,
    /// How many it sent, the newest until it is answered, and up to which they are.
    pub step1s: u64,
    pub unanswered: Option<Step1>,
    pub answered: u64,
    /// Whether it waits for its turn to be answered at length, see `conduct::answering`; and whether that is a catching up.
    pub queued: bool,
    pub lapped: bool,
    /// When a fresh credential is asked for; nothing once it was.
    pub token_ask: Option<SystemTime>,
    /// Whether the room was asked for what a lapped cursor misses.
    pub catching_up: bool,
}

/// Where a document stands.
pub enum Phase {
    /// Its credential is not decided, or its room cannot be reached; what comes is kept within bounds.
    Pending(Kept),
    /// It is joined.
    Open(Membership),
    /// Its room ended; it joins again. The socket is not read meanwhile.
    Rejoining,
    /// It was refused, closed or left; what still comes is ignored.
    Shut,
}

/// What came before the credential was decided.
#[derive(Debug, Default)]
pub struct Kept {
    /// Whether the credential is being checked.
    pub checking: bool,
    /// Whether the document is unavailable: it is tried again and again.
    pub waiting: bool,
    /// Whole frames, in order.
    pub frames: VecDeque<Bytes>,
    /// Their bytes.
    pub bytes: u64,
    /// Edits that were not kept: they are asked for by SyncStep1, and owed an answer.
    pub lost_edits: u32,
    /// Whether a SyncStep1 was not kept: it is answered as if it were empty.
    pub lost_step1: bool,
    /// Whether there was no room for a frame.
    pub full: bool,
}

impl Kept {
    /// Notes a frame that was not kept. From here on none is, so that their order stays.
    pub fn lose(&mut self, kind: Kind) {
        if kind == Kind::Step1 {
            // The client counts from here anew: what came before is owed nothing, and is asked for all the same.
            (self.lost_step1, self.lost_edits) = (true, 0);
        }
        self.lost_edits += u32::from(kind.is_edit());
    }

    /// Whether frames were lost already.
    #[must_use]
    pub fn has_lost(&self) -> bool {
        self.lost_edits > 0 || self.lost_step1
    }
}

impl Document {
    /// A document whose first frame came.
    #[must_use]
    pub fn new(
        name: DocumentName,
        dialect: Dialect,
        slot: Slot,
        wake: Arc<Wake>,
        limits: &Limits,
        now: Instant,
    ) -> Self {
        let bell = Arc::new(Bell::new(wake, slot));
        Self {
            name,
            dialect,
            phase: Phase::Pending(Kept::default()),
            gate: Gate::default(),
            inbox: Arc::new(Inbox::new(bell.clone())),
            bell,
            attempt: Attempt::default(),
            entered: Attempt::default(),
            grant: None,
            bound: None,
            presence: None,
            steps: Flood::new(limits.steps_per_second, now),
            step1s: 0,
            unanswered: None,
            answered: 0,
            queued: false,
            lapped: false,
            token_ask: None,
            catching_up: false,
        }
    }

    /// Begins another join: what the last one's room still says goes nowhere.
    pub fn begin(&mut self, attempt: Attempt) {
        self.attempt = attempt;
        self.inbox = Arc::new(Inbox::new(self.bell.clone()));
        self.catching_up = false;
    }

    /// Whether so much is owed to the client that no more is read from it. While it is asked something more is read: its
    /// answer may be what decides.
    #[must_use]
    pub fn is_crowded(&self, owed_max: u64) -> bool {
        let owed = self.gate.len() as u64;
        match &self.phase {
            // Half of it: they wait for an answer together, and a room decides what waits beyond that without one.
            Phase::Pending(kept) => u64::from(kept.lost_edits) >= owed_max / 2,
            _ if self.gate.has_open_question() => owed >= owed_max * 2,
            _ => owed >= owed_max,
        }
    }

    /// Its client sent SyncStep1: it is kept until it is answered, whatever becomes of the room.
    pub fn step1(&mut self, vector: &[u8]) -> Step1 {
        self.step1s += 1;
        let vector = Bytes::copy_from_slice(vector);
        let step1 = Step1 { vector, ask: self.dialect.counts(), number: self.step1s };
        self.unanswered = Some(step1.clone());
        step1
    }

    /// SyncStep1 was answered up to this number.
    pub fn answered_to(&mut self, number: u64) {
        self.answered = self.answered.max(number);
        self.unanswered.take_if(|step1| step1.number <= number);
    }

    /// What it brings back to a room that was restarted.
    #[must_use]
    pub fn again(&self) -> Again {
        Again {
            bound: self.bound,
            presence: self.presence.clone(),
            owed: self.gate.undecided().collect(),
            step1: self.unanswered.clone(),
        }
    }

    /// Remembers what the client says of itself.
    pub fn spoke(&mut self, states: &[u8]) {
        let Ok(mut entries) = tandem_protocol::awareness::entries(states, 1) else { return };
        let Some(Ok(entry)) = entries.next() else { return };
        if self.bound.is_none_or(|bound| bound == entry.client) {
            self.presence = Some(Bytes::copy_from_slice(states));
        }
    }
}

impl Document {
    /// When its grant ends, on the clock that deadlines are kept on. `clocks` are the two clocks' present.
    #[must_use]
    pub fn grant_ends(&self, clocks: (Instant, SystemTime)) -> Option<Instant> {
        let until = self.grant.as_ref()?.until?;
        Some(clocks.0 + until.duration_since(clocks.1).unwrap_or(Duration::ZERO))
    }

    /// Takes what a credential grants. A fresh one is asked for once before its end, and not again if what comes then ends
    /// no later: the client has no other.
    pub fn granted(&mut self, grant: Grant, now: SystemTime) {
        let before = self.grant.as_ref().and_then(|grant| grant.until);
        let has_no_other = self.token_ask.is_none() && before.is_some_and(|before| grant.until <= Some(before));
        self.token_ask = grant.until.filter(|_| self.dialect.counts() && !has_no_other).map(|until| {
            let left = until.duration_since(now).unwrap_or(Duration::ZERO);
            until - TOKEN_AHEAD.min(left / 2)
        });
        self.grant = Some(grant);
    }

    /// Whether a fresh credential is to be asked for; then it is not again.
    pub fn asks_token(&mut self, now: SystemTime) -> bool {
        self.token_ask.take_if(|ask| *ask <= now).is_some()
    }

    /// When something about its credential is due: to ask for a fresh one, or to end it. Nothing while it is not open.
    #[must_use]
    pub fn token_due(&self, clocks: (Instant, SystemTime)) -> Option<Instant> {
        if !matches!(self.phase, Phase::Open(_)) {
            return None;
        }
        let end = self.grant_ends(clocks)?;
        let ask = self.token_ask.map(|ask| clocks.0 + ask.duration_since(clocks.1).unwrap_or(Duration::ZERO));
        Some(ask.map_or(end, |ask| ask.min(end)))
    }
}
