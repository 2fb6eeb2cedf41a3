//! Conducts one socket: what is read becomes commands, what rooms tell becomes frames.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use metrics::counter;
use tandem_model::{DocumentName, Grant, Limits, Place};
use tandem_protocol::hocuspocus::{self, Direction, Frame, split_key};
use tandem_protocol::refusal::{HocuspocusWay, YsyncWay};
use tandem_protocol::{Kind, Refusal, Sync, awareness, websocket, ysync};
use tandem_wire::{Inward, Reservation, Socket, SocketLimits, WireError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::document::{Document, Kept, Phase, TOKEN_AHEAD};
use super::entrance::{self, Entrance, Membership};
use super::flight::Flights;
use super::gate::{Attempt, Fate};
use super::pace::{Flood, Pace};
use super::vigil::{Due, Vigil};
use super::wake::{Slot, Wake};
use super::{Around, Order};
use crate::dialect::{Dialect, Saying};
use crate::refusals;
use crate::room::command::Command;
use crate::room::notice::Notice;
use crate::room::outbox::Taken;

/// Bytes that are moved into the socket's queue at a time; the rest stays in the rooms' rings, where it is shared.
const QUEUE_BYTES: usize = 256 * 1024;

/// Bytes of answers in the socket's queue; beyond, it is not read.
const ANSWERS_BYTES: usize = 1024 * 1024;

/// How long a peer may take to answer a close frame.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// What a task beside the session found out for it.
pub enum Outcome {
    /// A document was entered, or not.
    Entered(Slot, Attempt, Result<(Grant, Membership), Refusal>),
    /// A document was entered again after its room ended.
    Rejoined(Slot, Attempt, Result<Membership, Refusal>),
    /// A fresh credential was checked.
    Refreshed(Slot, Attempt, Result<Grant, Refusal>),
}

/// One socket's session.
pub struct Conduct<S> {
    around: Arc<Around>,
    socket: Socket<S>,
    place: Place,
    ysync: bool,
    /// The one document of a y-websocket; a Hocuspocus socket names its own.
    single: Option<Slot>,
    slots: Vec<Option<Document>>,
    keys: HashMap<Arc<str>, Slot>,
    wake: Arc<Wake>,
    flights: Arc<Flights>,
    rung: VecDeque<Slot>,
    outcomes: mpsc::UnboundedSender<Outcome>,
    attempts: u32,
    vigil: Vigil,
    pace: Pace,
    pings: Flood,
    kept_bytes: u64,
    rejoining: usize,
    crowded: Option<Slot>,
    token_due: Option<Instant>,
    stopped_reading: bool,
    authenticated: bool,
    /// The socket is being closed; until when the peer may take to agree.
    closing: Option<Instant>,
}

enum Io {
    Drained,
    Inward(Inward),
    Ended(Option<WireError>),
}

/// The session is over.
struct Over;

type Go = Result<(), Over>;

impl<S: AsyncRead + AsyncWrite + Unpin> Conduct<S> {
    /// Begins a session on a socket that speaks y-websocket, or else Hocuspocus.
    pub fn new(
        around: Arc<Around>,
        socket: Socket<S>,
        place: Place,
        ysync: bool,
        outcomes: mpsc::UnboundedSender<Outcome>,
        now: Instant,
    ) -> Self {
        let limits = &around.limits;
        let wake = Arc::new(Wake::default());
        let flights = Flights::new(wake.clone());
        let vigil = Vigil::new(limits, now);
        let pace = Pace::new(limits.session_frames_per_second, limits.session_frames_burst, now);
        let pings = Flood::new(limits.pings_per_second, now);
        Self {
            around,
            socket,
            place,
            ysync,
            single: None,
            slots: Vec::new(),
            keys: HashMap::new(),
            wake,
            flights,
            rung: VecDeque::new(),
            outcomes,
            attempts: 0,
            vigil,
            pace,
            pings,
            kept_bytes: 0,
            rejoining: 0,
            crowded: None,
            token_due: None,
            stopped_reading: false,
            authenticated: false,
            closing: None,
        }
    }

    /// Opens the one document of a y-websocket.
    pub fn open_single(&mut self, name: DocumentName, credential: &str, now: Instant) {
        let slot = self.add(name, Dialect::YSync, now);
        self.single = Some(slot);
        self.enter(slot, credential);
    }

    /// Refuses the whole socket.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.end(refusal);
    }

    /// Runs until the socket ends.
    pub async fn run(
        mut self,
        mut outcomes: mpsc::UnboundedReceiver<Outcome>,
        mut orders: mpsc::UnboundedReceiver<Order>,
    ) {
        let wake = self.wake.clone();
        loop {
            self.refill();
            let now = Instant::now();
            let reading = self.reads(now);
            let (_, waiting) = self.socket.queued();
            self.vigil.look(self.socket.received(), self.socket.accepted(), waiting, reading, now);
            let deadline = self.deadline();
            let went = tokio::select! {
                biased;
                Some(order) = orders.recv() => { self.order(&order); Ok(()) }
                Some(outcome) = outcomes.recv() => { self.outcome(outcome); Ok(()) }
                io = poll_fn(|cx| self.poll_io(cx, reading)) => self.io(io),
                () = wake.rung() => Ok(()),
                () = sleep_until(deadline) => self.tick(Instant::now()),
            };
            if went.is_err() {
                return;
            }
        }
    }

    fn poll_io(&mut self, cx: &mut Context<'_>, reading: bool) -> Poll<Io> {
        if self.socket.queued().0 > 0 {
            match self.socket.poll_drain(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(Io::Drained),
                Poll::Ready(Err(error)) => return Poll::Ready(Io::Ended(Some(error.into()))),
                Poll::Pending => {}
            }
        }
        if !reading {
            return Poll::Pending;
        }
        self.socket.poll_message(cx).map(|message| match message {
            Some(Ok(inward)) => Io::Inward(inward),
            Some(Err(error)) => Io::Ended(Some(error)),
            None => Io::Ended(None),
        })
    }

    /// Whether the socket is read now. Not reading is how a session is paced.
    fn reads(&mut self, now: Instant) -> bool {
        if self.closing.is_some() {
            return true;
        }
        let crowded = self
            .crowded
            .and_then(|slot| self.document(slot))
            .is_some_and(|document| document.gate.len() as u64 >= self.around.limits.owed_edits);
        self.crowded = self.crowded.filter(|_| crowded);
        let paced = self.pace.waits_until().is_some_and(|until| now < until);
        let held = self.flights.are_full() || self.around.journal.is_full();
        !(self.stopped_reading || crowded || paced || held)
            && self.rejoining == 0
            && self.socket.queued().1 < ANSWERS_BYTES
    }

    fn deadline(&self) -> Option<Instant> {
        if self.closing.is_some() {
            return self.closing;
        }
        let journal = self.around.journal.is_full().then(|| Instant::now() + Duration::from_millis(20));
        [self.vigil.deadline(), self.pace.waits_until(), self.token_due, journal].into_iter().flatten().min()
    }

    fn tick(&mut self, now: Instant) -> Go {
        if self.closing.is_some_and(|until| until <= now) {
            return Err(Over);
        }
        // A wait for the pace that is over is no debt any more.
        self.pace.spend(0, now);
        if self.token_due.is_some_and(|due| due <= now) {
            self.tokens_due(now);
        }
        match self.vigil.due(now) {
            Some(Due::Ping) => {
                self.vigil.pinged(now);
                self.socket.push(websocket::ping());
            }
            Some(Due::Keepalive) => {
                self.vigil.said(now);
                let open = self.slots.iter().flatten().find(|document| matches!(document.phase, Phase::Open(_)));
                let frame = open.and_then(|document| document.dialect.frame(Saying::Awareness(awareness::EMPTY)));
                frame.into_iter().for_each(|frame| self.socket.push(frame));
            }
            Some(Due::End(Refusal::Dead)) => {
                refusals::count(Refusal::Dead);
                return Err(Over);
            }
            Some(Due::End(Refusal::Slow)) => {
                // What it does not take it would not take a close frame after either.
                refusals::count(Refusal::Slow);
                return Err(Over);
            }
            Some(Due::End(refusal)) => self.end(refusal),
            None => {}
        }
        Ok(())
    }

    fn order(&mut self, order: &Order) {
        match order {
            Order::StopReading => self.stopped_reading = true,
            Order::Close(refusal) => {
                // What is owed goes first: all notices that came are frames before the close frame.
                self.refill();
                self.end(*refusal);
            }
        }
    }

    // Reading.

    fn io(&mut self, io: Io) -> Go {
        let now = Instant::now();
        match io {
            Io::Drained => Ok(()),
            Io::Ended(Some(error)) if error.code().is_some() && self.closing.is_none() => {
                // The close frame is queued already; it is given a chance to leave.
                tracing::debug!(%error, "a socket broke the rules");
                refusals::count(if error.code() == Some(1009) { Refusal::Oversized } else { Refusal::BrokenWebsocket });
                self.closing = Some(now + CLOSE_WITHIN);
                if self.socket.queued().0 == 0 { Err(Over) } else { Ok(()) }
            }
            Io::Ended(_) => Err(Over),
            Io::Inward(_) if self.closing.is_some() => Ok(()),
            Io::Inward(inward) => {
                self.inward(inward, now);
                Ok(())
            }
        }
    }

    fn inward(&mut self, inward: Inward, now: Instant) {
        let counts = self.socket.take_counts();
        self.pace.spend(counts.frames, now);
        if self.pings.is_too_much(u64::from(counts.pings + counts.empty), now) {
            return self.end(Refusal::Flood);
        }
        match inward {
            Inward::Binary(message) => {
                let (frame, reservation) = message.into_parts();
                counter!("tandem_frames_in_total").increment(1);
                if let Some(slot) = self.single {
                    self.frame(slot, frame, Some(reservation), now);
                } else {
                    self.keyed_frame(frame, reservation, now);
                }
            }
            Inward::Text(_) => self.end(Refusal::ProtocolMistake),
            Inward::TooLarge { head, bytes } => {
                tracing::debug!(bytes, "a message was too large");
                self.too_large(&head);
            }
            Inward::Ping | Inward::Pong | Inward::Close(_) => {}
        }
    }

    /// A Hocuspocus frame: finds its document, or begins one.
    fn keyed_frame(&mut self, frame: Bytes, reservation: Reservation, now: Instant) {
        let (key, message) = match hocuspocus::decode(Direction::FromClient, &frame) {
            Ok(Frame::Ping | Frame::Pong) => return,
            Ok(Frame::Document { key, message }) => (key, message),
            Err(error) => {
                tracing::debug!(%error, "a frame cannot be read");
                let slot = hocuspocus::head(&frame).ok().and_then(|head| self.keys.get(head.key).copied());
                return match slot {
                    Some(slot) => self.refuse_document(slot, Refusal::BadFrame),
                    None => self.end(Refusal::BadFrame),
                };
            }
        };
        if let Some(&slot) = self.keys.get(key) {
            return self.frame(slot, frame, Some(reservation), now);
        }
        if matches!(message, hocuspocus::Message::Close(_)) {
            return;
        }
        let dialect = Dialect::Hocuspocus { key: key.into() };
        let refusal = match DocumentName::new(split_key(key).0) {
            Ok(name) if (self.keys.len() as u64) < self.around.limits.documents_per_socket => {
                let slot = self.add(name, dialect, now);
                return self.frame(slot, frame, Some(reservation), now);
            }
            Ok(_) => Refusal::TooManyDocuments,
            Err(_) => Refusal::NameNotAllowed,
        };
        if matches!(message, hocuspocus::Message::Token { .. }) {
            refusals::count(refusal);
            self.say(&dialect, Saying::Denied(refusal.code()));
        }
    }

    fn add(&mut self, name: DocumentName, dialect: Dialect, now: Instant) -> Slot {
        let free = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        let slot = Slot::try_from(free).unwrap_or(Slot::MAX);
        if let Dialect::Hocuspocus { key } = &dialect {
            self.keys.insert(key.clone(), slot);
        }
        let document = Document::new(name, dialect, slot, self.wake.clone(), &self.around.limits, now);
        if free == self.slots.len() {
            self.slots.push(Some(document));
        } else {
            self.slots[free] = Some(document);
        }
        slot
    }

    /// One frame of one document, by where the document stands.
    fn frame(&mut self, slot: Slot, frame: Bytes, reservation: Option<Reservation>, now: Instant) {
        let Some(document) = self.document(slot) else { return };
        let counts = document.dialect.counts();
        let said = if counts { Said::hocuspocus(&frame) } else { Said::ysync(&frame) };
        let said = match said {
            Ok(said) => said,
            Err(refusal) => return self.refuse_document(slot, refusal),
        };
        match (&document.phase, said) {
            (_, Said::Nothing) | (Phase::Rejoining, _) => {}
            (_, Said::Leave) => self.leave(slot),
            (Phase::Shut, Said::Token(token)) => {
                if let Some(document) = self.document_mut(slot) {
                    document.phase = Phase::Pending(Kept::default());
                }
                self.enter(slot, token);
            }
            (Phase::Shut, _) => refusals::count(Refusal::NotOpen),
            (Phase::Pending(kept), Said::Token(token)) if !kept.checking => self.enter(slot, token),
            (Phase::Pending(_), said) => self.keep(slot, &frame, said.kind()),
            (Phase::Open(_), Said::Token(token)) => self.refresh(slot, token),
            (Phase::Open(_), said) => self.command(slot, &frame, said, reservation, now),
        }
    }

    fn command(&mut self, slot: Slot, frame: &Bytes, said: Said<'_>, reservation: Option<Reservation>, now: Instant) {
        let owed_max = self.around.limits.owed_edits;
        let flight = self.flights.start(reservation);
        let Some(document) = self.document_mut(slot) else { return };
        let counts = document.dialect.counts();
        let command = match said {
            Said::Sync(Sync::Step1(vector)) => {
                if document.steps.is_too_much(1, now) {
                    return self.end(Refusal::Flood);
                }
                document.gate.restart();
                Command::Step1(document.step1(vector))
            }
            Said::Sync(Sync::Step2(update)) => {
                let answer = if counts { document.gate.answered() } else { document.gate.answered_uncounted() };
                Command::Step2 { update: frame.slice_ref(update), answer }
            }
            Said::Sync(Sync::Update(update)) => {
                let entry = counts.then(|| document.gate.owe());
                Command::Update { update: frame.slice_ref(update), entry }
            }
            Said::Awareness(states) => {
                document.spoke(states);
                Command::Awareness(frame.slice_ref(states))
            }
            Said::QueryAwareness => Command::QueryAwareness,
            Said::Stateless(text) => Command::Stateless(text.into()),
            Said::Token(_) | Said::Leave | Said::Nothing => return,
        };
        let crowded = document.gate.len() as u64 >= owed_max;
        if let Phase::Open(membership) = &document.phase {
            membership.command(command, flight);
        }
        if crowded {
            self.crowded = Some(slot);
        }
    }

    /// Keeps a frame until the credential is decided, or notes what was not kept.
    fn keep(&mut self, slot: Slot, frame: &Bytes, kind: Kind) {
        let limits = self.around.clone();
        let (one_max, all_max) = (limits.limits.pending_document_bytes, limits.limits.pending_socket_bytes);
        let (all, bytes) = (self.kept_bytes, frame.len() as u64);
        let Some(Document { phase: Phase::Pending(kept), .. }) = self.document_mut(slot) else { return };
        let lost = kept.lost_edits > 0 || kept.lost_step1;
        if !lost && kept.bytes + bytes <= one_max && all + bytes <= all_max {
            kept.bytes += bytes;
            kept.frames.push_back(Bytes::copy_from_slice(frame));
            self.kept_bytes += bytes;
        } else {
            kept.lost_edits += u32::from(kind.is_edit());
            kept.lost_step1 |= kind == Kind::Step1;
        }
    }

    fn too_large(&mut self, head: &[u8]) {
        let (slot, kind) = match self.single {
            Some(slot) => (slot, ysync::head(head)),
            None => match hocuspocus::head(head).map(|head| (self.keys.get(head.key).copied(), head.kind)) {
                Ok((Some(slot), kind)) => (slot, kind),
                _ => return self.end(Refusal::Oversized),
            },
        };
        let flight = self.flights.start(None);
        let Some(document) = self.document_mut(slot) else { return };
        let counts = document.dialect.counts();
        let (answer, entry) = match kind {
            Kind::Step2 if counts => {
                let answer = document.gate.answered();
                (answer.attempt, answer.entry)
            }
            Kind::Step2 => (document.gate.answered_uncounted().attempt, None),
            Kind::Update => (None, counts.then(|| document.gate.owe())),
            _ => return refusals::count(Refusal::TooLarge),
        };
        match &mut document.phase {
            Phase::Open(membership) => membership.command(Command::TooLarge { answer, entry }, flight),
            Phase::Pending(kept) => kept.lost_edits += 1,
            Phase::Rejoining | Phase::Shut => {}
        }
    }

    // Entering and leaving.

    fn entrance(&mut self, slot: Slot) -> Option<(Attempt, Entrance)> {
        self.attempts += 1;
        let attempt = Attempt(self.attempts);
        let around = self.around.clone();
        let document = self.document_mut(slot)?;
        document.begin(attempt);
        let entrance = Entrance {
            rooms: around.rooms.clone(),
            authority: around.authority.clone(),
            clock: around.clock.clone(),
            name: document.name.clone(),
            attempt,
            inbox: document.inbox.clone(),
            asked_at_once: !document.dialect.counts(),
        };
        Some((attempt, entrance))
    }

    fn enter(&mut self, slot: Slot, credential: &str) {
        let Some((attempt, entrance)) = self.entrance(slot) else { return };
        if let Some(document) = self.document_mut(slot) {
            document.entered = attempt;
            if let Phase::Pending(kept) = &mut document.phase {
                kept.checking = true;
            }
        }
        let (outcomes, credential) = (self.outcomes.clone(), credential.to_owned());
        tokio::spawn(async move {
            let entered = entrance.enter(&credential).await;
            // A session that is gone drops the membership, which leaves the room.
            let _ = outcomes.send(Outcome::Entered(slot, attempt, entered));
        });
    }

    fn refresh(&mut self, slot: Slot, credential: &str) {
        let around = self.around.clone();
        let Some(document) = self.document(slot) else { return };
        let (entered, name) = (document.entered, document.name.clone());
        let (outcomes, credential) = (self.outcomes.clone(), credential.to_owned());
        tokio::spawn(async move {
            let checked = entrance::check(&*around.authority, &*around.clock, &credential, &name).await;
            // The session may be gone.
            let _ = outcomes.send(Outcome::Refreshed(slot, entered, checked));
        });
    }

    fn rejoin(&mut self, slot: Slot) {
        let Some(document) = self.document_mut(slot) else { return };
        let (Some(grant), again) = (document.grant.clone(), document.again()) else { return };
        document.phase = Phase::Rejoining;
        self.rejoining += 1;
        let Some((attempt, entrance)) = self.entrance(slot) else { return };
        let outcomes = self.outcomes.clone();
        tokio::spawn(async move {
            let joined = entrance.join(&grant, Some(again)).await;
            // A session that is gone drops the membership, which leaves the room.
            let _ = outcomes.send(Outcome::Rejoined(slot, attempt, joined));
        });
    }

    fn outcome(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Entered(slot, attempt, result) if self.is_current(slot, attempt) => match result {
                Ok((grant, membership)) => self.entered(slot, grant, membership),
                Err(refusal) => self.refuse_document(slot, refusal),
            },
            Outcome::Rejoined(slot, attempt, result) if self.is_current(slot, attempt) => {
                self.rejoining -= 1;
                match result {
                    Ok(membership) => {
                        if let Some(document) = self.document_mut(slot) {
                            // A fresh credential may have changed it meanwhile.
                            document.grant.iter().for_each(|grant| membership.right_changed(grant.right));
                            document.phase = Phase::Open(membership);
                            document.bell.ring();
                        }
                        self.plan_tokens();
                    }
                    Err(refusal) => self.refuse_document(slot, refusal),
                }
            }
            Outcome::Refreshed(slot, entered, result) if self.has_entered(slot, entered) => match result {
                Ok(grant) => self.refreshed(slot, grant),
                Err(refusal) => self.refuse_document(slot, refusal),
            },
            // An answer to what was left meanwhile.
            _ => {}
        }
    }

    fn is_current(&self, slot: Slot, attempt: Attempt) -> bool {
        self.document(slot).is_some_and(|document| document.attempt == attempt)
    }

    fn has_entered(&self, slot: Slot, entered: Attempt) -> bool {
        self.document(slot).is_some_and(|document| document.entered == entered)
    }

    fn entered(&mut self, slot: Slot, grant: Grant, membership: Membership) {
        if !std::mem::replace(&mut self.authenticated, true) {
            let limits = &self.around.limits;
            self.vigil.authenticated();
            self.place.authenticated();
            self.socket.set_limits(SocketLimits::authenticated(Limits::size(limits.message_bytes), limits.skip_bytes));
        }
        let may_edit = grant.right.may_edit();
        let Some(document) = self.document_mut(slot) else { return };
        document.grant = Some(grant);
        document.token_asked = false;
        let kept = match std::mem::replace(&mut document.phase, Phase::Open(membership)) {
            Phase::Pending(kept) => kept,
            _ => Kept::default(),
        };
        let dialect = document.dialect.clone();
        self.kept_bytes -= kept.bytes;
        self.say(&dialect, Saying::Authenticated(may_edit));
        let now = Instant::now();
        for frame in kept.frames {
            self.frame(slot, frame, None, now);
        }
        self.bring_back_what_was_not_kept(slot, kept.lost_edits, kept.lost_step1);
        self.plan_tokens();
    }

    fn bring_back_what_was_not_kept(&mut self, slot: Slot, edits: u32, step1: bool) {
        let (first, second) = (self.flights.start(None), self.flights.start(None));
        let Some(document) = self.document_mut(slot) else { return };
        let step1 = step1.then(|| document.step1(EMPTY_VECTOR));
        let Phase::Open(membership) = &document.phase else { return };
        if edits > 0 {
            let counts = document.dialect.counts();
            let entries = (0..edits).filter(|_| counts).map(|_| document.gate.owe()).collect();
            membership.command(Command::Unkept(entries), first);
        }
        if let Some(step1) = step1 {
            membership.command(Command::Step1(step1), second);
        }
    }

    fn refreshed(&mut self, slot: Slot, grant: Grant) {
        let Some(document) = self.document_mut(slot) else { return };
        let Some(before) = &document.grant else { return };
        if before.subject != grant.subject {
            // Somebody else's credential: this membership is over, and a new Auth may begin another.
            return self.refuse_document(slot, Refusal::Unauthenticated);
        }
        if before.right != grant.right
            && let Phase::Open(membership) = &document.phase
        {
            membership.right_changed(grant.right);
        }
        document.grant = Some(grant);
        document.token_asked = false;
        self.plan_tokens();
    }

    fn leave(&mut self, slot: Slot) {
        let Some(place) = self.slots.get_mut(slot as usize) else { return };
        let Some(document) = place.take() else { return };
        if let Dialect::Hocuspocus { key } = &document.dialect {
            self.keys.remove(key);
        }
        self.forget(&document);
        self.say(&document.dialect, Saying::Close("provider_initiated"));
        self.plan_tokens();
    }

    fn forget(&mut self, document: &Document) {
        match &document.phase {
            Phase::Pending(kept) => self.kept_bytes -= kept.bytes,
            Phase::Rejoining => self.rejoining = self.rejoining.saturating_sub(1),
            Phase::Open(_) | Phase::Shut => {}
        }
    }

    // Tokens.

    fn plan_tokens(&mut self) {
        let now = (Instant::now(), self.around.clock.now());
        let due = self.slots.iter().flatten().filter_map(|document| document.token_due(now)).min();
        self.token_due = due;
    }

    fn tokens_due(&mut self, now: Instant) {
        let clocks = (now, self.around.clock.now());
        let slots = 0..Slot::try_from(self.slots.len()).unwrap_or(Slot::MAX);
        for slot in slots {
            let Some(document) = self.document_mut(slot) else { continue };
            let Some(end) = document.grant_ends(clocks).filter(|_| matches!(document.phase, Phase::Open(_))) else {
                continue;
            };
            if end <= now {
                self.refuse_document(slot, Refusal::TokenExpired);
            } else if !document.token_asked && end <= now + TOKEN_AHEAD {
                document.token_asked = true;
                let dialect = document.dialect.clone();
                self.say(&dialect, Saying::TokenRequest);
            }
        }
        self.plan_tokens();
    }

    // Writing.

    /// Moves what rooms have to say into the socket's queue, as long as that is short.
    fn refill(&mut self) {
        let mut slots = Vec::new();
        self.wake.take(&mut slots);
        self.rung.extend(slots);
        let mut tries = self.rung.len();
        while tries > 0
            && self.socket.queued().1 < QUEUE_BYTES
            && let Some(slot) = self.rung.pop_front()
        {
            tries -= 1;
            if self.refill_from(slot) {
                self.rung.push_back(slot);
            }
        }
    }

    /// Returns whether there is more to take from it.
    fn refill_from(&mut self, slot: Slot) -> bool {
        let Some(document) = self.document(slot) else { return false };
        document.bell.answer();
        let mut notices = VecDeque::new();
        document.inbox.take(&mut notices);
        for notice in notices {
            self.notice(slot, notice);
        }
        self.pay(slot);
        let (_, queued) = self.socket.queued();
        let Some(document) = self.slots.get(slot as usize).and_then(Option::as_ref) else { return false };
        let Phase::Open(membership) = &document.phase else { return false };
        let mut frames = Vec::new();
        let left = QUEUE_BYTES.saturating_sub(queued);
        let taken = membership.outbox().take(membership.member(), &document.dialect, left, &mut frames);
        if !frames.is_empty() {
            counter!("tandem_frames_out_total").increment(frames.len() as u64);
            self.vigil.said(Instant::now());
            frames.into_iter().for_each(|frame| self.socket.push(frame));
        }
        match taken {
            Taken::All => false,
            Taken::More => true,
            Taken::Lapped => self.catch_up(slot),
            Taken::Closed => {
                self.rejoin(slot);
                false
            }
        }
    }

    /// Asks for the merged difference once the socket is writable again: it is made as late as possible.
    fn catch_up(&mut self, slot: Slot) -> bool {
        if self.socket.queued().0 > 0 {
            return true;
        }
        if let Some(document) = self.document_mut(slot)
            && let Phase::Open(membership) = &document.phase
            && !std::mem::replace(&mut document.catching_up, true)
        {
            membership.catch_up();
        }
        false
    }

    fn notice(&mut self, slot: Slot, notice: Notice) {
        let Some(document) = self.document_mut(slot) else { return };
        let dialect = document.dialect.clone();
        match notice {
            Notice::Ask(question, vector) => {
                document.gate.asked(question, document.attempt);
                self.say(&dialect, Saying::Step1(&vector));
            }
            Notice::Difference(update, number) => {
                document.answered(number);
                self.say(&dialect, Saying::Step2(&update));
            }
            Notice::CaughtUp(update, presence) => {
                document.catching_up = false;
                self.say(&dialect, Saying::Update(&update));
                presence.iter().for_each(|states| self.say(&dialect, Saying::Awareness(states)));
                // What came since is in the ring.
                self.rung.push_back(slot);
            }
            Notice::Present(Some(states)) => self.say(&dialect, Saying::Awareness(&states)),
            Notice::Present(None) => {}
            Notice::Bound(client) => document.bound = Some(client),
            Notice::Settled(entry, fate) => document.gate.settle(entry, fate),
            Notice::Refused(refusal) => self.tell_refusal(&dialect, refusal),
            Notice::Closed(refusal) => self.refuse_document(slot, refusal),
        }
    }

    /// Sends the statuses that may leave.
    fn pay(&mut self, slot: Slot) {
        while let Some(document) = self.document_mut(slot)
            && let Some(fate) = document.gate.next()
        {
            let frame = document.dialect.frame(Saying::Status(fate == Fate::Durable));
            counter!("tandem_acknowledgements_total").increment(1);
            frame.into_iter().for_each(|frame| self.socket.push(frame));
        }
    }

    fn say(&mut self, dialect: &Dialect, saying: Saying<'_>) {
        if let Some(frame) = dialect.frame(saying) {
            self.vigil.said(Instant::now());
            self.socket.push(frame);
        }
    }

    // Refusals.

    /// Tells why an edit was not taken; its status comes apart.
    fn tell_refusal(&mut self, dialect: &Dialect, refusal: Refusal) {
        match (dialect, refusal.hocuspocus(), refusal.ysync()) {
            (Dialect::Hocuspocus { .. }, HocuspocusWay::NotSavedWithCode, _) => {
                self.say(dialect, Saying::Stateless(&refusal.stateless()));
            }
            (Dialect::YSync, _, YsyncWay::PermissionDenied) => self.say(dialect, Saying::Denied(refusal.code())),
            _ => {}
        }
    }

    /// Shuts a document; a y-websocket's socket closes with it.
    fn refuse_document(&mut self, slot: Slot, refusal: Refusal) {
        let Some(document) = self.document_mut(slot) else { return };
        let dialect = document.dialect.clone();
        let phase = std::mem::replace(&mut document.phase, Phase::Shut);
        document.gate = super::gate::Gate::default();
        document.unanswered = None;
        document.grant = None;
        match phase {
            Phase::Pending(kept) => self.kept_bytes -= kept.bytes,
            Phase::Rejoining => self.rejoining = self.rejoining.saturating_sub(1),
            Phase::Open(_) | Phase::Shut => {}
        }
        if dialect == Dialect::YSync {
            return self.end(refusal);
        }
        match refusal.hocuspocus() {
            HocuspocusWay::CloseDocumentOrSocket(_) => {
                refusals::count(refusal);
                self.say(&dialect, Saying::Close(refusal.code()));
            }
            HocuspocusWay::NotSavedWithCode => {
                refusals::count(refusal);
                self.say(&dialect, Saying::Stateless(&refusal.stateless()));
                self.say(&dialect, Saying::Close(refusal.code()));
            }
            HocuspocusWay::CloseSocket(_) | HocuspocusWay::Cut => self.end(refusal),
            _ => {
                refusals::count(refusal);
                self.say(&dialect, Saying::Denied(refusal.code()));
            }
        }
    }

    /// Closes the socket with the refusal's code.
    fn end(&mut self, refusal: Refusal) {
        if self.closing.is_some() {
            return;
        }
        refusals::count(refusal);
        let code = if self.ysync {
            match refusal.ysync() {
                YsyncWay::Close(code) => code,
                // What closes nothing elsewhere closes a y-websocket whose document it ends.
                _ => CLOSED_FOR_GOOD,
            }
        } else {
            match refusal.hocuspocus() {
                HocuspocusWay::CloseSocket(code) | HocuspocusWay::CloseDocumentOrSocket(code) => code,
                _ => CLOSED_FOR_GOOD,
            }
        };
        self.socket.close(code, refusal.code());
        self.closing = Some(Instant::now() + CLOSE_WITHIN);
        // Rooms are left now, not when the peer agrees.
        self.slots.clear();
        self.keys.clear();
        self.rejoining = 0;
    }

    fn document(&self, slot: Slot) -> Option<&Document> {
        self.slots.get(slot as usize)?.as_ref()
    }

    fn document_mut(&mut self, slot: Slot) -> Option<&mut Document> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }
}

/// A state vector of somebody who has nothing.
const EMPTY_VECTOR: &[u8] = &[0];

/// Where a y-websocket's document ends for a reason that has no close code of its own.
const CLOSED_FOR_GOOD: u16 = 4410;

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// What a client said about one document, whatever its protocol.
enum Said<'a> {
    Token(&'a str),
    Sync(Sync<'a>),
    Awareness(&'a [u8]),
    QueryAwareness,
    Stateless(&'a str),
    Leave,
    Nothing,
}

impl<'a> Said<'a> {
    fn ysync(frame: &'a [u8]) -> Result<Self, Refusal> {
        Ok(match ysync::decode(frame).map_err(|_| Refusal::BadFrame)? {
            ysync::Message::Sync(sync) => Self::Sync(sync),
            ysync::Message::Awareness(states) => Self::Awareness(states),
            ysync::Message::QueryAwareness => Self::QueryAwareness,
            ysync::Message::PermissionDenied(_) | ysync::Message::Unknown(_) => Self::Nothing,
        })
    }

    fn hocuspocus(frame: &'a [u8]) -> Result<Self, Refusal> {
        use hocuspocus::Message;
        let message = match hocuspocus::decode(Direction::FromClient, frame).map_err(|_| Refusal::BadFrame)? {
            Frame::Document { message, .. } => message,
            Frame::Ping | Frame::Pong => return Ok(Self::Nothing),
        };
        Ok(match message {
            Message::Sync(sync) | Message::SyncReply(sync) => Self::Sync(sync),
            Message::Awareness(states) => Self::Awareness(states),
            Message::Token { token, .. } => Self::Token(token),
            Message::QueryAwareness => Self::QueryAwareness,
            Message::Stateless(text) => Self::Stateless(text),
            Message::Close(_) => Self::Leave,
            Message::BroadcastStateless(_) => return Err(Refusal::ProtocolMistake),
            Message::TokenRequest
            | Message::PermissionDenied(_)
            | Message::Authenticated(_)
            | Message::SyncStatus(_)
            | Message::Unknown(_) => Self::Nothing,
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Token(_) => Kind::Auth,
            Self::Sync(sync) => sync.kind(),
            Self::Awareness(_) => Kind::Awareness,
            Self::QueryAwareness => Kind::QueryAwareness,
            Self::Stateless(_) => Kind::Stateless,
            Self::Leave => Kind::Close,
            Self::Nothing => Kind::Unknown,
        }
    }
}
