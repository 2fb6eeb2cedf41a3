//! Root: starts the tree from top to bottom, restarts what fails, and gives up when that is too often.
//!
//! - Owner: nobody. When it gives up the process ends with exit code 70, readiness first.
//! - In: the ends of its children. Out: their successors, and the news of a restarted journal to all rooms.
//! - Bound: [`RESTARTS`] for each child.
//! - Invariant: a child's handle leads to its newest life.

use std::sync::Arc;

use metrics::counter;
use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::failpoint::failpoint;
use crate::intensity::{Allowed, Intensity};
use crate::jobs::Jobs;
use crate::journal::Journal;
use crate::room::Surroundings;
use crate::rooms::Rooms;
use crate::sessions::Sessions;

/// How often each child of Root may fail.
pub const RESTARTS: Allowed = Allowed { restarts: 10, within: std::time::Duration::from_secs(60) };

/// The children, in the order in which they are started; drained the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Child {
    /// The journal.
    Journal,
    /// The rooms.
    Rooms,
    /// The sessions.
    Sessions,
    /// The jobs.
    Jobs,
}

impl Child {
    /// All, in starting order.
    pub const ALL: [Self; 4] = [Self::Journal, Self::Rooms, Self::Sessions, Self::Jobs];

    /// Its name in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Rooms => "rooms",
            Self::Sessions => "sessions",
            Self::Jobs => "jobs",
        }
    }
}

/// The handles of Root's children.
#[derive(Clone)]
pub struct Tree {
    /// The journal.
    pub journal: Journal,
    /// The rooms.
    pub rooms: Rooms,
    /// The sessions.
    pub sessions: Sessions,
    /// The jobs.
    pub jobs: Jobs,
    /// The node's limits.
    pub limits: Arc<tandem_model::Limits>,
    /// The time of day.
    pub clock: Arc<dyn tandem_model::WallClock>,
}

impl Tree {
    async fn start(&self, child: Child, root: ActorCell) -> Result<ActorCell, SpawnErr> {
        Ok(match child {
            Child::Journal => self.journal.start(root).await?.get_cell(),
            Child::Rooms => {
                let (journal, jobs) = (self.journal.clone(), self.jobs.clone());
                let around = Surroundings { journal, jobs, limits: self.limits.clone(), clock: self.clock.clone() };
                self.rooms.start(around, root).await?.get_cell()
            }
            Child::Sessions => self.sessions.start(root).await?.get_cell(),
            Child::Jobs => self.jobs.start(self.journal.log().clone(), root).await?.get_cell(),
        })
    }
}

/// Starts the tree. The watch turns true when Root gives up.
///
/// # Errors
/// When ractor cannot start it.
pub async fn start(tree: Tree) -> Result<(ActorRef<()>, watch::Receiver<bool>), SpawnErr> {
    let (gave_up, watching) = watch::channel(false);
    let (root, _) = Actor::spawn(None, RootActor, (tree, gave_up)).await?;
    Ok((root, watching))
}

struct RootActor;

struct State {
    tree: Tree,
    children: Vec<(Child, ActorId, Intensity)>,
    gave_up: watch::Sender<bool>,
}

impl Actor for RootActor {
    type Msg = ();
    type State = State;
    type Arguments = (Tree, watch::Sender<bool>);

    async fn pre_start(
        &self,
        myself: ActorRef<()>,
        (tree, gave_up): Self::Arguments,
    ) -> Result<State, ActorProcessingErr> {
        let mut children = Vec::new();
        for child in Child::ALL {
            let actor = tree.start(child, myself.get_cell()).await?;
            children.push((child, actor.get_id(), Intensity::new(RESTARTS)));
        }
        Ok(State { tree, children, gave_up })
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<()>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let (actor, reason) = match event {
            SupervisionEvent::ActorFailed(actor, error) => (actor, error.to_string()),
            SupervisionEvent::ActorTerminated(actor, _, reason) => (actor, reason.unwrap_or_default()),
            _ => return Ok(()),
        };
        let Some((child, id, intensity)) = state.children.iter_mut().find(|(_, id, _)| *id == actor.get_id()) else {
            return Ok(());
        };
        failpoint!("root::handle");
        counter!("tandem_actor_restarts_total", "actor" => child.name()).increment(1);
        tracing::error!(actor = child.name(), reason, "a part of the node ended; it is started again");
        if !intensity.may_restart(Instant::now()) {
            tracing::error!(actor = child.name(), "it ended too often: the node gives up");
            state.gave_up.send_replace(true);
            return Ok(());
        }
        *id = state.tree.start(*child, myself.get_cell()).await?.get_id();
        if *child == Child::Journal {
            // What the old one held is in no commit: rooms give it to the new one.
            state.tree.rooms.journal_restarted();
        }
        Ok(())
    }

    async fn post_stop(&self, myself: ActorRef<()>, state: &mut State) -> Result<(), ActorProcessingErr> {
        for (child, id, _) in state.children.iter().rev() {
            let actor = myself.get_children().into_iter().find(|actor| actor.get_id() == *id);
            if let Some(actor) = actor {
                tracing::debug!(actor = child.name(), "stopping");
                actor.stop_and_wait(Some("the node stops".into()), None).await?;
            }
        }
        Ok(())
    }
}
