//! What all handlers share.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tandem_model::{Limits, Places};
use tokio::sync::Semaphore;

use super::address::Network;
use super::health::HealthCache;
use super::hosts::{HostRules, Origin};
use super::{Backend, Pages};
use crate::auth::Tokens;

/// The edge's part of the configuration, as it uses it.
#[derive(Clone, Debug)]
pub struct EdgeSettings {
    /// The path that everything is served under: empty or `/a`.
    pub base_path: String,
    /// Which hosts requests may name.
    pub hosts: HostRules,
    /// Other origins that may call.
    pub cors_origins: Vec<Origin>,
    /// Proxies whose word about their clients' addresses is taken.
    pub trusted_proxies: Vec<Network>,
    /// HTTP connections and sockets together.
    pub connections: usize,
    /// The head of one request, in bytes.
    pub header_bytes: usize,
    /// How long a head may take.
    pub header_within: Duration,
    /// The body of one request, in bytes.
    pub body_bytes: usize,
    /// How long a body may take.
    pub body_within: Duration,
    /// How long an answer may stand still.
    pub write_within: Duration,
    /// Guests' tokens live this long; `None`: there are no guests.
    pub guests_for: Option<Duration>,
    /// Whether a socket's token may come in its URL.
    pub query_tokens: bool,
}

/// What all handlers share.
pub struct Edge {
    pub(super) settings: EdgeSettings,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) tokens: Arc<Tokens>,
    pub(super) pages: Arc<Pages>,
    pub(super) places: Places,
    pub(super) permits: Arc<Semaphore>,
    pub(super) metrics: PrometheusHandle,
    pub(super) health: HealthCache,
}

impl Edge {
    /// Puts the edge together.
    #[must_use]
    pub fn new(
        settings: EdgeSettings,
        backend: Arc<dyn Backend>,
        tokens: Arc<Tokens>,
        pages: Arc<Pages>,
        limits: &Limits,
        metrics: PrometheusHandle,
    ) -> Self {
        let places = Places::new(limits.sockets_per_address, limits.unauthenticated_per_address);
        let permits = Arc::new(Semaphore::new(settings.connections.min(Semaphore::MAX_PERMITS)));
        Self { settings, backend, tokens, pages, places, permits, metrics, health: HealthCache::default() }
    }
}
