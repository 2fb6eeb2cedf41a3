//! What must hold between values: ranges, and what an environment demands.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tandem_model::Limits;

use super::{ConfigError, Environment, Settings};

/// The shortest signing secret, in bytes: as long as the hash that it keys.
pub const SECRET_BYTES_MIN: usize = 32;

/// No bound may be larger: a mebi of a mebi is a slip of the keyboard.
const LIMIT_MAX: u64 = 1 << 40;
const WEEK_SECONDS: u64 = 7 * 24 * 3600;

/// A room may retire at once, and nothing has to be gathered.
const MAY_BE_NONE: [&str; 5] =
    ["room_idle_seconds", "room_keep_messages", "commit_milliseconds", "gather_microseconds", "gather_milliseconds"];

/// Finds everything that is out of range; `place` says where a key stands.
pub fn check(settings: &Settings, environment: Environment, place: &dyn Fn(&str) -> String) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    let mut refuse = |key: &str, value: String, allowed: String| {
        errors.push(ConfigError::Value { key: key.into(), place: place(key), value, allowed });
    };
    let server = &settings.server;
    let auth = &settings.auth;
    let store = &settings.store;
    let ranges = [
        ("server.drain_seconds", server.drain_seconds, 1, 3600),
        ("server.rest_microseconds", server.rest_microseconds, 0, 10_000),
        ("server.connections", server.connections, 1, 10_000_000),
        // hyper refuses to work with less than 8 KiB.
        ("server.header_bytes", server.header_bytes, 8192, 1 << 20),
        ("server.header_seconds", server.header_seconds, 1, 3600),
        ("server.body_bytes", server.body_bytes, 1024, 1 << 30),
        ("server.body_seconds", server.body_seconds, 1, 3600),
        ("server.write_seconds", server.write_seconds, 1, 3600),
        ("auth.guest_seconds", auth.guest_seconds, 1, WEEK_SECONDS),
        ("auth.leeway_seconds", auth.leeway_seconds, 0, 300),
        ("store.slow_statement_ms", store.slow_statement_ms, 1, 600_000),
        ("store.tail_rows", store.tail_rows, 0, 100_000),
        // One appends: without a second nobody could read.
        ("store.connections", store.connections, 2, 200),
        ("store.acquire_seconds", store.acquire_seconds, 1, 60),
        ("store.statement_seconds", store.statement_seconds, 1, 3600),
        ("store.lock_seconds", store.lock_seconds, 1, 3600),
        ("store.idle_in_transaction_seconds", store.idle_in_transaction_seconds, 1, 3600),
        ("store.idle_seconds", store.idle_seconds, 1, 86_400),
    ];
    for (key, value, least, most) in ranges {
        if !(least..=most).contains(&value) {
            refuse(key, value.to_string(), format!("{least} to {most}"));
        }
    }
    for (name, value) in limits(&settings.limits) {
        // These may be none at all; everything else that is bounded must allow something.
        let least = u64::from(!MAY_BE_NONE.contains(&name.as_str()));
        if !(least..=LIMIT_MAX).contains(&value) {
            refuse(&format!("limits.{name}"), value.to_string(), format!("{least} to {LIMIT_MAX}"));
        }
    }
    let loopback = server.listen.ip().is_loopback();
    if environment == Environment::Development && !loopback && !server.beyond_loopback {
        let allowed = "a loopback address in development, unless server.beyond_loopback is true".into();
        refuse("server.listen", server.listen.to_string(), allowed);
    }
    if !tandem_store::Store::accepts(store.database_url.expose_secret()) {
        // Not its value: it may hold a password.
        let allowed = "sqlite://PATH?mode=rwc, postgresql://USER:PASSWORD@HOST/DATABASE";
        refuse("store.database_url", "another kind of database".into(), allowed.into());
    }
    errors
}

/// Checks the signing secret of the environment.
///
/// # Errors
/// It is too short, or production has none.
pub fn check_secret(
    secret: Option<(String, SecretString)>,
    environment: Environment,
) -> Result<Option<SecretString>, ConfigError> {
    match secret {
        Some((place, secret)) => match secret.expose_secret().len() {
            SECRET_BYTES_MIN.. => Ok(Some(secret)),
            bytes => Err(ConfigError::Secret { place, reason: format!("the signing secret has {bytes} bytes") }),
        },
        None if environment == Environment::Development => Ok(None),
        None => Err(ConfigError::Secret {
            place: "environment variable JWT_SECRET_KEY".into(),
            reason: "production has no signing secret".into(),
        }),
    }
}

fn limits(limits: &Limits) -> Vec<(String, u64)> {
    match serde_json::to_value(limits) {
        Ok(Value::Object(all)) => all.into_iter().filter_map(|(name, value)| Some((name, value.as_u64()?))).collect(),
        _ => Vec::new(),
    }
}
