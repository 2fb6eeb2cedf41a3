//! The node under test: the real actors on the doubles, and the ways to hurt them.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use ractor::{ActorCell, ActorId};
use tandem_actors::{Arrival, Drained, Link, Node, Ports, Speaks};
use tandem_model::clock::MemoryClock;
use tandem_model::{DocumentName, Limits, Places, WallClock};

use crate::authority::Believing;
use crate::client::{ANSWER, Speech};
use crate::log::StormyLog;
use crate::pipe::{self, ClientEnd};

/// The children of Root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Journal = 0,
    Rooms = 1,
    Sessions = 2,
    Jobs = 3,
}

/// What may be made to panic, from within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fuse {
    /// A room, when it handles an update.
    Room = 0,
    /// The journal, when it has handled something.
    Journal = 1,
    /// A session, when it handles a frame.
    Session = 2,
}

impl Fuse {
    const ALL: [Self; 3] = [Self::Room, Self::Journal, Self::Session];

    fn failpoint(self) -> &'static str {
        match self {
            Self::Room => "room::apply",
            Self::Journal => "journal::handle",
            Self::Session => "session::frame",
        }
    }

    fn pass(self) {
        let left = FUSES.get();
        match left[self as usize] {
            0 => {}
            1 => {
                self.set(0);
                std::panic::resume_unwind(Box::new(format!("{self:?} was made to panic")));
            }
            more => self.set(more - 1),
        }
    }

    fn set(self, passes: u32) {
        let mut left = FUSES.get();
        left[self as usize] = passes;
        FUSES.set(left);
    }
}

thread_local! {
    static FUSES: Cell<[u32; 3]> = const { Cell::new([0; 3]) };
}

/// Makes something of this thread panic when it is there again, after so many times.
pub fn panic_after(fuse: Fuse, times: u32) {
    fuse.set(times + 1);
}

/// Nothing panics any more.
pub fn panic_no_more() {
    FUSES.set([0; 3]);
}

/// Arms the places in the code where something may panic.
pub fn arm() {
    for fuse in Fuse::ALL {
        fail::cfg_callback(fuse.failpoint(), move || fuse.pass()).expect("the failpoint is built in");
    }
}

/// A process, so to speak.
pub struct Server {
    node: Node,
    log: StormyLog,
    places: Places,
    limits: Limits,
    clock: Arc<MemoryClock>,
    children: [Option<ActorId>; 4],
}

impl Server {
    /// Starts on an empty log.
    pub async fn start(log: StormyLog, limits: Limits) -> Self {
        let clock = Arc::new(MemoryClock::starting_at(UNIX_EPOCH + Duration::from_secs(1_800_000_000)));
        let node = node(&log, &limits, &clock).await;
        let mut server = Self { node, log, places: Places::new(10_000, 10_000), limits, clock, children: [None; 4] };
        server.look();
        server
    }

    /// The time of day.
    pub fn clock(&self) -> &dyn WallClock {
        &*self.clock
    }

    /// The log.
    pub fn log(&self) -> &StormyLog {
        &self.log
    }

    /// Lets somebody connect; so many bytes to them fit into the buffers between. What comes back is their end.
    pub fn connect(&self, room: usize, speech: Speech, document: &DocumentName, token: &str) -> ClientEnd {
        let (io, end) = pipe::connect(room);
        let speaks = match speech {
            Speech::YSync => Speaks::YSync { document: Ok(document.clone()), credential: Some(token.to_owned()) },
            Speech::Hocuspocus => Speaks::Hocuspocus,
        };
        let place = self.places.take(IpAddr::from(Ipv4Addr::LOCALHOST)).expect("there are places for all");
        self.node.accept(Arrival { io, early: Bytes::new(), answer: Bytes::from_static(ANSWER), speaks, place });
        end
    }

    /// How many rooms are kept, and how many have an actor of their own.
    pub async fn rooms(&self) -> (u64, u64) {
        let risen = self.links().iter().filter(|link| link.child == "Room").count();
        (self.node.health().await.rooms.saturating_sub(risen) as u64, risen as u64)
    }

    /// Who supervises whom now.
    pub fn links(&self) -> Vec<Link> {
        self.node.links()
    }

    /// Whether Root gave up.
    pub fn gave_up(&self) -> bool {
        self.node.readiness().draining
    }

    /// Kills a child of Root, if all of them are up. Returns whether it did.
    pub fn kill(&mut self, part: Part) -> bool {
        if !self.look() {
            return false;
        }
        let id = self.children[part as usize].take();
        let child = children(&self.node.root()).into_iter().find(|child| Some(child.get_id()) == id);
        child.inspect(ActorCell::kill).is_some()
    }

    /// Kills one child of Rooms or Sessions: the `at`-th, counted round.
    pub fn kill_one(&mut self, of: Part, at: u64) -> bool {
        if !self.look() {
            return false;
        }
        let id = self.children[of as usize];
        let parent = children(&self.node.root()).into_iter().find(|child| Some(child.get_id()) == id);
        let all = parent.map(|parent| children(&parent)).unwrap_or_default();
        let at = usize::try_from(at.checked_rem(all.len() as u64).unwrap_or_default()).expect("below a length");
        all.get(at).inspect(|child| child.kill()).is_some()
    }

    /// The process is killed and started again on the same log.
    pub async fn crash(&mut self) {
        self.log = self.log.successor();
        for parent in children(&self.node.root()).into_iter().rev() {
            children(&parent).iter().for_each(ActorCell::kill);
            parent.kill();
        }
        self.node.root().kill();
        self.restart().await;
    }

    /// The process is asked to stop, and started again. Returns what was late.
    pub async fn drain(&mut self, within: Duration) -> Option<String> {
        let drained = self.node.drain(within).await;
        let late = match drained {
            Drained::Clean => None,
            Drained::Late { waiting } => Some(waiting),
        };
        if late.is_some() {
            self.crash().await;
        } else {
            self.restart().await;
        }
        late
    }

    /// The process that was drained is started again.
    pub async fn restart(&mut self) {
        self.node = node(&self.log, &self.limits, &self.clock).await;
        self.children = [None; 4];
        self.look();
    }

    /// Learns the ids of what was started since. Returns whether all are up.
    fn look(&mut self) -> bool {
        let there: Vec<ActorId> = children(&self.node.root()).iter().map(ActorCell::get_id).collect();
        if there.len() != 4 || self.children.iter().flatten().any(|id| !there.contains(id)) {
            return false;
        }
        let mut new =
            there.into_iter().filter(|id| !self.children.contains(&Some(*id))).collect::<Vec<_>>().into_iter();
        for place in self.children.iter_mut().filter(|place| place.is_none()) {
            *place = new.next();
        }
        true
    }
}

/// An actor's children, in the order in which they were started.
fn children(of: &ActorCell) -> Vec<ActorCell> {
    let mut all = of.get_children();
    all.sort_by_key(ActorCell::get_id);
    all
}

async fn node(log: &StormyLog, limits: &Limits, clock: &Arc<MemoryClock>) -> Node {
    let ports = Ports { log: Arc::new(log.clone()), authority: Arc::new(Believing), clock: clock.clone() };
    Node::start(ports, limits.clone()).await.expect("the tree starts")
}
