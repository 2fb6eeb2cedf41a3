//! What is wrong with the configuration: which key, where it stands, what is allowed.

use std::path::PathBuf;

use figment::Figment;
use figment::error::{Actual, Error, Kind};
use thiserror::Error as ThisError;

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum ConfigError {
    /// There is no such key.
    #[error("{place}: there is no key `{key}`; allowed: {allowed}")]
    UnknownKey {
        /// The key, with its section.
        key: String,
        /// The file or variable that it stands in.
        place: String,
        /// The keys that exist there.
        allowed: String,
    },
    /// A key has a value that it cannot have.
    #[error("{place}: `{key}` is {value}; allowed: {allowed}")]
    Value {
        /// The key, with its section, or the variable.
        key: String,
        /// The file or variable that it stands in.
        place: String,
        /// What stands there.
        value: String,
        /// What might.
        allowed: String,
    },
    /// A file cannot be read.
    #[error("{}: {reason}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A file or variable cannot be understood.
    #[error("{place}: {reason}")]
    Unreadable {
        /// The file or variable.
        place: String,
        /// Why not.
        reason: String,
    },
    /// The signing secret is missing or too short.
    #[error("{place}: {reason}; allowed: 32 bytes or more, at random, such as `openssl rand -hex 32` prints")]
    Secret {
        /// The variable or file.
        place: String,
        /// What is wrong.
        reason: String,
    },
}

impl ConfigError {
    /// Says in our words what figment found.
    pub(super) fn from_figment(error: &Error, figment: &Figment) -> Self {
        let mut path = error.path.clone();
        if let Kind::UnknownField(name, _) = &error.kind
            && path.last() != Some(name)
        {
            path.push(name.clone());
        }
        let key = path.join(".");
        let place = figment.find_metadata(&key).or(error.metadata.as_ref()).map_or_else(
            || "the configuration".to_owned(),
            |metadata| metadata.source.as_ref().map_or_else(|| metadata.name.to_string(), ToString::to_string),
        );
        match &error.kind {
            Kind::UnknownField(_, allowed) => Self::UnknownKey { key, place, allowed: allowed.join(", ") },
            Kind::UnknownVariant(value, allowed) => {
                Self::Value { key, place, value: format!("{value:?}"), allowed: allowed.join(", ") }
            }
            Kind::InvalidType(actual, allowed) | Kind::InvalidValue(actual, allowed) => {
                Self::Value { key, place, value: given(actual), allowed: plain(allowed) }
            }
            kind if key.is_empty() => Self::Unreadable { place, reason: kind.to_string() },
            kind => Self::Unreadable { place, reason: format!("`{key}`: {kind}") },
        }
    }
}

/// What was given, as it is written.
fn given(actual: &Actual) -> String {
    match actual {
        Actual::Bool(value) => value.to_string(),
        Actual::Unsigned(value) => value.to_string(),
        Actual::Signed(value) => value.to_string(),
        Actual::Float(value) => value.to_string(),
        Actual::Char(value) => format!("{value:?}"),
        Actual::Str(value) => format!("{value:?}"),
        other => other.to_string(),
    }
}

/// Turns a type's name into what a reader of an error expects.
fn plain(allowed: &str) -> String {
    match allowed {
        "u64" => "a whole number of 0 or more".into(),
        "a boolean" => "true or false".into(),
        "a string" => "a text".into(),
        other if other.starts_with("struct ") => "a section of keys".into(),
        other => other.into(),
    }
}
