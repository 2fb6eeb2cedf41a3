//! A session: one actor and one task that own a WebSocket.
//!
//! - Owner: [`Sessions`](crate::sessions::Sessions); temporary: its end is the socket's, the client reconnects and
//!   resumes.
//! - In: frames, notices of rooms, [`Order`]s. Out: commands to rooms, frames.
//! - Bound: [`flight::FLIGHTS_MAX`] commands in flight, a short queue to the socket; what is behind stays in the rooms'
//!   rings.
//! - Invariant: it holds no document state but its gate: what it owes.

mod alarm;
mod conduct;
mod document;
mod entrance;
pub mod flight;
pub mod gate;
mod pace;
mod vigil;
pub mod wake;

use std::sync::Arc;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SpawnErr};
use tandem_model::{Authority, Limits, WallClock};
use tandem_protocol::Refusal;
use tandem_wire::{Budget, Socket, SocketLimits};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use self::conduct::Conduct;
use crate::journal::Journal;
use crate::node::{Arrival, Speaks};
use crate::rooms::Rooms;

/// What a session needs from its node.
pub struct Around {
    /// Where documents are.
    pub rooms: Rooms,
    /// Who may do what.
    pub authority: Arc<dyn Authority>,
    /// The time of day, for tokens.
    pub clock: Arc<dyn WallClock>,
    /// Whether more may be read.
    pub journal: Journal,
    /// The node's limits.
    pub limits: Arc<Limits>,
    /// The node's share of memory for messages that are being received.
    pub budget: Arc<Budget>,
}

/// What the node tells a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Read no more; what is owed is still sent.
    StopReading,
    /// Send what is owed, then close.
    Close(Refusal),
}

/// A socket's task, before it is started: boxed, so that the actor need not know the socket's type.
pub type Work = Box<dyn FnOnce(mpsc::UnboundedReceiver<Order>) -> futures_util::future::BoxFuture<'static, ()> + Send>;

/// Makes the work of a session from an arrival.
pub fn work<S>(around: Arc<Around>, arrival: Arrival<S>) -> Work
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    Box::new(move |orders| Box::pin(conduct(around, arrival, orders)))
}

async fn conduct<S>(around: Arc<Around>, arrival: Arrival<S>, orders: mpsc::UnboundedReceiver<Order>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let Arrival { io, early, speaks, place } = arrival;
    // What is longer than a stranger's messages are kept is not read, but it is no reason to close either: a document
    // that is open already may have a long state vector, or a paste that does not wait for the answer.
    let bytes = Limits::size(around.limits.message_bytes_unauthenticated);
    let limits = SocketLimits::authenticated(bytes, around.limits.message_bytes);
    let socket = Socket::new(io, early, limits, around.budget.clone());
    let now = Instant::now();
    let ysync = matches!(speaks, Speaks::YSync { .. });
    let mut session = Conduct::new(around, socket, place, ysync, now);
    match speaks {
        Speaks::YSync { document: Ok(name), credential } => {
            session.open_single(name, credential.as_deref().unwrap_or_default(), now);
        }
        Speaks::YSync { document: Err(_), .. } => session.refuse(Refusal::NameNotAllowed),
        Speaks::Hocuspocus => {}
    }
    session.run(orders).await;
}

/// What a session's actor is told; private to this module but for ractor's sake.
pub enum Msg {
    /// Passed on to the task.
    Order(Order),
    /// The task ended; with the text of its panic, if it had one.
    Ended(Option<String>),
}

/// The actor beside the task: it is what the supervisor sees.
struct SessionActor;

struct State {
    orders: mpsc::UnboundedSender<Order>,
    task: AbortHandle,
}

impl Drop for State {
    fn drop(&mut self) {
        // A session that is killed ends with its socket.
        self.task.abort();
    }
}

/// Starts a session under `supervisor`.
///
/// # Errors
/// When ractor cannot start it.
pub async fn start(work: Work, supervisor: ActorCell) -> Result<ActorRef<Msg>, SpawnErr> {
    let (actor, _) = Actor::spawn_linked(None, SessionActor, work, supervisor).await?;
    Ok(actor)
}

impl Actor for SessionActor {
    type Msg = Msg;
    type State = State;
    type Arguments = Work;

    async fn pre_start(&self, myself: ActorRef<Msg>, work: Work) -> Result<State, ActorProcessingErr> {
        let (orders, given) = mpsc::unbounded_channel();
        let task = tokio::spawn(work(given));
        let abort = task.abort_handle();
        tokio::spawn(async move {
            let panic = task.await.err().filter(tokio::task::JoinError::is_panic).map(|error| error.to_string());
            // The actor may have been killed first.
            let _ = myself.cast(Msg::Ended(panic));
        });
        Ok(State { orders, task: abort })
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            // A task that ended takes no orders; its end is on its way here.
            Msg::Order(order) => drop(state.orders.send(order)),
            Msg::Ended(None) => myself.stop(None),
            Msg::Ended(Some(panic)) => return Err(panic.into()),
        }
        Ok(())
    }
}
