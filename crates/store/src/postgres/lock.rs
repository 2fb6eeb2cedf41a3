//! One process changes the schema.

use std::time::Duration;

use sea_orm::sqlx::{self, PgConnection};
use tokio::time::{Instant, sleep};

use crate::error::OpenError;
use crate::fault::database_error;

/// The number of the server's advisory lock: the letters of `tandem`.
const KEY: i64 = 0x7461_6e64_656d;

const AGAIN: Duration = Duration::from_millis(50);

/// A step on a large table may take minutes; longer, and somebody should look.
const PATIENCE: Duration = Duration::from_secs(600);

/// Waits until nobody else changes the schema, and keeps the others away until `session` ends.
///
/// Asks again and again: a wait inside the server would hold a snapshot, which a step of another starter may wait for.
pub async fn take(session: &mut PgConnection, database: &str) -> Result<(), OpenError> {
    let since = Instant::now();
    let mut said = false;
    while !tried(session, database).await? {
        if since.elapsed() > PATIENCE {
            return Err(OpenError::Migrating { database: database.to_owned(), seconds: PATIENCE.as_secs() });
        }
        if !std::mem::replace(&mut said, true) {
            tracing::info!(database, "another process is bringing the schema up to date; waiting for it");
        }
        sleep(AGAIN).await;
    }
    Ok(())
}

async fn tried(session: &mut PgConnection, database: &str) -> Result<bool, OpenError> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(KEY).fetch_one(session).await.map_err(|error| {
        OpenError::Migration { database: database.to_owned(), reason: crate::fault::describe(&database_error(error)) }
    })
}
