//! A running node, as the edge sees it: hand sockets over, ask for health, drain.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use metrics::{counter, gauge};
use ractor::{ActorCell, ActorRef, SpawnErr};
use serde::Serialize;
use tandem_model::log::{Log, LogError};
use tandem_model::{Authority, DocumentName, Limits, NameError, Place, WallClock};
use tandem_protocol::Refusal;
use tandem_wire::Budget;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::jobs::Jobs;
use crate::journal::Journal;
use crate::links::{self, Link};
use crate::room::{Observed, RoomGone};
use crate::rooms::Rooms;
use crate::root::{self, Tree};
use crate::session::{self, Around};
use crate::sessions::Sessions;

/// What a node needs from the outside.
#[derive(Clone)]
pub struct Ports {
    /// The update log.
    pub log: Arc<dyn Log>,
    /// Who may do what.
    pub authority: Arc<dyn Authority>,
    /// The time of day.
    pub clock: Arc<dyn WallClock>,
}

/// What the far end of a socket speaks.
#[derive(Clone, Debug)]
pub enum Speaks {
    /// y-websocket: one document, named by the URL, with the credential of the upgrade.
    YSync {
        /// The document, or why its name is none.
        document: Result<DocumentName, NameError>,
        /// The token that came with the upgrade, if any.
        credential: Option<String>,
    },
    /// Hocuspocus: documents and credentials come in frames.
    Hocuspocus,
}

/// A socket that is upgraded.
#[derive(Debug)]
pub struct Arrival<S> {
    /// The connection itself.
    pub io: S,
    /// What was read from it beyond the upgrade.
    pub early: Bytes,
    /// The answer to the upgrade, as far as it is still to be written.
    pub answer: Bytes,
    /// Its protocol.
    pub speaks: Speaks,
    /// Its place among its address' sockets, given back when the session ends.
    pub place: Place,
}

/// Whether a node serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// The last commit went well.
    pub journal: bool,
    /// The node is stopping, or gave up.
    pub draining: bool,
}

impl Readiness {
    /// Whether new clients should come.
    #[must_use]
    pub fn is_ready(self) -> bool {
        self.journal && !self.draining
    }
}

/// A node's figures, for its health page.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct NodeHealth {
    /// Living sessions.
    pub sessions: usize,
    /// Living rooms.
    pub rooms: usize,
    /// Bytes that wait for a commit.
    pub journal_waiting_bytes: u64,
}

/// How a drain ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Everything is committed and every socket closed.
    Clean,
    /// Time ran out; what was waiting.
    Late {
        /// In words, for the log.
        waiting: String,
    },
}

/// Why a document was not deleted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeleteError {
    /// There is no such document.
    #[error("there is no such document")]
    Absent,
    /// The store, or the document's room, did not answer.
    #[error("the document cannot be deleted now: {0}")]
    Unavailable(String),
}

/// The tree could not be started.
#[derive(Debug, Error)]
#[error("the actors could not be started: {0}")]
pub struct StartError(#[from] SpawnErr);

/// A running node; clones share it.
#[derive(Clone)]
pub struct Node {
    tree: Tree,
    around: Arc<Around>,
    root: ActorRef<()>,
    gave_up: watch::Receiver<bool>,
    draining: Arc<AtomicBool>,
}

impl Node {
    /// Starts the tree.
    ///
    /// # Errors
    /// [`StartError`] if an actor cannot be started.
    pub async fn start(ports: Ports, limits: Limits) -> Result<Self, StartError> {
        let budget = Budget::new(limits.inbound_bytes);
        let journal = Journal::new(ports.log, &limits);
        let (limits, rooms) = (Arc::new(limits), Rooms::default());
        let tree = Tree {
            journal: journal.clone(),
            rooms: rooms.clone(),
            sessions: Sessions::default(),
            jobs: Jobs::default(),
            limits: limits.clone(),
            clock: ports.clock.clone(),
        };
        let (root, gave_up) = root::start(tree.clone()).await?;
        let around = Around { rooms, authority: ports.authority, clock: ports.clock, journal, limits, budget };
        Ok(Self { tree, around: Arc::new(around), root, gave_up, draining: Arc::default() })
    }

    /// Hands a socket over; never blocks.
    pub fn accept<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(&self, arrival: Arrival<S>) {
        self.tree.sessions.accept(session::work(self.around.clone(), arrival));
    }

    /// Whether new clients should come.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let draining = self.draining.load(Ordering::Relaxed) || *self.gave_up.borrow();
        Readiness { journal: self.tree.journal.is_healthy(), draining }
    }

    /// The node's figures.
    pub async fn health(&self) -> NodeHealth {
        NodeHealth {
            sessions: self.tree.sessions.count(),
            rooms: self.tree.rooms.count(),
            journal_waiting_bytes: self.tree.journal.waiting_bytes(),
        }
    }

    /// Stops: reads no more, commits, sends what is owed, closes in batches, stops the tree.
    pub async fn drain(&self, within: Duration) -> Drained {
        self.draining.store(true, Ordering::Relaxed);
        let drained = tokio::time::timeout(within, async {
            self.tree.sessions.stop_reading();
            self.tree.journal.drained().await;
            self.tree.sessions.close(Refusal::Draining).await;
            self.tree.journal.drained().await;
            self.root.stop_and_wait(Some("the node stops".into()), None).await
        });
        match drained.await {
            Ok(Ok(())) => Drained::Clean,
            Ok(Err(error)) => Drained::Late { waiting: error.to_string() },
            Err(_) => {
                let (sessions, bytes) = (self.tree.sessions.count(), self.tree.journal.waiting_bytes());
                Drained::Late { waiting: format!("{sessions} sessions and {bytes} bytes that are not committed") }
            }
        }
    }

    /// Deletes a document. Its name keeps a tombstone, so that clients which still hold the content cannot bring it back.
    ///
    /// # Errors
    /// [`DeleteError`] if there is none, or it cannot be deleted now.
    pub async fn delete(&self, name: &DocumentName) -> Result<(), DeleteError> {
        let unavailable = |reason: &str| DeleteError::Unavailable(reason.to_owned());
        let room = self.tree.rooms.open(name.clone()).await.map_err(|refusal| unavailable(refusal.name()))?;
        match room.delete().await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(LogError::Absent)) => Err(DeleteError::Absent),
            Ok(Err(error)) => Err(unavailable(&error.to_string())),
            Err(RoomGone) => Err(unavailable("its room ended meanwhile")),
        }
    }

    /// Looks at a document's room, if it is live.
    pub async fn observe(&self, name: &DocumentName) -> Option<Observed> {
        self.tree.rooms.find(name)?.observe().await.ok()
    }

    /// Resolves when Root gave up.
    pub async fn failed(&self) {
        let mut gave_up = self.gave_up.clone();
        // Root's own end counts as giving up, unless the node drains.
        let ended = gave_up.wait_for(|gave_up| *gave_up).await.is_err();
        if ended && self.draining.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    /// Sets the gauges that are counted when they are asked for: living actors, each kind by its name in
    /// docs/ARCHITECTURE.md, and the inbound budget.
    #[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub fn observe_all(&self) {
        let budget = &self.around.budget;
        gauge!("tandem_inbound_bytes").set((budget.bytes() - budget.free_bytes()) as f64);
        counter!("tandem_limits_reached_total", "limit" => "inbound_bytes").absolute(budget.waits());
        for (kind, count) in links::count(&self.root.get_cell()) {
            gauge!("tandem_actors", "actor" => kind).set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
        }
    }

    /// Who supervises whom now, as ractor reports it; for tests that compare it with its drawing.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        links::below(&self.root.get_cell())
    }

    /// The root of the tree, for tests that break a part of it.
    #[must_use]
    pub fn root(&self) -> ActorCell {
        self.root.get_cell()
    }
}
