//! What a token says.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize};
use tandem_model::Subject;

use super::Rooms;

/// The longest `sub` and `name`, in bytes.
const TEXT_BYTES_MAX: usize = 255;
/// The year 9999: later times are a slip, and would overflow clocks.
const SECONDS_MAX: f64 = 253_402_300_799.0;

/// The claims of a token, as they are signed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// Who it is about.
    pub sub: String,
    /// What they are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it ends, in seconds since 1970.
    #[serde(deserialize_with = "seconds")]
    pub exp: u64,
    /// When it begins, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_seconds")]
    pub nbf: Option<u64>,
    /// When it was signed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_seconds")]
    pub iat: Option<u64>,
    /// Who signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// Whom it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<Audience>,
    /// The rights that it gives; none: the server's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rooms: Option<Rooms>,
    /// Since when a guest has been this one, in seconds since 1970; nothing for who is no guest.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_seconds")]
    pub guest_since: Option<u64>,
}

/// One audience or several, as RFC 7519 allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// Who a verified token is about, and what it allows.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Who.
    pub subject: Subject,
    /// What they are called, if the token says it.
    pub name: Option<String>,
    /// When it ends, the leeway included.
    pub until: SystemTime,
    /// The rights that it gives.
    pub rooms: Option<Rooms>,
    /// Since when a guest has been this one, in seconds since 1970; nothing for who is no guest.
    pub guest_since: Option<u64>,
}

impl Claims {
    /// Whether the texts are what a subject and a name may be.
    #[must_use]
    pub fn texts_are_sound(&self) -> bool {
        let sound = |text: &str| text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control);
        !self.sub.trim().is_empty() && sound(&self.sub) && self.name.as_deref().is_none_or(sound)
    }

    /// The time at which it ends, `leeway` later than it says.
    #[must_use]
    pub fn until(&self, leeway: Duration) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.exp) + leeway
    }

    /// The time at which it begins, `leeway` earlier than it says.
    #[must_use]
    pub fn from(&self, leeway: Duration) -> SystemTime {
        let begins = Duration::from_secs(self.nbf.unwrap_or(0));
        SystemTime::UNIX_EPOCH + begins.saturating_sub(leeway)
    }
}

/// A time as a NumericDate of RFC 7519: whole seconds since 1970. None before that.
#[must_use]
pub fn numeric_date(time: SystemTime) -> Option<u64> {
    time.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// Reads a NumericDate: a number of seconds, which may have a fraction.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if !number.is_finite() || number < 0.0 {
        return Err(serde::de::Error::custom("a time is no number of seconds since 1970"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded on both sides")]
    Ok(number.min(SECONDS_MAX) as u64)
}

fn maybe_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    seconds(deserializer).map(Some)
}
