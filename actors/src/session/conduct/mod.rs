//! Conducts one socket: what is read becomes commands, what rooms tell becomes frames.

mod answering;
mod entering;
mod reading;
mod refusing;
mod said;
mod writing;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use litemap::LiteMap;
use tandem_model::{DocumentName, Grant, Limits, Place};
use tandem_protocol::{Refusal, awareness, websocket};
use tandem_wire::{Counts, Socket, Standstill};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use self::answering::Answering;
use super::alarm::Alarm;
use super::document::{Document, Phase};
use super::entrance::Membership;
use super::errands::Errands;
use super::flight::{Flight, Flights};
use super::gate::Attempt;
use super::pace::{Flood, Pace};
use super::vigil::{Due, Vigil};
use super::wake::{Letterbox, Slot, Wake};
use super::{Around, Order, Orders};
use crate::dialect::{Dialect, Saying};
use crate::{reached, refusals};

/// Bytes that are moved from rings into the socket's queue at a time; the rest stays in the rings, where it is shared.
const QUEUE_BYTES: usize = 256 * 1024;

/// Bytes in the socket's queue, answers among them; beyond, it is not read.
const ANSWERS_BYTES: usize = 1024 * 1024;

/// Messages that are read one after another before what rooms have to say has its turn; as many as may be in flight.
const MESSAGES_A_TURN: usize = super::flight::FLIGHTS_MAX;

/// Turns of one poll of a session's task; then the thread's other tasks have theirs.
const TURNS_A_POLL: usize = 4;

/// How soon a session looks again whether the journal has room.
const JOURNAL_AGAIN: Duration = Duration::from_millis(250);

/// How long an answer may lie behind more edits than a session is owed for. It would be waited for in vain, since nothing
/// is read until it decides: the client has to come back.
const UNHEARD_MAX: Duration = Duration::from_secs(10);

/// How long a peer may take to answer a close frame.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// What an errand of the session found out.
pub enum Outcome {
    /// A document was entered, or not.
    Entered(Slot, Attempt, Result<(Grant, Membership), Refusal>),
    /// A document was entered again after its room ended.
    Rejoined(Slot, Attempt, Result<Membership, Refusal>),
    /// A document cannot be entered for now; it is tried again and again.
    Unavailable(Slot, Attempt),
    /// A fresh credential was checked.
    Refreshed(Slot, Attempt, Result<Grant, Refusal>),
}

/// One socket's session.
pub struct Conduct<S> {
    around: Arc<Around>,
    socket: Socket<S>,
    place: Place,
    ysync: bool,
    /// The answer to the handshake waits a turn of the thread for what the room says first.
    greets: bool,
    /// The one document of a y-websocket; a Hocuspocus socket names its own.
    single: Option<Slot>,
    slots: Vec<Option<Box<Document>>>,
    keys: LiteMap<Arc<str>, Slot>,
    orders: Arc<Orders>,
    wake: Arc<Wake>,
    flights: Arc<Flights>,
    rung: VecDeque<Slot>,
    errands: Errands<Outcome>,
    /// What errands have to say before they end.
    letters: Arc<Letterbox<Outcome>>,
    attempts: u32,
    vigil: Vigil,
    standstill: Standstill,
    pace: Pace,
    pings: Flood,
    kept_bytes: u64,
    rejoining: u32,
    crowded: Option<Slot>,
    /// Since when an answer is awaited that lies behind what is not read.
    unheard: Option<Instant>,
    /// Documents with commands that are put together and not handed over.
    commanded: Vec<Slot>,
    /// Documents whose clients are to be answered at length, each in its turn.
    to_answer: VecDeque<(Slot, Option<Flight>)>,
    answering: Option<Answering>,
    alarm: Alarm,
    token_due: Option<Instant>,
    stopped_reading: bool,
    /// Whether it is not read because the journal is full.
    journal_full: bool,
    authenticated: bool,
    /// The socket is being closed. Boxed: nearly none is.
    closing: Option<Box<Closing>>,
}

/// The peer may agree to the close.
struct Closing {
    /// Until when.
    until: Instant,
    /// Of all that it sends: so far is it read away.
    read_away_to: u64,
}

/// The session is over.
enum Over {
    /// The peer is gone, or takes nothing: the stream is dropped.
    Cut,
    /// What is queued is written, and what still comes is read away.
    Finish,
}

type Go = Result<(), Over>;

impl<S: AsyncRead + AsyncWrite + Unpin> Conduct<S> {
    /// Begins a session on a socket that speaks y-websocket, or else Hocuspocus.
    pub fn new(
        around: Arc<Around>,
        socket: Socket<S>,
        place: Place,
        ysync: bool,
        orders: Arc<Orders>,
        now: Instant,
    ) -> Self {
        let limits = &around.limits;
        let wake = orders.wake().clone();
        let flights = Flights::new(wake.clone());
        let letters = Arc::new(Letterbox::new(wake.clone()));
        let vigil = Vigil::new(limits, now);
        let standstill = Standstill::new(Limits::seconds(limits.message_stall_seconds));
        let pace = Pace::new(limits.session_frames_per_second, limits.session_frames_burst, now);
        let pings = Flood::new(limits.pings_per_second, now);
        Self {
            around,
            socket,
            place,
            ysync,
            greets: false,
            single: None,
            slots: Vec::new(),
            keys: LiteMap::new_vec(),
            orders,
            wake,
            flights,
            rung: VecDeque::new(),
            errands: Errands::default(),
            letters,
            attempts: 0,
            vigil,
            standstill,
            pace,
            pings,
            kept_bytes: 0,
            rejoining: 0,
            crowded: None,
            unheard: None,
            commanded: Vec::new(),
            to_answer: VecDeque::new(),
            answering: None,
            alarm: Alarm::default(),
            token_due: None,
            stopped_reading: false,
            journal_full: false,
            authenticated: false,
            closing: None,
        }
    }

    /// Takes on the answer to the handshake, which is the first thing to be written. A y-websocket's room has something to say
    /// as soon as it is joined: if that takes one turn of the thread, both leave in one packet.
    pub fn answers(&mut self, answer: Bytes) {
        self.greets = self.ysync && !answer.is_empty();
        self.socket.push(answer);
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
    pub async fn run(mut self: Box<Self>) {
        let over = poll_fn(|cx| self.poll(cx)).await;
        // Rooms are left now, not when the peer agrees. What was on its way into one leaves it too.
        self.slots.clear();
        self.errands = Errands::default();
        if matches!(over, Over::Finish) {
            // Boxed: the session would hold the place of it as long as it lives.
            let finished = Box::pin(self.socket.finish()).await;
            if !finished {
                tracing::debug!("a peer was not waited for");
            }
        }
    }

    /// Goes on until everything waits: deadlines first, so that no flood outruns them.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Over> {
        self.wake.listen(cx.waker());
        let greets = std::mem::take(&mut self.greets);
        for _ in 0..TURNS_A_POLL {
            if self.alarm.poll(cx).is_ready() {
                let now = Instant::now();
                let reading = self.reads(now);
                if let Err(over) = self.tick(reading, now) {
                    return Poll::Ready(over);
                }
            }
            while let Some(order) = self.orders.take() {
                self.order(&order);
            }
            while let Some(outcome) = self.letters.take() {
                self.outcome(outcome);
            }
            while let Poll::Ready(Some(outcome)) = self.errands.poll(cx) {
                self.outcome(outcome);
            }
            self.refill();
            self.ask_next();
            let now = Instant::now();
            let reading = self.reads(now);
            self.look(reading, now);
            let io = self.poll_io(cx, usize::from(greets), reading, now);
            self.hand_over();
            if let Poll::Ready(Err(over)) = io {
                return Poll::Ready(over);
            }
            let set = self.alarm.set(self.deadline());
            if io.is_pending() && !set && !self.errands.are_fresh() {
                if greets {
                    cx.waker().wake_by_ref();
                }
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Hands over the commands that this turn's frames became.
    fn hand_over(&mut self) {
        while let Some(slot) = self.commanded.pop() {
            if let Some(Document { phase: Phase::Open(membership), .. }) = self.document_mut(slot) {
                membership.hand_over();
            }
        }
    }

    /// Looks at the socket's counters. While it waits for the node's budget it is not read, as when it is paced.
    fn look(&mut self, reading: bool, now: Instant) {
        let (_, waiting) = self.socket.queued();
        let reads = reading && !self.socket.is_waiting();
        self.vigil.look(self.socket.received(), self.socket.accepted(), waiting, reads, now);
        self.standstill.look(&self.socket, reading, now);
    }

    /// Writes and reads what can be now. Pending when both wait; else there is more to do. So many pieces to be written are no
    /// reason to write.
    fn poll_io(&mut self, cx: &mut Context<'_>, held: usize, mut reading: bool, now: Instant) -> Poll<Go> {
        if self.socket.queued().0 > held {
            match self.socket.poll_drain(cx) {
                Poll::Ready(Ok(())) if !self.rung.is_empty() || self.may_ask() => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => return Poll::Ready(self.ended(Some(error.into()))),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
        }
        let written = self.socket.queued().0;
        for _ in 0..MESSAGES_A_TURN {
            if !reading {
                break;
            }
            match self.socket.poll_message(cx) {
                Poll::Ready(Some(Ok(inward))) => {
                    if self.closing.is_none() {
                        self.inward(inward, now);
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(self.ended(Some(error))),
                Poll::Ready(None) => return Poll::Ready(self.ended(None)),
                Poll::Pending => {
                    let counts = self.socket.take_counts();
                    if counts != Counts::default() {
                        self.counted(counts, now);
                        return Poll::Ready(Ok(()));
                    }
                    // What the frames had answered at once is written before anything is waited for.
                    return if self.socket.queued().0 == written { Poll::Pending } else { Poll::Ready(Ok(())) };
                }
            }
            reading = self.reads(now);
        }
        if reading || self.socket.queued().0 != written { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Whether the socket is read now. Not reading is how a session is paced.
    fn reads(&mut self, now: Instant) -> bool {
        if let Some(closing) = &self.closing {
            return self.socket.received() < closing.read_away_to;
        }
        let crowded = self
            .crowded
            .and_then(|slot| self.document(slot))
            .is_some_and(|document| document.is_crowded(self.around.limits.owed_edits));
        self.crowded = self.crowded.filter(|_| crowded);
        let asked = |slot: Slot| self.document(slot).is_some_and(|document| document.gate.has_open_question());
        let unheard = self.crowded.is_some_and(asked);
        self.unheard = unheard.then(|| self.unheard.unwrap_or(now));
        let paced = self.pace.waits_until().is_some_and(|until| now < until);
        let full = self.around.journal.is_full();
        if full && !self.journal_full {
            refusals::count(Refusal::JournalFull);
        }
        self.journal_full = full;
        let held = self.flights.are_full() || full;
        !(self.stopped_reading || crowded || paced || held)
            && self.rejoining == 0
            && self.socket.queued().1 < ANSWERS_BYTES
    }

    fn deadline(&self) -> Option<Instant> {
        if let Some(closing) = &self.closing {
            return Some(closing.until);
        }
        let journal = self.around.journal.is_full().then(|| Instant::now() + JOURNAL_AGAIN);
        let unheard = self.unheard.map(|since| since + UNHEARD_MAX);
        let due = [
            self.vigil.deadline(),
            self.standstill.deadline(),
            self.pace.waits_until(),
            self.token_due,
            journal,
            unheard,
        ];
        due.into_iter().flatten().min()
    }

    fn tick(&mut self, reading: bool, now: Instant) -> Go {
        if let Some(until) = self.closing.as_ref().map(|closing| closing.until) {
            return if until <= now { Err(Over::Cut) } else { Ok(()) };
        }
        // Bytes may have come that made no message yet.
        self.look(reading, now);
        if self.standstill.is_over(now) || self.unheard.is_some_and(|since| since + UNHEARD_MAX <= now) {
            self.end(Refusal::Stalled);
            return Ok(());
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
                let open = self.slots.iter().flatten().find(|document| match &document.phase {
                    Phase::Open(_) => true,
                    Phase::Pending(kept) => kept.waiting,
                    Phase::Rejoining | Phase::Shut => false,
                });
                let frame = open.and_then(|document| document.dialect.frame(Saying::Awareness(awareness::EMPTY)));
                frame.into_iter().for_each(|frame| self.socket.push(frame));
            }
            Some(Due::End(Refusal::Dead)) => {
                refusals::count(Refusal::Dead);
                return Err(Over::Cut);
            }
            Some(Due::End(Refusal::Slow)) => {
                // What it does not take it would not take a close frame after either.
                refusals::count(Refusal::Slow);
                return Err(Over::Cut);
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

    /// More edits of a document wait for their fate than a session may be owed: it is not read until some are decided.
    fn crowd(&mut self, slot: Slot) {
        if self.crowded.replace(slot).is_none() {
            reached::count("owed_edits", 1);
        }
    }

    fn document(&self, slot: Slot) -> Option<&Document> {
        self.slots.get(slot as usize)?.as_deref()
    }

    fn document_mut(&mut self, slot: Slot) -> Option<&mut Document> {
        self.slots.get_mut(slot as usize)?.as_deref_mut()
    }
}

// One of the allocator's size classes, for a socket of 56 bytes as the edge's; a word more takes the next.
#[cfg(test)]
const _: () = assert!(size_of::<Conduct<[usize; 7]>>() <= 896, "a session falls into the next size class");
