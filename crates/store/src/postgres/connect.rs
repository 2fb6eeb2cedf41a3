//! Connections and their settings.

use std::io;
use std::time::Duration;

use ::log::LevelFilter;
use sea_orm::DatabaseConnection;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::{self, ConnectOptions, Connection, PgConnection};
use tokio::time::{Instant, sleep, timeout};

use crate::fault::Fault;
use crate::options::{Options, PostgresOptions};

/// A connection that was unused for longer is tested before it is used: the server may have been restarted.
pub const FRESH: Duration = Duration::from_secs(1);

/// A connection is not used for longer, so that what a server keeps for it does not grow for ever.
const LIFETIME: Duration = Duration::from_secs(1800);

/// The first and the longest wait between two attempts to reach a server that is starting.
const AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Completes the settings of a URL for a session that serves.
///
/// What is set here in the start-up packet holds against the server's, the database's and the user's own settings. A
/// write waits for its locks under read committed: it then sees what the one before it wrote.
pub fn serving(settings: &PgConnectOptions, options: &Options) -> PgConnectOptions {
    let PostgresOptions { statement_timeout, lock_timeout, idle_in_transaction_timeout, .. } = options.postgres;
    logged(settings.clone(), options).options([
        ("statement_timeout", milliseconds(statement_timeout)),
        ("lock_timeout", milliseconds(lock_timeout)),
        ("idle_in_transaction_session_timeout", milliseconds(idle_in_transaction_timeout)),
        ("default_transaction_isolation", "read committed".to_owned()),
    ])
}

/// Completes the settings of a URL for a session that changes the schema: a step may take as long as it takes, but
/// holds nobody up for long while it waits for its lock.
pub fn migrating(settings: &PgConnectOptions, options: &Options) -> PgConnectOptions {
    let lock_timeout = milliseconds(options.postgres.lock_timeout);
    logged(settings.clone(), options).options([("statement_timeout", "0".to_owned()), ("lock_timeout", lock_timeout)])
}

/// Connects once.
pub async fn once(settings: &PgConnectOptions, within: Duration) -> Result<PgConnection, sqlx::Error> {
    match timeout(within, PgConnection::connect_with(settings)).await {
        Ok(connected) => connected,
        Err(_) => {
            let text = format!("no answer in {} s", within.as_secs_f32());
            Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text)))
        }
    }
}

/// Connects to a server that may be starting: tries again for as long as `within`, then says what was wrong last.
pub async fn patiently(settings: &PgConnectOptions, within: Duration) -> Result<PgConnection, sqlx::Error> {
    let deadline = Instant::now() + within;
    let mut wait = AGAIN.0;
    loop {
        match once(settings, deadline.saturating_duration_since(Instant::now())).await {
            Err(error) if is_passing(&error) && Instant::now() + wait < deadline => {
                sleep(wait).await;
                wait = (wait * 2).min(AGAIN.1);
            }
            outcome => return outcome,
        }
    }
}

/// Makes the pool. Nothing is connected before it is needed.
pub fn pool(settings: PgConnectOptions, connections: u32, options: &PostgresOptions) -> DatabaseConnection {
    // Made past sea-orm's own `connect`, whose spans show the URL with its password.
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(options.acquire_timeout)
        .idle_timeout(options.idle_timeout)
        .max_lifetime(LIFETIME)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > FRESH {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(settings)
        .into()
}

fn logged(settings: PgConnectOptions, options: &Options) -> PgConnectOptions {
    settings.log_statements(LevelFilter::Off).log_slow_statements(LevelFilter::Warn, options.slow_statement)
}

fn is_passing(error: &sqlx::Error) -> bool {
    let refused = matches!(error, sqlx::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused);
    refused || matches!(Fault::of_sqlx(error), Fault::Passing | Fault::Crowded)
}

fn milliseconds(duration: Duration) -> String {
    duration.as_millis().to_string()
}
