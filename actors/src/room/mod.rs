//! A room: the only owner of a document. It indexes, orders, keeps presence, feeds the outbox.
//!
//! - Owner: [`Rooms`](crate::rooms::Rooms). A room that fails is rebuilt from the log when its sessions rejoin, which
//!   they do by themselves; one that fails too often stays down for a while.
//! - In: [`RoomRef::join`], commands of its members, commits. Out: notices to its members' inboxes, the outbox, appends.
//! - Bound: a member's commands in flight (`session::flight`), `limits.journal_room_bytes` uncommitted, the ring.
//! - Invariant: nothing is acknowledged before its commit; a room retires only with nobody in it and nothing
//!   uncommitted.
//! - Who tends it: a [keeper](crate::keeper) while it is small and told little, else an actor of its own ([`door`]).

mod actor;
mod authors;
mod burden;
mod carried;
pub mod command;
mod core;
mod derived;
mod door;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod loading;
mod member;
pub mod notice;
pub mod outbox;
mod presence;
#[cfg(test)]
mod tests;
mod too_large;
mod uncommitted;
mod unheard;
mod upkeep;

use std::fmt;
use std::sync::{Arc, Weak};

use ractor::{Actor, ActorCell, ActorId, SpawnErr};
use serde::Serialize;
use tandem_model::log::{Loaded, LogError};
use tandem_model::{DocumentName, Limits, Right, WallClock};
use tandem_protocol::Refusal;
use tokio::sync::oneshot;

use self::actor::RoomActor;
use self::command::{Commands, Join};
use self::core::Room;
use self::door::Door;
pub use self::loading::{Snapshots, read};
use self::outbox::{MemberId, Outbox};
use crate::jobs::{Compacted, Jobs};
use crate::journal::{Committed, Journal};
use crate::rooms::Home;

/// The way to one room; clones share it.
#[derive(Clone)]
pub struct RoomRef(Arc<Door>);

/// The way to a room that somebody else holds, if it was not forgotten since.
pub struct WeakRoom(Weak<Door>);

impl WeakRoom {
    /// The room.
    #[must_use]
    pub fn upgrade(&self) -> Option<RoomRef> {
        self.0.upgrade().map(RoomRef)
    }
}

impl fmt::Debug for RoomRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RoomRef").field(self.name()).finish()
    }
}

/// A membership, as the session holds it.
#[derive(Clone, Debug)]
pub struct Joined {
    /// Its name in the room.
    pub member: MemberId,
    /// Where it reads.
    pub outbox: Arc<Outbox>,
}

/// The room ended before it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomGone;

/// A room, for tests and administrators.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Observed {
    /// Sessions in it.
    pub members: usize,
    /// Its document's structs.
    pub structs: u64,
    /// Its document's size, as the index counts it.
    pub bytes: u64,
    /// The newest committed position.
    pub head: i64,
    /// Bytes that are appended and not committed.
    pub uncommitted_bytes: u64,
    /// The document's state vector, as Yjs encodes one.
    pub vector: Vec<u8>,
}

/// What a room needs from its node.
#[derive(Clone)]
pub struct Surroundings {
    /// Where it appends.
    pub journal: Journal,
    /// Who compacts.
    pub jobs: Jobs,
    /// The node's limits.
    pub limits: Arc<Limits>,
    /// The time of day, for the rows.
    pub clock: Arc<dyn WallClock>,
}

impl RoomRef {
    /// A room that begins to load, and answers joins when it has.
    #[must_use]
    pub fn open(name: DocumentName, home: Arc<Home>) -> Self {
        Self(Door::open(name, home))
    }

    /// Starts an actor of its own under `supervisor`, which goes on where its keeper was.
    ///
    /// # Errors
    /// When ractor cannot start it, or the room ended meanwhile.
    pub async fn rise(&self, supervisor: ActorCell) -> Result<ActorId, SpawnErr> {
        let (actor, _) = Actor::spawn_linked(None, RoomActor, self.clone(), supervisor).await?;
        Ok(actor.get_id())
    }

    /// Its keeper has time for it.
    pub fn tend(&self) {
        self.0.tend();
    }

    /// The document's name.
    #[must_use]
    pub fn name(&self) -> &DocumentName {
        self.0.name()
    }

    /// Joins; the answer comes when the document is loaded.
    ///
    /// # Errors
    /// [`RoomGone`] if the room ended meanwhile: ask for it again.
    pub async fn join(&self, join: Join) -> Result<Result<Joined, Refusal>, RoomGone> {
        let (reply, answer) = oneshot::channel();
        self.0.cast(Msg::Join(join, reply))?;
        let mut unread = Unread { room: self, answer };
        (&mut unread.answer).await.map_err(|_| RoomGone)
    }

    /// Leaves.
    pub fn leave(&self, member: MemberId) {
        self.cast(Msg::Leave(member));
    }

    /// Hands commands over.
    pub fn commands(&self, member: MemberId, commands: Commands) {
        self.cast(Msg::Commands(member, commands));
    }

    /// Asks for the difference that a lapped member misses; it comes to its inbox.
    pub fn catch_up(&self, member: MemberId) {
        self.cast(Msg::CatchUp(member));
    }

    /// Tells it that a member's right changed.
    pub fn right_changed(&self, member: MemberId, right: Right) {
        self.cast(Msg::RightChanged(member, right));
    }

    /// Deletes the document.
    ///
    /// # Errors
    /// [`RoomGone`] if the room ended meanwhile.
    pub async fn delete(&self) -> Result<Result<(), LogError>, RoomGone> {
        self.call(Msg::Delete).await
    }

    /// Looks at the room.
    ///
    /// # Errors
    /// [`RoomGone`] if the room ended meanwhile.
    pub async fn observe(&self) -> Result<Observed, RoomGone> {
        self.call(Msg::Observe).await
    }

    /// Tells it that the journal was restarted: it gives all that is not committed to the new one.
    pub fn journal_restarted(&self) {
        self.0.journal_restarted();
    }

    /// Whether both are the same room, not one and its successor.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether it did not end.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.0.is_open()
    }

    /// Its actor of this id ended: whether the room ended with it, or went back to its keeper.
    #[must_use]
    pub fn ended(&self, actor: ActorId) -> bool {
        self.0.ended(actor)
    }

    /// Ends it, whoever tends it.
    pub fn end(&self) {
        self.0.end();
    }

    fn cast(&self, message: Msg) {
        // A room that is gone has closed its outbox: the session learns it there and rejoins.
        let _ = self.0.cast(message);
    }

    async fn call<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Msg) -> Result<T, RoomGone> {
        let (reply, answer) = oneshot::channel();
        self.0.cast(ask(reply))?;
        answer.await.map_err(|_| RoomGone)
    }
}

type JoinReply = oneshot::Sender<Result<Joined, Refusal>>;

/// An answer to a join: if nobody reads it, whoever was let in by it leaves.
struct Unread<'a> {
    room: &'a RoomRef,
    answer: oneshot::Receiver<Result<Joined, Refusal>>,
}

impl Drop for Unread<'_> {
    fn drop(&mut self) {
        self.answer.close();
        if let Ok(Ok(joined)) = self.answer.try_recv() {
            self.room.leave(joined.member);
        }
    }
}

/// What a room is told; private to this module but for ractor's sake.
pub enum Msg {
    /// The load ended.
    Loaded(Result<Box<Room>, LogError>),
    /// See [`RoomRef::join`].
    Join(Join, JoinReply),
    /// See [`RoomRef::leave`].
    Leave(MemberId),
    /// See [`RoomRef::commands`].
    Commands(MemberId, Commands),
    /// See [`RoomRef::catch_up`].
    CatchUp(MemberId),
    /// See [`RoomRef::right_changed`].
    RightChanged(MemberId, Right),
    /// A commit ended.
    Committed(Committed),
    /// See [`RoomRef::journal_restarted`].
    JournalRestarted,
    /// A compaction ended: what loads start from now.
    Compacted(Option<Compacted>),
    /// What another wrote was read from the log.
    Reread(Result<Loaded, LogError>),
    /// See [`RoomRef::delete`].
    Delete(oneshot::Sender<Result<(), LogError>>),
    /// The log deleted the document, or not.
    Deleted(Result<(), LogError>),
    /// See [`RoomRef::observe`].
    Observe(oneshot::Sender<Observed>),
    /// Time passed.
    Tick,
    /// To its own actor: nothing was said for a while, and everything before this was handled.
    Settled,
}

impl Msg {
    /// How many bytes of clients are in it.
    fn bytes(&self) -> usize {
        let Self::Commands(_, commands) = self else { return 0 };
        commands.iter().map(|(command, _)| command.bytes()).sum()
    }

    /// Whether a document was loaded that is large.
    fn brings_a_large_document(&self) -> bool {
        let Self::Loaded(loaded) = self else { return false };
        loaded.as_ref().is_ok_and(|room| room.index().bytes() >= burden::LARGE_DOCUMENT)
    }

    /// Whether it may take as long as its document is large.
    fn concerns_the_document(&self) -> bool {
        match self {
            Self::Commands(_, commands) => commands.iter().any(|(command, _)| command.concerns_the_document()),
            Self::Join(..) | Self::CatchUp(_) | Self::RightChanged(..) | Self::Reread(_) => true,
            _ => false,
        }
    }
}
