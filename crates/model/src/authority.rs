//! The port that answers who somebody is and what they may do.

use std::time::SystemTime;

use futures_util::future::BoxFuture;
use thiserror::Error;

use crate::{DocumentName, Right, Subject};

/// What a credential allows on one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whose it is.
    pub subject: Subject,
    /// The right that it gives.
    pub right: Right,
    /// When it ends; `None` is never.
    pub until: Option<SystemTime>,
}

/// Why a credential allows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Denied {
    /// There is none, or it cannot be believed.
    #[error("permission-denied")]
    Unauthenticated,
    /// It was good once.
    #[error("token-expired")]
    Expired,
    /// It is good, and gives no right on this document (or there is no such document: one answer for both).
    #[error("permission-denied")]
    Forbidden,
}

/// Verifies credentials.
pub trait Authority: Send + Sync + 'static {
    /// Says what `credential` (a token; empty if none was given) allows on `document` at `now`.
    fn grant<'a>(
        &'a self,
        credential: &'a str,
        document: &'a DocumentName,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<Grant, Denied>>;
}
