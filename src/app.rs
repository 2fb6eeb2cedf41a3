//! The application: the one place where store, actors and edge meet.
//!
//! Started in this order: secret, store, node, listener. Ended in the reverse: unready, no new connections, the node
//! drained, the store closed.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use metrics_exporter_prometheus::{BuildError, PrometheusHandle};
use secrecy::ExposeSecret;
use serde_json::Value;
use tandem_actors::{Arrival, DeleteError, Drained, Node, Ports, Readiness, StartError as NodeError};
use tandem_model::log::Log;
use tandem_model::{DocumentName, SystemClock};
use tandem_store::{OpenError, Store};
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, timeout, timeout_at};
use tracing::{error, info, warn};

use crate::auth::{SecretError, TokenRules, Tokens, development_secret};
use crate::config::{Configuration, Environment, Server};
use crate::exit::Exit;
use crate::http::hosts::HostRules;
use crate::http::{self, Backend, Edge, EdgeSettings, Pages, Socket};
use crate::steps::Step;
use crate::telemetry;

/// The store is given this long to close, even when the drain took all its time.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// Connections that the system holds until they are accepted. Beyond, it drops what comes, and a client tries again after
/// a second: a restarted server has all its clients at once.
const LISTEN_BACKLOG: u32 = 4096;

/// A server that listens.
pub struct App {
    node: Node,
    store: Store,
    edge: Arc<Edge>,
    listener: TcpListener,
    url: String,
    drain_within: Duration,
}

/// Why the server does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// There is no signing secret.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The actors do not start.
    #[error("the node does not start: {0}")]
    Node(#[from] NodeError),
    /// Metrics are recorded by something else.
    #[error("metrics cannot be recorded: {0}")]
    Metrics(#[from] BuildError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}; server.listen (TANDEM__SERVER__LISTEN) says where to")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
}

impl StartError {
    /// The exit code that tells it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Secret(_)
            | Self::Store(OpenError::Scheme { .. } | OpenError::Url { .. } | OpenError::ServerUrl { .. }) => {
                Exit::Config
            }
            Self::Node(_) => Exit::RootFailed,
            Self::Store(_) | Self::Metrics(_) | Self::Listen { .. } => Exit::Unavailable,
        }
    }
}

/// How often memory is given back that only makes things quicker.
const TRIM_EVERY: Duration = Duration::from_secs(20);

/// Trims the store's caches, for ever. The allocator's own threads give back what is freed.
async fn trimming(store: Store) {
    let mut ticks = tokio::time::interval(TRIM_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        store.trim().await;
    }
}

impl App {
    /// Starts everything; says each step and how long it took.
    ///
    /// # Errors
    /// [`StartError`] names what does not start.
    pub async fn start(configuration: &Configuration) -> Result<Self, StartError> {
        let metrics = telemetry::start_metrics()?;
        telemetry::describe();
        tokio::spawn(telemetry::upkeep(metrics.clone()));
        let tokens = Arc::new(tokens(configuration)?);
        let store = open_store(configuration).await?;
        tokio::spawn(trimming(store.clone()));
        let node = start_node(configuration, &store, tokens.clone()).await?;
        let listener = listen(&configuration.settings.server)?;
        let address = listener.local_addr().unwrap_or(configuration.settings.server.listen);
        let edge = Arc::new(edge(configuration, &node, &store, tokens, address, metrics));
        let server = &configuration.settings.server;
        Ok(Self {
            node,
            store,
            edge,
            listener,
            url: format!("http://{address}{}/", server.base_path.as_str()),
            drain_within: Duration::from_secs(server.drain_seconds),
        })
    }

    /// Where it is served.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the documents lie.
    #[must_use]
    pub fn data(&self) -> &str {
        self.store.place()
    }

    /// Serves until `stop` says true, then drains; or until the actors give up.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Exit {
        let (close, closing) = watch::channel(false);
        let mut server = tokio::spawn(http::serve(self.listener, self.edge, closing));
        let failed = tokio::select! {
            // A closed channel means that nobody is left to ask for the end: serve on.
            Ok(_) = stop.wait_for(|stop| *stop) => false,
            () = self.node.failed() => true,
            // It ends only when it is told to, or by a panic; nobody is let in any more.
            _ = &mut server => true,
        };
        close.send_replace(true);
        if failed {
            error!(target: "tandem::stop", "the root of the actors gave up, or nobody accepts connections");
            close_store(&self.store).await;
            return Exit::RootFailed;
        }
        let deadline = Instant::now() + self.drain_within;
        let drained = self.node.drain(self.drain_within).await;
        let requests = timeout_at(deadline, server).await;
        close_store(&self.store).await;
        match (drained, requests) {
            (Drained::Clean, Ok(_)) => {
                info!(target: "tandem::stop", "drained");
                Exit::Done
            }
            (Drained::Clean, Err(_)) => late("requests that did not end"),
            (Drained::Late { waiting }, _) => late(&waiting),
        }
    }
}

fn late(waiting: &str) -> Exit {
    warn!(target: "tandem::stop", waiting, "drained late: server.drain_seconds have passed");
    Exit::DrainedLate
}

async fn close_store(store: &Store) {
    if timeout(CLOSE_WITHIN, store.close()).await.is_err() {
        warn!(target: "tandem::stop", "the store does not close");
    }
}

/// The authority over tokens that a configuration describes. In development it may make its secret.
///
/// # Errors
/// The development secret cannot be made or read.
pub fn tokens(configuration: &Configuration) -> Result<Tokens, SecretError> {
    let auth = &configuration.settings.auth;
    let secret = match &configuration.secret {
        Some(secret) => secret.clone(),
        None => development_secret(&PathBuf::from(&auth.secret_file))?,
    };
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let rules = TokenRules {
        default_right: auth.default_right.right(),
        issuer: some(&auth.issuer),
        audience: some(&auth.audience),
        leeway: Duration::from_secs(auth.leeway_seconds),
    };
    Ok(Tokens::new(&secret, rules))
}

/// What to say of a server that other machines reach, and that serves no name: each of their requests is refused.
#[must_use]
pub fn unreachable_by_name(configuration: &Configuration) -> Option<&'static str> {
    let server = &configuration.settings.server;
    (server.allowed_hosts.is_empty() && !server.listen.ip().is_loopback()).then_some(
        "server.allowed_hosts is empty, so what asks for this server by a name or an address of the network is refused with \
         403: list the names that it is reached by, such as ALLOWED_HOSTS=docs.example.org",
    )
}

async fn open_store(configuration: &Configuration) -> Result<Store, StartError> {
    let step = Step::begin("opening the database");
    let settings = &configuration.settings.store;
    let store = Store::open(settings.database_url.expose_secret(), &settings.options()).await?;
    let applied = match store.applied().len() {
        0 => "the schema is up to date".to_owned(),
        steps => format!("{steps} migrations applied"),
    };
    step.done(&format!("{}, {applied}", store.place()));
    Ok(store)
}

async fn start_node(configuration: &Configuration, store: &Store, authority: Arc<Tokens>) -> Result<Node, StartError> {
    let step = Step::begin("starting the actors");
    let ports = Ports { log: Arc::new(store.log()), authority, clock: Arc::new(SystemClock) };
    let node = Node::start(ports, configuration.settings.limits.clone()).await?;
    step.done("started");
    Ok(node)
}

fn listen(server: &Server) -> Result<TcpListener, StartError> {
    let address = server.listen;
    listen_on(address).map_err(|error| StartError::Listen { address, error })
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(LISTEN_BACKLOG)
}

fn edge(
    configuration: &Configuration,
    node: &Node,
    store: &Store,
    tokens: Arc<Tokens>,
    address: SocketAddr,
    metrics: PrometheusHandle,
) -> Edge {
    let pages = Arc::new(Pages::embedded());
    let backend = Arc::new(NodeBackend { node: node.clone(), log: Arc::new(store.log()), store: store.clone() });
    let settings = edge_settings(configuration, address);
    Edge::new(settings, backend, tokens, pages, &configuration.settings.limits, metrics)
}

fn edge_settings(configuration: &Configuration, address: SocketAddr) -> EdgeSettings {
    let server = &configuration.settings.server;
    let auth = &configuration.settings.auth;
    let development = configuration.environment == Environment::Development;
    let allowed = server.allowed_hosts.clone();
    let hosts = HostRules { loopback: development || allowed.is_empty(), allowed, port: address.port() };
    let size = tandem_model::Limits::size;
    EdgeSettings {
        base_path: server.base_path.as_str().into(),
        hosts,
        cors_origins: server.cors_origins.clone(),
        trusted_proxies: server.trusted_proxies.clone(),
        connections: size(server.connections),
        header_bytes: size(server.header_bytes),
        header_within: Duration::from_secs(server.header_seconds),
        body_bytes: size(server.body_bytes),
        body_within: Duration::from_secs(server.body_seconds),
        write_within: Duration::from_secs(server.write_seconds),
        guests_for: auth.guests.then(|| Duration::from_secs(auth.guest_seconds)),
        query_tokens: auth.query_tokens,
    }
}

/// The node and its store, as the edge sees them.
struct NodeBackend {
    node: Node,
    log: Arc<dyn Log>,
    store: Store,
}

impl Backend for NodeBackend {
    fn accept(&self, arrival: Arrival<Socket>) {
        self.node.accept(arrival);
    }

    fn readiness(&self) -> Readiness {
        self.node.readiness()
    }

    fn delete<'a>(&'a self, name: &'a DocumentName) -> BoxFuture<'a, Result<(), DeleteError>> {
        self.node.delete(name).boxed()
    }

    fn snapshot(&self) -> BoxFuture<'_, Value> {
        async { serde_json::to_value(self.node.health().await).unwrap_or_default() }.boxed()
    }

    fn observe(&self) {
        self.node.observe_all();
        telemetry::gauge_store(&self.store.statistics());
    }

    fn ping(&self) -> BoxFuture<'_, Result<(), String>> {
        async { self.log.ping().await.map_err(|error| error.to_string()) }.boxed()
    }
}
