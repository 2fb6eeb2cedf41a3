//! What stands behind the edge.

use futures_util::future::BoxFuture;
use serde_json::Value;
use tandem_actors::{Arrival, DeleteError, Readiness};
use tandem_model::DocumentName;

use super::Socket;

/// What the edge hands over to: the node and its store. A trait, so that tests of the edge and of the upgrade can
/// stand something smaller behind it.
pub trait Backend: Send + Sync + 'static {
    /// Takes an upgraded socket over; never blocks.
    fn accept(&self, arrival: Arrival<Socket>);

    /// Whether sessions can be served.
    fn readiness(&self) -> Readiness;

    /// Deletes a document.
    fn delete<'a>(&'a self, name: &'a DocumentName) -> BoxFuture<'a, Result<(), DeleteError>>;

    /// A small snapshot of the node, for people.
    fn snapshot(&self) -> BoxFuture<'_, Value>;

    /// Sets the gauges that are counted when they are asked for.
    fn observe(&self) {}

    /// Asks the store for a sign of life; the error is for people.
    fn ping(&self) -> BoxFuture<'_, Result<(), String>>;
}
