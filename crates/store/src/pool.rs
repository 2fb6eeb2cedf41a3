//! What is asked of a pool, whatever it connects to.

use sea_orm::sqlx::{self, Connection};
use sea_orm::{DatabaseConnection, DbBackend};

use crate::fault::describe;
use crate::statistics::PoolStatistics;

/// How many connections there are.
pub fn figures(connection: &DatabaseConnection) -> PoolStatistics {
    let (open, idle, max) = match connection.get_database_backend() {
        DbBackend::Postgres => {
            let pool = connection.get_postgres_connection_pool();
            (pool.size(), pool.num_idle(), pool.options().get_max_connections())
        }
        _ => {
            let pool = connection.get_sqlite_connection_pool();
            (pool.size(), pool.num_idle(), pool.options().get_max_connections())
        }
    };
    PoolStatistics { open, idle: u32::try_from(idle).unwrap_or(u32::MAX), max }
}

/// Gives back what SQLite's connections cached and nobody uses now; those at work are left until the next time. What is
/// needed again is prepared again; the pages are the kernel's as well, and read from there.
pub async fn trim(connection: &DatabaseConnection) {
    if connection.get_database_backend() != DbBackend::Sqlite {
        return;
    }
    let pool = connection.get_sqlite_connection_pool();
    // Held until all are trimmed, so that each is taken once.
    let mut idle = Vec::new();
    while let Some(mut one) = pool.try_acquire() {
        // A statement of a hundred rows is a program of a thousand steps; in time every number of rows would have one.
        let forgotten = one.clear_cached_statements().await;
        let shrunk = sqlx::query("PRAGMA shrink_memory").persistent(false).execute(&mut *one).await;
        if let Err(error) = forgotten.and(shrunk.map(|_| ())) {
            tracing::debug!(%error, "a connection keeps what it cached");
        }
        idle.push(one);
    }
}

/// Waits until every connection is back, and closes them.
pub async fn close(connection: &DatabaseConnection) {
    if let Err(error) = connection.close_by_ref().await {
        tracing::warn!(error = describe(&error), "the database did not close well");
    }
}
