//! What a server must be, and why it cannot be used.

use sea_orm::sqlx::{self, PgConnection, Row};

use super::address::Address;
use crate::error::OpenError;
use crate::fault::{Fault, describe_sqlx};

/// What a session found out about its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// Whether a commit is answered only when it is on disk.
    pub waits_for_disk: bool,
}

/// Asks the server for what the log rests on.
pub async fn inspect(session: &mut PgConnection, address: &Address, connections: u32) -> Result<Server, OpenError> {
    const SETTINGS: &str = "SELECT current_setting('server_encoding'), pg_is_in_recovery(), \
        current_setting('synchronous_commit'), current_setting('fsync'), current_setting('full_page_writes'), \
        current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint";
    let row = sqlx::query(SETTINGS).fetch_one(session).await.map_err(|error| unreachable(address, &error))?;
    let text = |at: usize| row.try_get::<String, _>(at).map_err(|error| unreachable(address, &error));
    let encoding = text(0)?;
    let refuse =
        |reason: String, way_out| Err(OpenError::Unreachable { database: address.shown.clone(), reason, way_out });
    if encoding != "UTF8" {
        return refuse(format!("its encoding is {encoding}"), "make it with ENCODING 'UTF8'");
    }
    if row.try_get(1).map_err(|error| unreachable(address, &error))? {
        return refuse("the server is a standby, which takes no writes".to_owned(), "name the primary in DATABASE_URL");
    }
    for (setting, value) in [("fsync", text(3)?), ("full_page_writes", text(4)?)] {
        if value == "off" {
            tracing::warn!(setting, "is off on this server: a crash of it may lose what was acknowledged");
        }
    }
    let allowed: i64 = row.try_get(5).map_err(|error| unreachable(address, &error))?;
    if i64::from(connections) > allowed {
        tracing::warn!(connections, allowed, "store.connections is more than the server allows");
    }
    Ok(Server { waits_for_disk: text(2)? != "off" })
}

/// Whether the session's user may make tables in the schema that they would be made in.
pub async fn may_create(session: &mut PgConnection, address: &Address) -> Result<(), OpenError> {
    const MAY_CREATE: &str = "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)";
    match sqlx::query_scalar(MAY_CREATE).fetch_one(session).await.map_err(|error| unreachable(address, &error))? {
        true => Ok(()),
        false => Err(OpenError::Unreachable {
            database: address.shown.clone(),
            reason: "its user may not create tables in its schema".to_owned(),
            way_out: "GRANT CREATE ON SCHEMA public, or another of the search path, to it",
        }),
    }
}

/// Says why the server cannot be used, and what may help.
pub fn unreachable(address: &Address, error: &sqlx::Error) -> OpenError {
    let way_out = match (Fault::of_sqlx(error), error) {
        (_, sqlx::Error::Tls(_)) => "sslmode and sslrootcert in DATABASE_URL say how the way is encrypted",
        (Fault::Denied, _) => "correct the user and the password in DATABASE_URL, or what the server lets that user do",
        (Fault::NoSuchDatabase, _) => "make it with createdb, or correct its name in DATABASE_URL",
        (Fault::Crowded, _) => "lower store.connections of every node, or raise max_connections of the server",
        (Fault::Passing, _) => "wait until the server has started",
        (Fault::Lost, _) => "start PostgreSQL there, or correct the host and the port in DATABASE_URL",
        _ => "correct DATABASE_URL, or the server",
    };
    OpenError::Unreachable { database: address.shown.clone(), reason: describe_sqlx(error), way_out }
}
