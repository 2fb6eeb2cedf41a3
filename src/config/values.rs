//! Values of the configuration that are more than a number or a text.

use std::net::SocketAddr;
use std::str::FromStr;

use serde::Deserialize;
use tandem_model::Right;
use tracing_subscriber::filter::Targets;

use super::list::Described;
use crate::http::address::Network;
use crate::http::hosts::{Host, Origin};

/// What the process is run for; `TANDEM_ENV` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// On one's own machine: nothing to set up, loopback only.
    Development,
    /// For others.
    Production,
}

impl Environment {
    /// Its name, as in `TANDEM_ENV` and the file names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }
}

impl FromStr for Environment {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Development, Self::Production].into_iter().find(|known| known.name() == text).ok_or(())
    }
}

/// The path that everything is served under: empty, or `/a` or `/a/b`, never with a slash at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(String);

impl BasePath {
    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BasePath {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let path = text.strip_suffix('/').unwrap_or(text);
        let segment = |part: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
            !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain)
        };
        let valid = path.is_empty() || path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment));
        if valid { Ok(Self(path.into())) } else { Err(()) }
    }
}

impl Described for BasePath {
    const ALLOWED: &'static str = "\"\" or a path of letters, digits, '-', '_', '.' and '~' such as \"/tandem\"";
}

/// What is logged.
#[derive(Clone, Debug)]
pub struct LogFilter(pub Targets);

impl FromStr for LogFilter {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        // `Targets` takes a bare unknown word for a target: only words with `=` are targets here.
        let level = |word: &str| matches!(word, "off" | "error" | "warn" | "info" | "debug" | "trace");
        let parts: Vec<String> = text.split(',').map(|part| part.trim().to_ascii_lowercase()).collect();
        let known = parts.iter().all(|part| part.split_once('=').map_or(level(part), |(_, right)| level(right)));
        if !known {
            return Err(());
        }
        // The store says what it migrated; its library would say it again, four lines a step. Each actor of ractor's has
        // a span: it would be kept, and entered at every message, though no line of ours stands in one.
        let all = format!("sea_orm_migration=warn,ractor=warn,{}", parts.join(","));
        all.parse().map(Self).map_err(|_| ())
    }
}

impl Described for LogFilter {
    const ALLOWED: &'static str = "off, error, warn, info, debug or trace, or by target: \"warn,tandem=debug\"";
}

impl Described for Host {
    const ALLOWED: &'static str = "host names such as \"example.org\" or \"example.org:8443\"";
}

impl Described for Origin {
    const ALLOWED: &'static str = "origins such as \"https://app.example.org\"";
}

impl Described for Network {
    const ALLOWED: &'static str = "addresses such as \"10.0.0.1\" or networks such as \"10.0.0.0/8\"";
}

impl Described for SocketAddr {
    const ALLOWED: &'static str = "an IP address and a port such as \"127.0.0.1:8080\" or \"[::1]:8080\"";
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For collectors.
    Json,
}

/// What a token without `rooms` may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DefaultRight {
    /// Nothing.
    None,
    /// Read.
    Viewer,
    /// Edit.
    Editor,
    /// Everything.
    Owner,
}

impl DefaultRight {
    /// The right, if it is one.
    #[must_use]
    pub fn right(self) -> Option<Right> {
        match self {
            Self::None => None,
            Self::Viewer => Some(Right::Viewer),
            Self::Editor => Some(Right::Editor),
            Self::Owner => Some(Right::Owner),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_is_empty_or_plain_segments() {
        for (text, expected) in [("", ""), ("/", ""), ("/a", "/a"), ("/a/b-1/", "/a/b-1")] {
            assert_eq!(text.parse::<BasePath>().as_ref().map(BasePath::as_str), Ok(expected), "{text}");
        }
        for text in ["a", "//", "/a//b", "/a b", "/..", "/a?b", "/%41"] {
            assert!(text.parse::<BasePath>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_misspelt_level_is_no_target() {
        for text in ["info", "INFO", "warn,tandem=debug", "off"] {
            assert!(text.parse::<LogFilter>().is_ok(), "{text}");
        }
        for text in ["", "inof", "warn,tandem=loud", "tandem"] {
            assert!(text.parse::<LogFilter>().is_err(), "{text}");
        }
    }
}
