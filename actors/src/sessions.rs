//! Sessions: starts a session for each socket, and closes all when the node drains.
//!
//! - Owner: Root. If it ends, its sessions end with it, and their clients reconnect.
//! - In: [`Sessions::accept`], [`Sessions::stop_reading`], [`Sessions::close`].
//! - Bound: sockets an address are bounded at the edge.
//! - Invariant: every living session is a child of this actor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::{counter, gauge};
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use tandem_protocol::Refusal;
use tokio::sync::oneshot;

use crate::cell::Cell;
use crate::failpoint::failpoint;
use crate::refusals;
use crate::session::{self, Order, Orders, Work};

/// Sessions that are closed at a time when the node drains; the next batch goes when these are gone.
pub const CLOSE_BATCH: usize = 500;

/// The way to all sessions; clones share it.
#[derive(Clone, Default)]
pub struct Sessions {
    actor: Cell<Msg>,
    count: Arc<AtomicUsize>,
}

impl Sessions {
    /// Starts a session.
    pub fn accept(&self, work: Work) {
        self.actor.cast(Msg::Accept(work));
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Tells all to read no more.
    pub fn stop_reading(&self) {
        self.actor.cast(Msg::StopReading);
    }

    /// Closes all in batches; ends when all are gone.
    pub async fn close(&self, refusal: Refusal) {
        let (reply, answer) = oneshot::channel();
        self.actor.cast(Msg::Close(refusal, reply));
        // If the actor is gone, so are its sessions.
        let _ = answer.await;
    }

    /// Starts the actor under `supervisor`, or puts a new one in the place of one that failed.
    ///
    /// # Errors
    /// When ractor cannot start it.
    pub async fn start(&self, supervisor: ActorCell) -> Result<ActorRef<Msg>, SpawnErr> {
        self.count.store(0, Ordering::Relaxed);
        let (actor, _) = Actor::spawn_linked(None, SessionsActor, self.count.clone(), supervisor).await?;
        self.actor.set(actor.clone());
        Ok(actor)
    }
}

/// What Sessions is told; private to this module but for ractor's sake.
pub enum Msg {
    /// See [`Sessions::accept`].
    Accept(Work),
    /// See [`Sessions::stop_reading`].
    StopReading,
    /// See [`Sessions::close`].
    Close(Refusal, oneshot::Sender<()>),
}

struct SessionsActor;

struct State {
    sessions: BTreeMap<ActorId, Arc<Orders>>,
    count: Arc<AtomicUsize>,
    closing: Option<Closing>,
}

struct Closing {
    refusal: Refusal,
    told: Vec<ActorId>,
    done: oneshot::Sender<()>,
}

impl Actor for SessionsActor {
    type Msg = Msg;
    type State = State;
    type Arguments = Arc<AtomicUsize>;

    async fn pre_start(&self, _: ActorRef<Msg>, count: Arc<AtomicUsize>) -> Result<State, ActorProcessingErr> {
        Ok(State { sessions: BTreeMap::new(), count, closing: None })
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        failpoint!("sessions::handle");
        match message {
            // A socket that comes while all are closed is simply dropped: its client comes back elsewhere.
            Msg::Accept(work) if state.closing.is_none() => state.accept(&myself, work).await,
            Msg::Accept(_) => {}
            Msg::StopReading => state.tell_all(Order::StopReading),
            Msg::Close(refusal, done) => {
                state.closing = Some(Closing { refusal, told: Vec::new(), done });
                state.close_some();
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(session, ..) => state.ended(session.get_id(), None),
            SupervisionEvent::ActorFailed(session, error) => state.ended(session.get_id(), Some(error)),
            _ => {}
        }
        Ok(())
    }

    async fn post_stop(&self, myself: ActorRef<Msg>, _: &mut State) -> Result<(), ActorProcessingErr> {
        // A session is busy with its socket all its life: it would not hear that it is to stop.
        let sessions = myself.get_children();
        sessions.iter().for_each(ActorCell::kill);
        for session in sessions {
            session.wait(None).await?;
        }
        Ok(())
    }
}

impl State {
    async fn accept(&mut self, myself: &ActorRef<Msg>, work: Work) {
        match session::start(work, myself.get_cell()).await {
            Ok((session, orders)) => drop(self.sessions.insert(session, orders)),
            Err(error) => tracing::error!(%error, "a session could not be started"),
        }
        counter!("tandem_sessions_opened_total").increment(1);
        self.counted();
    }

    fn ended(&mut self, session: ActorId, failure: Option<ActorProcessingErr>) {
        self.sessions.remove(&session);
        if let Some(error) = failure {
            refusals::count(Refusal::Internal);
            counter!("tandem_actor_restarts_total", "actor" => "session").increment(1);
            tracing::error!(%error, "a session failed; its client reconnects");
        }
        self.counted();
        self.close_some();
    }

    fn tell_all(&self, order: Order) {
        for orders in self.sessions.values() {
            orders.leave(order);
        }
    }

    /// Tells the next batch to close once the last one is gone.
    fn close_some(&mut self) {
        let Some(closing) = &mut self.closing else { return };
        closing.told.retain(|session| self.sessions.contains_key(session));
        if !closing.told.is_empty() {
            return;
        }
        if self.sessions.is_empty() {
            if let Some(closing) = self.closing.take() {
                // Whoever waited may have given up.
                let _ = closing.done.send(());
            }
            return;
        }
        for (session, orders) in self.sessions.iter().take(CLOSE_BATCH) {
            orders.leave(Order::Close(closing.refusal));
            closing.told.push(*session);
        }
    }

    fn counted(&self) {
        self.count.store(self.sessions.len(), Ordering::Relaxed);
        #[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
        gauge!("tandem_sessions").set(self.sessions.len() as f64);
    }
}
