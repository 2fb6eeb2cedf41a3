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
    /// The file or its disk cannot be written.
    ReadOnly,
    /// What is stored contradicts itself, or is of the wrong type.
    Damaged,
    /// The file is no database at all.
    NotADatabase,
    /// A key that is taken, or a row that is referred to and missing.
    Constraint,
    /// No connection became free in time.
    Exhausted,
    /// Anything else: an input/output error, a closed connection.
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

    fn of_sqlx(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => error.code().map_or(Self::Other, |code| Self::of_code(&code)),
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
        DbErr::ConnectionAcquire(_) => "no connection became free in time".to_owned(),
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => match &**error {
            sqlx::Error::Database(error) => match error.code() {
                Some(code) => format!("{} (code {code})", error.message()),
                None => error.message().to_owned(),
            },
            other => other.to_string(),
        },
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
}
