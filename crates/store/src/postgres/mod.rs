//! The log on a server that other processes use too.
//!
//! Positions are given by the database, under the documents' row locks. One connection appends, the others of the pool
//! do everything else. Nothing is held in memory that another process could make untrue.

mod address;
mod append;
mod connect;
mod lock;
mod server;
mod writer;

use std::sync::Arc;

use sea_orm::DatabaseConnection;
use sea_orm::sqlx::Connection;
use sea_orm::sqlx::postgres::PgConnectOptions;

use self::address::Address;
use self::server::{Server, inspect, may_create, unreachable};
pub use self::writer::Writer;
use crate::error::OpenError;
use crate::opened::{self, Opened};
use crate::options::{Options, Schema};
use crate::pool;
use crate::reader::Reader;
use crate::schema;

/// Reaches the server, brings the schema up to date unless `options` say otherwise, and makes the pool.
pub async fn open(url: &str, options: &Options) -> Result<Opened, OpenError> {
    let address = Address::parse(url)?;
    let (server, applied) = prepare(&address, options).await?;
    let mut settings = connect::serving(&address.settings, options);
    if !server.waits_for_disk {
        tracing::info!("synchronous_commit is off on this server; it is on for the sessions of tandem");
        settings = settings.options([("synchronous_commit", "on")]);
    }
    let limits = &options.postgres;
    let pool = connect::pool(settings.clone(), limits.connections.saturating_sub(1).max(1), limits);
    Ok(Opened {
        writer: opened::Writer::Postgres(Writer::new(settings, pool.clone(), limits)),
        reader: Reader::new(pool, Arc::default(), limits.acquire_timeout, options.read_timeout),
        place: address.shown,
        applied,
    })
}

/// Answers the steps that the schema lacks, if they could be applied; takes no lock and writes nothing.
pub async fn pending(url: &str) -> Result<Vec<String>, OpenError> {
    let address = Address::parse(url)?;
    let options = Options::default();
    let reached = connect::once(&address.settings, options.postgres.acquire_timeout).await;
    let mut session = reached.map_err(|error| unreachable(&address, &error))?;
    inspect(&mut session, &address, options.postgres.connections).await?;
    let pool = one(connect::serving(&address.settings, &options), &options);
    let pending = schema::applicable(&pool, &address.shown, Schema::Upgrade).await;
    pool::close(&pool).await;
    let pending = pending?;
    if !pending.is_empty() {
        may_create(&mut session, &address).await?;
    }
    session.close().await.ok();
    Ok(pending)
}

async fn prepare(address: &Address, options: &Options) -> Result<(Server, Vec<String>), OpenError> {
    let settings = connect::migrating(&address.settings, options);
    let reached = connect::patiently(&settings, options.postgres.acquire_timeout).await;
    let mut session = reached.map_err(|error| unreachable(address, &error))?;
    let server = inspect(&mut session, address, options.postgres.connections).await?;
    let pool = one(settings, options);
    let mut applied = schema::lacking(&pool, &address.shown, options.schema).await?;
    if !applied.is_empty() {
        lock::take(&mut session, &address.shown).await?;
        // Whoever had the lock before may have applied them.
        applied = schema::ensure(&pool, &address.shown, options.schema).await?;
    }
    pool::close(&pool).await;
    // With the session ends its lock; that it ended well is nobody's concern.
    session.close().await.ok();
    Ok((server, applied))
}

fn one(settings: PgConnectOptions, options: &Options) -> DatabaseConnection {
    connect::pool(settings, 1, &options.postgres)
}
