//! How a session gets into a document: the credential is checked, the room is found, the session joins. Then there is
//! one answer; the document is loaded before anybody is told "authenticated".

use std::sync::Arc;
use std::time::Duration;

use tandem_model::{Authority, Denied, DocumentName, Grant, WallClock};
use tandem_protocol::Refusal;
use tokio::time::Instant;

use super::gate::Attempt;
use crate::failpoint::failpoint;
use crate::room::command::{Again, Command, Commands, Join};
use crate::room::notice::Inbox;
use crate::room::outbox::{MemberId, Outbox};
use crate::room::{Joined, RoomRef};
use crate::rooms::Rooms;
use crate::session::flight::Flight;

/// Rooms may end between being found and being joined; so often is another one looked for.
const TRIES: usize = 5;

/// How long a client of a protocol without a word for it is kept waiting for a document that is unavailable.
const PATIENCE: Duration = Duration::from_secs(20);

/// The pause after the first try for a document that is unavailable; each doubles.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest pause between two tries for a document that is unavailable.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A membership that is left when it is dropped, however its session ends.
#[derive(Debug)]
pub struct Membership {
    room: RoomRef,
    joined: Joined,
    /// Commands that go to the room together: a message between actors costs more than most commands.
    outgoing: Commands,
}

impl Membership {
    /// Puts a command with those that are [handed over](Self::hand_over) next.
    pub fn command(&mut self, command: Command, flight: Flight) {
        self.outgoing.push((command, flight));
    }

    /// Hands over the commands that are put together.
    pub fn hand_over(&mut self) {
        if !self.outgoing.is_empty() {
            self.room.commands(self.joined.member, std::mem::take(&mut self.outgoing));
        }
    }

    /// Asks for the difference that the lapped cursor misses.
    pub fn catch_up(&mut self) {
        self.hand_over();
        self.room.catch_up(self.joined.member);
    }

    /// Its name in the room.
    #[must_use]
    pub fn member(&self) -> MemberId {
        self.joined.member
    }

    /// Where it reads.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.joined.outbox
    }

    /// Tells the room that the member's right changed.
    pub fn right_changed(&mut self, right: tandem_model::Right) {
        self.hand_over();
        self.room.right_changed(self.joined.member, right);
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.hand_over();
        self.room.leave(self.joined.member);
    }
}

/// Somebody who wants in.
pub struct Entrance {
    /// Where documents are.
    pub rooms: Rooms,
    /// Who decides.
    pub authority: Arc<dyn Authority>,
    /// The time of day.
    pub clock: Arc<dyn WallClock>,
    /// The document.
    pub name: DocumentName,
    /// Which join of the session's this is.
    pub attempt: Attempt,
    /// Where the room will tell it things.
    pub inbox: Arc<Inbox>,
    /// Whether the protocol wants our SyncStep1 at once.
    pub asked_at_once: bool,
    /// Whether the client can be told about one document, and so be kept waiting for it.
    pub patient: bool,
}

/// What somebody who wants in asks for.
pub enum Asks {
    /// To have this credential checked, and to join.
    Enter(String),
    /// To join with a right that was checked before, and to bring back what a room that ended knew.
    Rejoin(Grant, Again),
}

impl Entrance {
    /// Gets in, however long the document is unavailable: `unavailable` is called when the first try fails for that.
    /// Whoever cannot be told so gets the refusal after [`PATIENCE`], since it would come back at once by itself.
    ///
    /// # Errors
    /// The refusal that the client is to be told.
    pub async fn get_in(self, asks: Asks, mut unavailable: impl FnMut()) -> Result<(Grant, Membership), Refusal> {
        let began = Instant::now();
        let mut pause = PAUSE;
        loop {
            match self.attempt(&asks).await {
                Err(Refusal::Unavailable) if self.patient || began.elapsed() < PATIENCE => {
                    if pause == PAUSE {
                        unavailable();
                    }
                    let most = if self.patient { PAUSE_MAX } else { PATIENCE.saturating_sub(began.elapsed()) };
                    tokio::time::sleep(pause.min(most)).await;
                    pause = (2 * pause).min(PAUSE_MAX);
                    // The session left the document, or is gone.
                    if Arc::strong_count(&self.inbox) == 1 {
                        return Err(Refusal::Unavailable);
                    }
                }
                decided => return decided,
            }
        }
    }

    async fn attempt(&self, asks: &Asks) -> Result<(Grant, Membership), Refusal> {
        failpoint!("entrance::attempt", of self.name.as_str());
        let (grant, again) = match asks {
            Asks::Enter(credential) => (check(&*self.authority, &*self.clock, credential, &self.name).await?, None),
            Asks::Rejoin(grant, again) => (grant.clone(), Some(again.clone())),
        };
        let membership = self.join(&grant, again).await?;
        Ok((grant, membership))
    }

    async fn join(&self, grant: &Grant, again: Option<Again>) -> Result<Membership, Refusal> {
        let join = Join {
            subject: grant.subject.clone(),
            right: grant.right,
            attempt: self.attempt,
            inbox: self.inbox.clone(),
            asked_at_once: self.asked_at_once,
            again,
        };
        for _ in 0..TRIES {
            let room = self.rooms.open(self.name.clone()).await?;
            if let Ok(joined) = room.join(join.clone()).await {
                return joined.map(|joined| Membership { room, joined, outgoing: Vec::new() });
            }
        }
        Err(Refusal::Unavailable)
    }
}

/// Checks a credential.
///
/// # Errors
/// The refusal that the client is to be told.
pub async fn check(
    authority: &dyn Authority,
    clock: &dyn WallClock,
    credential: &str,
    name: &DocumentName,
) -> Result<Grant, Refusal> {
    authority.grant(credential, name, clock.now()).await.map_err(|denied| match denied {
        Denied::Unauthenticated => Refusal::Unauthenticated,
        Denied::Expired => Refusal::TokenExpired,
        Denied::Forbidden => Refusal::Forbidden,
    })
}
