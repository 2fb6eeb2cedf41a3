//! Which database a URL is of.

use crate::error::OpenError;

/// A database that the log can be kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// A file of this process' own.
    Sqlite,
    /// A server that other processes use too.
    Postgres,
}

impl Scheme {
    /// Reads what stands before the first colon.
    pub fn parse(url: &str) -> Result<Self, OpenError> {
        match of(url) {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" | "postgresql" => Ok(Self::Postgres),
            scheme => Err(OpenError::Scheme { scheme: scheme.to_owned() }),
        }
    }
}

/// The part of a URL that is safe to show: the rest may hold a password.
pub fn of(url: &str) -> &str {
    url.split_once(':').map_or("", |(scheme, _)| scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_names_its_database() {
        assert!(matches!(Scheme::parse("sqlite://a.db"), Ok(Scheme::Sqlite)));
        assert!(matches!(Scheme::parse("postgres://h/d"), Ok(Scheme::Postgres)));
        assert!(matches!(Scheme::parse("postgresql://h/d"), Ok(Scheme::Postgres)));
    }

    #[test]
    fn another_database_is_refused_without_showing_its_password() {
        let error = Scheme::parse("mysql://tandem:hunter2@db/tandem").expect_err("no such store").to_string();
        assert!(error.contains("`mysql`") && !error.contains("hunter2"), "{error}");
    }
}
