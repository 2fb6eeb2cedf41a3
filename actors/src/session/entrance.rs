//! How a session gets into a document: the credential is checked, the room is found, the session joins. Then there is
//! one answer; the document is loaded before anybody is told "authenticated".

use std::sync::Arc;

use tandem_model::{Authority, Denied, DocumentName, Grant, WallClock};
use tandem_protocol::Refusal;

use super::gate::Attempt;
use crate::room::command::{Again, Command, Join};
use crate::room::notice::Inbox;
use crate::room::outbox::{MemberId, Outbox};
use crate::room::{Joined, RoomRef};
use crate::rooms::Rooms;
use crate::session::flight::Flight;

/// Rooms may end between being found and being joined; so often is another one looked for.
const TRIES: usize = 5;

/// A membership that is left when it is dropped, however its session ends.
#[derive(Debug)]
pub struct Membership {
    room: RoomRef,
    joined: Joined,
}

impl Membership {
    /// Hands a command over.
    pub fn command(&self, command: Command, flight: Flight) {
        self.room.command(self.joined.member, command, flight);
    }

    /// Asks for the difference that the lapped cursor misses.
    pub fn catch_up(&self) {
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
    pub fn right_changed(&self, right: tandem_model::Right) {
        self.room.right_changed(self.joined.member, right);
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
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
}

impl Entrance {
    /// Checks the credential and joins.
    ///
    /// # Errors
    /// The refusal that the client is to be told.
    pub async fn enter(self, credential: &str) -> Result<(Grant, Membership), Refusal> {
        let grant = check(&*self.authority, &*self.clock, credential, &self.name).await?;
        let membership = self.join(&grant, None).await?;
        Ok((grant, membership))
    }

    /// Joins with a right that was checked before.
    ///
    /// # Errors
    /// The refusal that the client is to be told.
    pub async fn join(self, grant: &Grant, again: Option<Again>) -> Result<Membership, Refusal> {
        let join = Join {
            subject: grant.subject.clone(),
            right: grant.right,
            attempt: self.attempt,
            inbox: self.inbox,
            asked_at_once: self.asked_at_once,
            again,
        };
        for _ in 0..TRIES {
            let room = self.rooms.open(self.name.clone()).await?;
            if let Ok(joined) = room.join(join.clone()).await {
                return joined.map(|joined| Membership { room, joined });
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
