//! Where a restarted actor's new address is found.

use std::sync::{Arc, PoisonError, RwLock};

use ractor::{ActorRef, Message};

/// Holds the address of an actor that its supervisor may replace. Clones share it.
#[derive(Debug)]
pub struct Cell<M: Message>(Arc<RwLock<Option<ActorRef<M>>>>);

impl<M: Message> Clone for Cell<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Message> Default for Cell<M> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<M: Message> Cell<M> {
    /// Puts a new actor in the old one's place.
    pub fn set(&self, actor: ActorRef<M>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(actor);
    }

    /// The current actor, if it was started.
    #[must_use]
    pub fn get(&self) -> Option<ActorRef<M>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a message; gives it up when the actor is between two lives.
    pub fn cast(&self, message: M) -> bool {
        self.get().is_some_and(|actor| actor.cast(message).is_ok())
    }
}
