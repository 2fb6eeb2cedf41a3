//! The configuration, typed by area. All of it is checked before anything is opened or bound.

mod error;
mod list;
mod load;
mod rules;
mod store;
mod values;

use std::net::SocketAddr;

use secrecy::SecretString;
use serde::Deserialize;
use tandem_model::Limits;

pub use error::ConfigError;
pub use load::{Configuration, Sources, load};
pub use values::{BasePath, DefaultRight, Environment, LogFilter, LogFormat};

use crate::http::address::Network;
use crate::http::hosts::{Host, Origin};

/// Everything that the files and the environment say, secrets apart.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The edge.
    pub server: Server,
    /// Who may do what.
    pub auth: Auth,
    /// Where documents are kept.
    pub store: Store,
    /// Every bound.
    pub limits: Limits,
    /// What is logged.
    pub log: Log,
}

/// The `[server]` section; `config/base.toml` explains each key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Where to listen.
    #[serde(deserialize_with = "list::one")]
    pub listen: SocketAddr,
    /// Whether development may listen beyond loopback.
    pub beyond_loopback: bool,
    /// The path that everything is served under.
    #[serde(deserialize_with = "list::one")]
    pub base_path: BasePath,
    /// Names that a request's Host may have.
    #[serde(deserialize_with = "list::many")]
    pub allowed_hosts: Vec<Host>,
    /// Other origins that may call.
    #[serde(deserialize_with = "list::many")]
    pub cors_origins: Vec<Origin>,
    /// Proxies whose word about their clients' addresses is taken.
    #[serde(deserialize_with = "list::many")]
    pub trusted_proxies: Vec<Network>,
    /// The drain's deadline.
    pub drain_seconds: u64,
    /// How long a thread that has much to read rests before it looks at its sockets again.
    pub rest_microseconds: u64,
    /// HTTP connections and sockets together.
    pub connections: u64,
    /// The head of one request.
    pub header_bytes: u64,
    /// How long a head may take.
    pub header_seconds: u64,
    /// The body of one request.
    pub body_bytes: u64,
    /// How long a body may take.
    pub body_seconds: u64,
    /// How long an answer may stand still.
    pub write_seconds: u64,
}

/// The `[auth]` section.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// Whether everybody may become a guest.
    pub guests: bool,
    /// How long a guest's token lives.
    pub guest_seconds: u64,
    /// What a token without `rooms` may do.
    pub default_right: DefaultRight,
    /// Whether a socket's token may come in its URL.
    pub query_tokens: bool,
    /// The `iss` that tokens must carry; empty: any.
    pub issuer: String,
    /// The `aud` that tokens must carry; empty: none.
    pub audience: String,
    /// How far clocks may differ.
    pub leeway_seconds: u64,
    /// Where development keeps the secret that it made.
    pub secret_file: String,
}

/// The `[store]` section.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// The database; may hold a password.
    pub database_url: SecretString,
    /// A statement that takes longer is logged and counted.
    pub slow_statement_ms: u64,
    /// SQLite: how many committed rows wait in segments before they go to their documents.
    pub tail_rows: u64,
    /// PostgreSQL: the most connections.
    pub connections: u64,
    /// PostgreSQL: how long a connection may take to be made or to become free.
    pub acquire_seconds: u64,
    /// PostgreSQL: how long a statement may take.
    pub statement_seconds: u64,
    /// PostgreSQL: how long a statement may wait for a lock.
    pub lock_seconds: u64,
    /// PostgreSQL: how long a transaction may stand still.
    pub idle_in_transaction_seconds: u64,
    /// PostgreSQL: how long a connection that nobody uses is kept.
    pub idle_seconds: u64,
}

/// The `[log]` section.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// What is logged.
    #[serde(deserialize_with = "list::one")]
    pub level: LogFilter,
    /// In which form.
    pub format: LogFormat,
}
