//! A simulated client: what a y-websocket or a Hocuspocus provider does, on a document of its own.

use std::collections::{BTreeMap, VecDeque};

use tandem_model::{DocumentName, Right};
use tandem_protocol::hocuspocus::{self, Direction, Frame, Message, Scope};
use tandem_protocol::{Refusal, Sync, awareness, ysync};

use crate::frames;
use crate::ledger::Claim;
use crate::pipe::ClientEnd;
use crate::replica::Replica;

/// Its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    YSync,
    Hocuspocus,
}

/// The answer to a client's handshake, short: before it the client says nothing.
pub const ANSWER: &[u8] = b"HTTP/1.1 101\r\n\r\n";

/// What it is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Edits.
    Honest,
    /// Reads, and repeats the deletions that it derived.
    Reader,
    /// A viewer who edits all the same.
    Intruder,
    /// Edits, and writes under the ids of others.
    Forger,
}

/// Somebody at a keyboard.
pub struct Client {
    pub name: String,
    pub subject: String,
    pub intent: Intent,
    pub speech: Speech,
    pub document: DocumentName,
    pub replica: Replica,
    pub connection: Option<Connection>,
    /// Its own presence: a clock and a state.
    pub presence: Option<(u64, String)>,
    /// What it knows of others' presence.
    pub others: BTreeMap<u64, (u64, bool)>,
    /// Edits that were made without a connection, where the provider sends them again with the next.
    pub queue: Vec<Vec<u8>>,
    /// Whether its provider has such a queue.
    pub queues: bool,
    /// The provider's count of unsaved changes.
    pub unsynced: u64,
    /// All that was acknowledged.
    pub acknowledged: Claim,
    /// A forged edit that it insists on.
    pub forged: Option<Vec<u8>>,
}

/// A socket, as its client sees it.
pub struct Connection {
    pub end: ClientEnd,
    /// Whether the answer to its handshake came.
    pub upgraded: bool,
    /// Bytes that wait to leave, and bytes that came and are no whole frame yet.
    pub outgoing: Vec<u8>,
    pub incoming: Vec<u8>,
    pub authenticated: bool,
    pub denied: bool,
    pub synced: bool,
    pub heard: bool,
    /// It said good-bye.
    pub parted: bool,
    owed: VecDeque<Owed>,
    /// Acknowledgements from before a forced sync may be under way: which is which is unknown.
    pub loose: bool,
}

struct Owed {
    claim: Claim,
    forged: bool,
    /// Whether it answers a question that the server may or may not count.
    undecided: bool,
}

/// What a client noticed.
#[derive(Debug)]
pub enum Event {
    /// An edit was acknowledged that held this.
    Saved(Claim),
    /// An edit of an honest editor, or what a reader derived, was refused.
    Refused(String),
    /// The socket was closed with this code.
    Closed(u16),
    /// The credential is not good any more.
    Denied(String),
    /// A fresh credential is wanted.
    TokenWanted,
    /// A promise was broken.
    Broken(String),
}

impl Connection {
    pub fn new(end: ClientEnd) -> Self {
        Self {
            end,
            upgraded: false,
            outgoing: Vec::new(),
            incoming: Vec::new(),
            authenticated: false,
            denied: false,
            synced: false,
            heard: false,
            parted: false,
            owed: VecDeque::new(),
            loose: false,
        }
    }

    /// How many acknowledgements are owed.
    pub fn owed(&self) -> usize {
        self.owed.len()
    }

    /// What the next acknowledgement is about.
    pub fn first_owed(&self) -> Option<&Claim> {
        self.owed.front().map(|owed| &owed.claim)
    }

    /// What leaves now of what waits to, so many bytes at most.
    pub fn leaving(&mut self, most: usize) -> Vec<u8> {
        let count = if self.upgraded { most.min(self.outgoing.len()) } else { 0 };
        self.outgoing.drain(..count).collect()
    }

    /// Takes the answer to the handshake off the front of what came; false if something else stands there.
    fn upgrade(&mut self) -> bool {
        let answer = &ANSWER[..ANSWER.len().min(self.incoming.len())];
        if !self.incoming.starts_with(answer) {
            return false;
        }
        if answer.len() == ANSWER.len() {
            self.upgraded = true;
            self.incoming.drain(..answer.len());
        }
        true
    }
}

impl Client {
    /// Somebody who only looks, at the end.
    pub fn newcomer(document: DocumentName, id: u64) -> Self {
        Self {
            name: "newcomer".into(),
            subject: "newcomer".into(),
            intent: Intent::Reader,
            speech: Speech::YSync,
            document,
            replica: Replica::new(id),
            connection: None,
            presence: None,
            others: BTreeMap::new(),
            queue: Vec::new(),
            queues: false,
            unsynced: 0,
            acknowledged: Claim::default(),
            forged: None,
        }
    }

    pub fn right(&self) -> Right {
        if matches!(self.intent, Intent::Honest | Intent::Forger) { Right::Editor } else { Right::Viewer }
    }

    /// Whether what it has at the end must be what everybody has.
    pub fn is_faithful(&self) -> bool {
        self.intent != Intent::Intruder
    }

    fn counts(&self) -> bool {
        self.speech == Speech::Hocuspocus
    }

    // What it does.

    /// Its socket is open: begins as its provider does.
    pub fn open(&mut self, end: ClientEnd, token: &str) {
        self.connection = Some(Connection::new(end));
        self.authenticate(token);
    }

    /// Sends its credential and begins to sync, on a new socket or again.
    pub fn authenticate(&mut self, token: &str) {
        let Some(connection) = &mut self.connection else { return };
        connection.denied = false;
        connection.owed.clear();
        connection.loose = false;
        if self.counts() {
            self.say(&Message::Token { token, version: Some("4.8.0") });
        }
        self.step1();
        self.speak_up();
    }

    /// Sends only a fresh credential.
    pub fn refresh(&mut self, token: &str) {
        self.say(&Message::Token { token, version: Some("4.8.0") });
    }

    fn step1(&mut self) {
        self.unsynced = 1;
        let vector = self.replica.vector();
        self.sync(Sync::Step1(&vector));
    }

    /// Begins to sync again on a live connection.
    pub fn force_sync(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.loose |= !connection.owed.is_empty();
            connection.owed.clear();
        }
        self.step1();
    }

    /// Sends its own presence.
    pub fn speak_up(&mut self) {
        let Some((clock, state)) = &self.presence else { return };
        let entry = awareness::Entry {
            client: tandem_model::ClientId(self.replica.id),
            clock: *clock,
            state: awareness::State::Json(state),
        };
        let states = awareness::encode(&[entry]);
        match self.speech {
            Speech::YSync => self.say_ysync(&ysync::Message::Awareness(&states)),
            Speech::Hocuspocus => self.say(&Message::Awareness(&states)),
        }
    }

    /// An edit was made here, or came by another way than the socket: sends it, or keeps it for later.
    pub fn bring(&mut self, update: &[u8]) {
        self.unsynced += 1;
        match &self.connection {
            Some(connection) if !connection.parted => self.send(update, false),
            _ if self.queues => self.queue.push(update.to_vec()),
            _ => {}
        }
    }

    /// Sends an edit, forged or not.
    pub fn send(&mut self, update: &[u8], forged: bool) {
        let counts = self.counts();
        let Some(connection) = &mut self.connection else { return };
        if counts && !connection.denied {
            connection.owed.push_back(Owed { claim: Claim::of(update), forged, undecided: false });
        }
        self.sync(Sync::Update(update));
    }

    /// Leaves politely: its document (Hocuspocus), then the socket.
    pub fn part(&mut self) {
        if self.counts() {
            self.say(&Message::Close(None));
        }
        if let Some(connection) = &mut self.connection {
            connection.parted = true;
            frames::write(&mut connection.outgoing, frames::CLOSE, &[]);
        }
    }

    /// Asks who is there, or tells everybody something.
    pub fn chatter(&mut self, query: bool) {
        match (self.speech, query) {
            (Speech::YSync, _) => self.say_ysync(&ysync::Message::QueryAwareness),
            (Speech::Hocuspocus, true) => self.say(&Message::QueryAwareness),
            (Speech::Hocuspocus, false) => self.say(&Message::Stateless("hello")),
        }
    }

    fn sync(&mut self, sync: Sync<'_>) {
        match self.speech {
            Speech::YSync => self.say_ysync(&ysync::Message::Sync(sync)),
            Speech::Hocuspocus => self.say(&Message::Sync(sync)),
        }
    }

    fn say(&mut self, message: &Message<'_>) {
        let mut payload = Vec::new();
        hocuspocus::encode(&Frame::Document { key: self.document.as_str(), message: *message }, &mut payload);
        self.write(frames::BINARY, &payload);
    }

    fn say_ysync(&mut self, message: &ysync::Message<'_>) {
        let mut payload = Vec::new();
        ysync::encode(message, &mut payload);
        self.write(frames::BINARY, &payload);
    }

    fn write(&mut self, opcode: u8, payload: &[u8]) {
        if let Some(connection) = &mut self.connection {
            frames::write(&mut connection.outgoing, opcode, payload);
        }
    }

    /// All that waits on both sides of its connection, if it has one, arrives at once.
    pub fn exchange(&mut self) -> Vec<Event> {
        let Some(connection) = &mut self.connection else { return Vec::new() };
        let out = connection.leaving(usize::MAX);
        connection.end.give(&out);
        let came = connection.end.take(usize::MAX);
        self.hear(&came)
    }

    /// Whether it has a connection that was answered.
    pub fn is_synced(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.synced)
    }

    // What it hears.

    /// Bytes came: takes every whole frame.
    pub fn hear(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        if let Some(connection) = &mut self.connection {
            connection.incoming.extend(bytes);
            if !connection.upgraded && !connection.upgrade() {
                return vec![Event::Broken("something before the answer to the handshake".into())];
            }
        }
        while let Some(connection) = &mut self.connection
            && connection.upgraded
            && let Some((opcode, payload)) = frames::read(&mut connection.incoming)
        {
            match opcode {
                frames::PING => self.write(frames::PONG, &payload),
                frames::CLOSE => {
                    let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                    self.write(frames::CLOSE, &[]);
                    events.push(Event::Closed(code));
                }
                frames::BINARY => self.message(&payload, &mut events),
                other => events.push(Event::Broken(format!("a frame of kind {other}"))),
            }
        }
        events
    }

    fn message(&mut self, payload: &[u8], events: &mut Vec<Event>) {
        let first = self.connection.as_mut().is_some_and(|connection| !std::mem::replace(&mut connection.heard, true));
        match self.speech {
            Speech::YSync => match ysync::decode(payload) {
                Ok(ysync::Message::Sync(sync)) => self.heard_sync(sync, events),
                Ok(ysync::Message::Awareness(states)) => self.heard_states(states, events),
                Ok(ysync::Message::PermissionDenied(reason)) => self.heard_refusal(reason, events),
                other => events.push(Event::Broken(format!("a message that no server sends: {other:?}"))),
            },
            Speech::Hocuspocus => match hocuspocus::decode(Direction::FromServer, payload) {
                Ok(Frame::Document { key, message }) if key == self.document.as_str() => {
                    self.heard(message, events);
                }
                other => events.push(Event::Broken(format!("a frame that no server sends: {other:?}"))),
            },
        }
        if first {
            for update in std::mem::take(&mut self.queue) {
                self.send(&update, false);
            }
        }
    }

    fn heard(&mut self, message: Message<'_>, events: &mut Vec<Event>) {
        // What belongs to a credential may come between a question and the answer that goes with it.
        if !matches!(message, Message::Sync(_) | Message::Authenticated(_) | Message::TokenRequest) {
            self.settle_question(false);
        }
        match message {
            Message::Sync(sync) => self.heard_sync(sync, events),
            Message::Awareness(states) => self.heard_states(states, events),
            Message::SyncStatus(saved) => self.heard_status(saved, events),
            Message::Authenticated(scope) => {
                let right = if scope == Scope::ReadWrite { Right::Editor } else { Right::Viewer };
                if right != self.right() {
                    events.push(Event::Broken(format!("authenticated as {right:?}")));
                }
                if let Some(connection) = &mut self.connection {
                    connection.authenticated = true;
                }
            }
            Message::Close(_) if self.connection.as_ref().is_some_and(|connection| connection.parted) => {}
            Message::PermissionDenied(reason) | Message::Close(Some(reason)) => {
                if let Some(connection) = &mut self.connection {
                    connection.denied = true;
                    connection.authenticated = false;
                    connection.synced = false;
                    // A fresh credential may have crossed the denial: then what is sent meanwhile is counted by the server.
                    connection.loose = true;
                    connection.owed.clear();
                }
                events.push(Event::Denied(reason.to_owned()));
            }
            Message::TokenRequest => events.push(Event::TokenWanted),
            Message::Stateless("hello") => {}
            // It waits for a document that cannot be reached now.
            Message::Stateless(text) if text == Refusal::Unavailable.stateless() => {}
            Message::Stateless(text) => self.heard_refusal(text, events),
            other => events.push(Event::Broken(format!("a message that no server sends: {other:?}"))),
        }
    }

    fn heard_sync(&mut self, sync: Sync<'_>, events: &mut Vec<Event>) {
        // The question that goes with an answer is the handshake's: the provider counts what answers it.
        self.settle_question(matches!(sync, Sync::Step2(_)));
        match sync {
            Sync::Step1(vector) => self.answer(vector),
            Sync::Step2(update) | Sync::Update(update) => {
                if let Err(error) = self.replica.apply(update) {
                    events.push(Event::Broken(error));
                }
                if let (Sync::Step2(_), Some(connection)) = (sync, &mut self.connection) {
                    connection.synced = true;
                }
            }
        }
    }

    fn answer(&mut self, vector: &[u8]) {
        let counts = self.counts();
        let mut update = self.replica.difference(vector);
        if let Some(forged) = &self.forged {
            update = yrs::merge_updates_v1([update.as_slice(), forged]).expect("both are updates");
        }
        let forged = self.forged.is_some();
        let Some(connection) = &mut self.connection else { return };
        if counts && !connection.denied {
            connection.owed.push_back(Owed { claim: Claim::of(&update), forged, undecided: true });
        }
        self.sync(Sync::Step2(&update));
    }

    fn settle_question(&mut self, counted: bool) {
        let Some(connection) = &mut self.connection else { return };
        // Edits may have been sent behind the answer.
        let Some(at) = connection.owed.iter().position(|owed| owed.undecided) else { return };
        if counted {
            connection.owed[at].undecided = false;
        } else {
            connection.owed.remove(at);
        }
    }

    fn heard_status(&mut self, saved: bool, events: &mut Vec<Event>) {
        let (right, intent) = (self.right(), self.intent);
        let Some(connection) = &mut self.connection else { return };
        if saved {
            self.unsynced = self.unsynced.saturating_sub(1);
        }
        if connection.loose {
            return;
        }
        let Some(Owed { claim, forged, .. }) = connection.owed.pop_front() else {
            return events.push(Event::Broken(format!("an acknowledgement ({saved}) of nothing")));
        };
        match (saved, right.may_edit()) {
            (true, true) => {
                self.acknowledged.merge(claim.clone());
                events.push(Event::Saved(claim));
            }
            (true, false) if claim.inserts_nothing() => {}
            // What it had drawn from elsewhere may be there by now.
            (true, false) => events.push(Event::Saved(claim.insertions())),
            (false, true) if forged => {}
            (false, true) => events.push(Event::Refused(format!("status 0 for {claim:?}"))),
            (false, false) if intent == Intent::Intruder => {}
            (false, false) => events.push(Event::Refused("status 0 for a reader".into())),
        }
    }

    fn heard_refusal(&self, reason: &str, events: &mut Vec<Event>) {
        if matches!(self.intent, Intent::Honest | Intent::Reader) {
            events.push(Event::Refused(reason.to_owned()));
        }
    }

    fn heard_states(&mut self, states: &[u8], events: &mut Vec<Event>) {
        let Ok(entries) = awareness::entries(states, 10_000) else {
            return events.push(Event::Broken("presence that cannot be read".into()));
        };
        for raw in entries.flatten() {
            let here = raw.json != "null";
            if raw.client.0 == self.replica.id {
                // Its own clock comes back, raised if it was thought gone.
                if let Some((clock, _)) = &mut self.presence {
                    *clock = (*clock).max(raw.clock) + u64::from(!here && *clock <= raw.clock);
                }
                continue;
            }
            let known = self.others.entry(raw.client.0).or_default();
            if raw.clock > known.0 || (raw.clock == known.0 && !here) {
                *known = (raw.clock, here);
            }
        }
    }
}
