//! A session: the actor that owns a WebSocket.
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
mod errands;
pub mod flight;
pub mod gate;
mod pace;
mod vigil;
pub mod wake;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr};
use tandem_model::{Authority, Limits, WallClock};
use tandem_protocol::Refusal;
use tandem_wire::{Budget, Socket, SocketLimits};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use self::conduct::Conduct;
use self::wake::Letterbox;
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

/// A session, before it is started: boxed, so that its actor need not know the socket's type.
pub type Work = Box<dyn FnOnce(Arc<Orders>) -> BoxFuture<'static, ()> + Send>;

/// Where a session finds its orders.
pub type Orders = Letterbox<Order>;

/// Makes the work of a session from an arrival.
pub fn work<S>(around: Arc<Around>, arrival: Arrival<S>) -> Work
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    // Called in the session's own task: whatever goes wrong goes wrong there. What has arrived is moved out of the closure,
    // which goes: a future would keep the place of it as long as the session lives.
    Box::new(move |orders| Box::pin(begin(around, arrival, orders).run()))
}

/// Boxed, because a future keeps a place for each step on which what it holds is moved: that was most of a session.
fn begin<S>(around: Arc<Around>, arrival: Arrival<S>, orders: Arc<Orders>) -> Box<Conduct<S>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let Arrival { io, early, answer, speaks, place } = arrival;
    // What is longer than a stranger's messages are kept is not read, but it is no reason to close either: a document
    // that is open already may have a long state vector, or a paste that does not wait for the answer.
    let bytes = Limits::size(around.limits.message_bytes_unauthenticated);
    let limits = SocketLimits::authenticated(bytes, around.limits.message_bytes);
    let socket = Socket::new(io, early, limits, around.budget.clone());
    let now = Instant::now();
    let ysync = matches!(speaks, Speaks::YSync { .. });
    let mut session = Box::new(Conduct::new(around, socket, place, ysync, orders, now));
    session.answers(answer);
    match speaks {
        Speaks::YSync { document: Ok(name), credential } => {
            session.open_single(name, credential.as_deref().unwrap_or_default(), now);
        }
        Speaks::YSync { document: Err(_), .. } => session.refuse(Refusal::NameNotAllowed),
        Speaks::Hocuspocus => {}
    }
    session
}

/// A session's actor: it takes no messages, since what a session hears comes by its socket, its rooms' bells and its
/// [`Order`]s; the supervisor sees its end, and may kill it.
struct SessionActor;

/// Starts a session under `supervisor`, and gives the way to order it about.
///
/// # Errors
/// When ractor cannot start it.
pub async fn start(work: Work, supervisor: ActorCell) -> Result<(ActorId, Arc<Orders>), SpawnErr> {
    let orders = Arc::new(Orders::new(Arc::default()));
    let (actor, _) = Actor::spawn_linked(None, SessionActor, (work, orders.clone()), supervisor).await?;
    Ok((actor.get_id(), orders))
}

impl Actor for SessionActor {
    type Msg = ();
    type State = Option<(Work, Arc<Orders>)>;
    type Arguments = (Work, Arc<Orders>);

    async fn pre_start(&self, _: ActorRef<()>, work: Self::Arguments) -> Result<Self::State, ActorProcessingErr> {
        Ok(Some(work))
    }

    /// The whole life of the session. A panic in it is this actor's failure; one that is killed ends with its socket.
    async fn post_start(&self, myself: ActorRef<()>, work: &mut Self::State) -> Result<(), ActorProcessingErr> {
        if let Some((work, orders)) = work.take() {
            work(orders).await;
        }
        myself.stop(None);
        Ok(())
    }
}
