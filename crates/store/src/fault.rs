//! What a database error means.

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, sqlx};
use tandem_model::log::LogError;

/// The classes of database errors that are treated differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No room left on the disk, or the file's own bound is reached.
    Full,
    /// Somebody else holds a lock.
    Busy,
    /// The file, its disk or the server cannot be written.
    ReadOnly,
    /// What is stored contradicts itself, or is of the wrong type.
    Damaged,
    /// The file is no database at all.
    NotADatabase,
    /// A key that is taken, or a row that is referred to and missing.
    Constraint,
    /// The server ended a statement that took too long.
    Slow,
    /// The server does not let the user do this, or does not know the user.
    Denied,
    /// The server has no such database.
    NoSuchDatabase,
    /// The server is starting or shutting down.
    Passing,
    /// The server lets nobody else in.
    Crowded,
    /// The way to the server is broken.
    Lost,
    /// No connection became free in time.
    Exhausted,
    /// Anything else.
    Other,
}

impl Fault {
    /// Looks into an error of the database layer.
    pub fn of(error: &DbErr) -> Self {
        match error {
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => Self::Exhausted,
            DbErr::Conn(RuntimeErr::SqlxError(error))
            | DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error)) => Self::of_sqlx(error),
            DbErr::Type(_) | DbErr::TryIntoErr { .. } => Self::Damaged,
            _ => Self::Other,
        }
    }

    /// Looks into an error of the layer below.
    pub fn of_sqlx(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => {
                let server = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some();
                match error.code() {
                    Some(code) if server => Self::of_state(&code),
                    Some(code) => Self::of_code(&code),
                    None => Self::Other,
                }
            }
            sqlx::Error::Io(_) => Self::Lost,
            sqlx::Error::PoolTimedOut => Self::Exhausted,
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Damaged,
            _ => Self::Other,
        }
    }

    /// SQLite's extended codes come as decimal text; the low byte is the class.
    fn of_code(code: &str) -> Self {
        match code.parse::<u32>().map(|code| code & 0xff) {
            Ok(5 | 6) => Self::Busy,
            Ok(8) => Self::ReadOnly,
            Ok(11) => Self::Damaged,
            Ok(13) => Self::Full,
            Ok(19) => Self::Constraint,
            Ok(26) => Self::NotADatabase,
            _ => Self::Other,
        }
    }

    /// PostgreSQL's states are five characters; the first two are the class.
    fn of_state(state: &str) -> Self {
        match state {
            "53100" => Self::Full,
            "53300" => Self::Crowded,
            "55P03" | "40001" | "40P01" => Self::Busy,
            "25006" => Self::ReadOnly,
            "57014" => Self::Slow,
            "57P03" => Self::Passing,
            "3D000" => Self::NoSuchDatabase,
            "42501" => Self::Denied,
            "57P01" | "57P02" | "57P05" | "25P03" => Self::Lost,
            _ => match state.get(..2) {
                Some("08") => Self::Lost,
                Some("23") => Self::Constraint,
                Some("28") => Self::Denied,
                Some("XX") if state != "XX000" => Self::Damaged,
                _ => Self::Other,
            },
        }
    }
}

/// An error of the layer below, as one of the database layer.
pub fn database_error(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

/// Says to a caller of the log what an error of the database layer means.
pub fn log_error(error: &DbErr) -> LogError {
    match Fault::of(error) {
        Fault::Full => LogError::Full(describe(error)),
        _ => LogError::Unavailable(describe(error)),
    }
}

/// The database's own words, with its code.
pub fn describe(error: &DbErr) -> String {
    match error {
        DbErr::ConnectionAcquire(_) => "no connection was made or became free in time".to_owned(),
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => describe_sqlx(error),
        DbErr::Custom(said) => said.clone(),
        other => other.to_string(),
    }
}

/// As [`describe`], for an error of the layer below.
pub fn describe_sqlx(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => match error.code() {
            Some(code) => format!("{} (code {code})", error.message()),
            None => error.message().to_owned(),
        },
        sqlx::Error::Io(error) => error.to_string(),
        // It may hold another of its own kind, and each says so.
        sqlx::Error::Configuration(error) => {
            error.to_string().trim_start_matches("error with configuration: ").to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_codes_are_read_by_their_class() {
        let of = |code| Fault::of_code(code);
        assert_eq!(of("13"), Fault::Full);
        assert_eq!(of("517"), Fault::Busy, "SQLITE_BUSY_SNAPSHOT");
        assert_eq!(of("1555"), Fault::Constraint, "SQLITE_CONSTRAINT_PRIMARYKEY");
        assert_eq!(of("2067"), Fault::Constraint, "SQLITE_CONSTRAINT_UNIQUE");
        assert_eq!(of("1032"), Fault::ReadOnly, "SQLITE_READONLY_DBMOVED");
        assert_eq!(of("267"), Fault::Damaged, "SQLITE_CORRUPT_VTAB");
        assert_eq!(of("26"), Fault::NotADatabase);
        assert_eq!(of("3338"), Fault::Other, "SQLITE_IOERR_AUTH");
        assert_eq!(of("HY000"), Fault::Other);
    }

    #[test]
    fn states_of_a_server_are_read_whole_or_by_their_class() {
        for (state, fault) in [
            ("53100", Fault::Full),
            ("53300", Fault::Crowded),
            ("55P03", Fault::Busy),
            ("40P01", Fault::Busy),
            ("25006", Fault::ReadOnly),
            ("57014", Fault::Slow),
            ("57P01", Fault::Lost),
            ("57P03", Fault::Passing),
            ("08006", Fault::Lost),
            ("23505", Fault::Constraint),
            ("28P01", Fault::Denied),
            ("42501", Fault::Denied),
            ("3D000", Fault::NoSuchDatabase),
            ("XX001", Fault::Damaged),
            ("XX000", Fault::Other),
            ("42P01", Fault::Other),
            ("", Fault::Other),
        ] {
            assert_eq!(Fault::of_state(state), fault, "{state}");
        }
    }
}
