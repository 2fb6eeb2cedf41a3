//! What is asked of a pool, whatever it connects to.

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

/// Waits until every connection is back, and closes them.
pub async fn close(connection: &DatabaseConnection) {
    if let Err(error) = connection.close_by_ref().await {
        tracing::warn!(error = describe(&error), "the database did not close well");
    }
}
