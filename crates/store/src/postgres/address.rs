//! What `DATABASE_URL` may say of a server.

use std::str::FromStr;

use sea_orm::sqlx::postgres::PgConnectOptions;

use crate::error::OpenError;
use crate::fault::describe_sqlx;

/// The parameters that a URL may have. Others would be passed over in silence.
const PARAMETERS: [&str; 14] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Where the server is, and as whom it is spoken to.
#[derive(Clone)]
pub struct Address {
    /// As the driver wants it. Never to be shown: it holds the password.
    pub settings: PgConnectOptions,
    /// The same without the password.
    pub shown: String,
}

impl Address {
    /// Reads `postgresql://user:password@host:port/database?sslmode=…`.
    pub fn parse(url: &str) -> Result<Self, OpenError> {
        let wrong = |reason: String| OpenError::ServerUrl { reason };
        check(url).map_err(wrong)?;
        let settings = PgConnectOptions::from_str(url).map_err(|error| wrong(describe_sqlx(&error)))?;
        let shown = shown(&settings);
        let named = settings.get_application_name().is_some();
        let settings = if named { settings } else { settings.application_name("tandem") };
        Ok(Self { settings, shown })
    }
}

/// Finds what the driver would take for something else. An `@` behind the host is the end of a password that was not
/// escaped: nothing of such a URL may be shown.
fn check(url: &str) -> Result<(), String> {
    const UNESCAPED: &str = "its password, or its user, holds a character that must be escaped";
    let rest = url.split_once("://").map(|(_, rest)| rest).ok_or("it has no //")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let behind = &rest[authority.len()..];
    if behind.contains(['@', '#']) || authority.matches('@').count() > 1 {
        return Err(UNESCAPED.to_owned());
    }
    let query = behind.split_once('?').map_or("", |(_, query)| query);
    for key in query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split('=').next().unwrap_or_default()) {
        if !PARAMETERS.contains(&key) && !key.starts_with("options[") {
            return Err(format!("there is no parameter `{key}`; there are {}", PARAMETERS.join(", ")));
        }
    }
    Ok(())
}

fn shown(settings: &PgConnectOptions) -> String {
    let (user, port) = (settings.get_username(), settings.get_port());
    let database = settings.get_database().unwrap_or(user);
    match settings.get_socket() {
        Some(socket) => format!("postgresql://{user}@{}:{port}/{database}", socket.display()),
        None => format!("postgresql://{user}@{}:{port}/{database}", settings.get_host()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        Address::parse(url).map(|address| address.shown).expect_err("not to be used").to_string()
    }

    #[test]
    fn what_is_shown_has_no_password() {
        for (url, shown) in [
            ("postgresql://ann:hunter2@db:5433/notes", "postgresql://ann@db:5433/notes"),
            ("postgres://ann:hunter2@db/notes?sslmode=require", "postgresql://ann@db:5432/notes"),
            ("postgresql://ann@db/notes?password=hunter2", "postgresql://ann@db:5432/notes"),
            ("postgresql://ann:hunter%402@db", "postgresql://ann@db:5432/ann"),
            ("postgresql://ann:hunter2@[::1]:5433/notes", "postgresql://ann@[::1]:5433/notes"),
            ("postgresql://ann:hunter2@h/notes?host=/run/pg", "postgresql://ann@/run/pg:5432/notes"),
        ] {
            let address = Address::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(address.shown, shown, "{url}");
        }
    }

    #[test]
    fn a_password_that_is_not_escaped_is_named_as_the_reason_and_not_shown() {
        for url in [
            "postgresql://ann:hun/ter2@db/notes",
            "postgresql://ann:12/ter2@db/notes",
            "postgresql://ann:12?ter2@db/notes",
            "postgresql://ann:12#ter2@db/notes",
            "postgresql://ann:hun@ter2@db/notes",
        ] {
            let error = refused(url);
            assert!(error.contains("must be escaped") && error.contains("%2F"), "{url}: {error}");
            assert!(!error.contains("ter2"), "{url}: {error}");
        }
    }

    #[test]
    fn a_url_that_cannot_be_used_says_why() {
        for (url, reason) in [
            ("postgresql://ann:hunter2@db:port/notes", "port"),
            ("postgresql://ann:hunter2@db/notes?sslmod=require", "`sslmod`"),
            ("postgresql://ann:hunter2@db/notes?sslmode=perhaps", "perhaps"),
            ("postgresql:db", "no //"),
        ] {
            let error = refused(url);
            assert!(error.contains(reason) && !error.contains("hunter2"), "{url}: {error}");
        }
    }
}
