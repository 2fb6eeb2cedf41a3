//! A running node, as the edge sees it: hand sockets over, ask for health, drain.

use std::sync::Arc;

use bytes::Bytes;
use tandem_model::log::Log;
use tandem_model::{Authority, DocumentName, NameError, Place};

/// What a node needs from the outside.
#[derive(Clone)]
pub struct Ports {
    /// The update log.
    pub log: Arc<dyn Log>,
    /// Who may do what.
    pub authority: Arc<dyn Authority>,
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

/// A socket whose upgrade was answered.
#[derive(Debug)]
pub struct Arrival<S> {
    /// The connection itself.
    pub io: S,
    /// What was read from it beyond the upgrade.
    pub early: Bytes,
    /// Its protocol.
    pub speaks: Speaks,
    /// Its place among its address' sockets, given back when the session ends.
    pub place: Place,
}
