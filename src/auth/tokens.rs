//! Verifies and mints tokens: HS256 with the server's own secret.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use tandem_model::{Authority, Denied, DocumentName, Grant, Right, Subject};
use thiserror::Error;

use super::claims::{Audience, numeric_date};
use super::{Claims, Identity};

/// The longest token, in bytes: a header line has to carry it.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// What tokens must be like, the signature apart.
#[derive(Clone, Debug)]
pub struct TokenRules {
    /// What a token without `rooms` may do.
    pub default_right: Option<Right>,
    /// The `iss` that it must carry.
    pub issuer: Option<String>,
    /// The `aud` that it must carry.
    pub audience: Option<String>,
    /// How far clocks may differ.
    pub leeway: Duration,
}

/// The authority over documents: tokens.
pub struct Tokens {
    verifies: DecodingKey,
    signs: EncodingKey,
    validation: Validation,
    rules: TokenRules,
}

/// A signed token.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The token.
    pub token: SecretString,
    /// When it ends.
    pub expires_at: SystemTime,
}

/// Why no token was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MintError {
    /// The subject or the name is none.
    #[error("a subject has 1 to 255 bytes, a name at most 255, both without control characters")]
    Text,
    /// It would last beyond what clocks hold.
    #[error("the token would end beyond the year 9999")]
    Time,
    /// It would be too long to be sent in a header.
    #[error("the token would be longer than {TOKEN_BYTES_MAX} bytes: name fewer rooms")]
    TooLong,
    /// The signature could not be made.
    #[error("the token could not be signed")]
    Signature,
}

impl Tokens {
    /// Verifies and mints with `secret`.
    #[must_use]
    pub fn new(secret: &SecretString, rules: TokenRules) -> Self {
        let key = secret.expose_secret().as_bytes();
        Self {
            verifies: DecodingKey::from_secret(key),
            signs: EncodingKey::from_secret(key),
            validation: validation(&rules),
            rules,
        }
    }

    /// Says who a token is about.
    ///
    /// # Errors
    /// [`Denied::Expired`] if it was good once, [`Denied::Unauthenticated`] for all else.
    pub fn verify(&self, token: &str, now: SystemTime) -> Result<Identity, Denied> {
        if token.is_empty() || token.len() > TOKEN_BYTES_MAX {
            return Err(Denied::Unauthenticated);
        }
        let data =
            jsonwebtoken::decode::<Claims>(token, &self.verifies, &self.validation).map_err(|error| {
                match error.kind() {
                    ErrorKind::ExpiredSignature => Denied::Expired,
                    _ => Denied::Unauthenticated,
                }
            })?;
        let typed = data.header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("jwt"));
        let claims = data.claims;
        if !typed || data.header.crit.is_some() || !claims.texts_are_sound() || now < claims.from(self.rules.leeway) {
            return Err(Denied::Unauthenticated);
        }
        let until = claims.until(self.rules.leeway);
        if now >= until {
            return Err(Denied::Expired);
        }
        let Claims { sub, name, rooms, guest_since, .. } = claims;
        Ok(Identity { subject: Subject::new(&sub), name, until, rooms, guest_since })
    }

    /// Says what a token allows on a document.
    ///
    /// # Errors
    /// As [`Tokens::verify`], and [`Denied::Forbidden`] if it gives no right there.
    pub fn allow(&self, token: &str, document: &DocumentName, now: SystemTime) -> Result<Grant, Denied> {
        let identity = self.verify(token, now)?;
        let right = match &identity.rooms {
            Some(rooms) => rooms.right(document),
            None => self.rules.default_right,
        };
        let right = right.ok_or(Denied::Forbidden)?;
        Ok(Grant { subject: identity.subject, right, until: Some(identity.until) })
    }

    /// Signs a token for `subject` that lives `for_` from `now` on.
    ///
    /// # Errors
    /// [`MintError`] says what such a token cannot be.
    pub fn mint(&self, who: Claims, for_: Duration, now: SystemTime) -> Result<Minted, MintError> {
        if !who.texts_are_sound() {
            return Err(MintError::Text);
        }
        let expires_at = now.checked_add(for_).ok_or(MintError::Time)?;
        let exp = numeric_date(expires_at).filter(|exp| *exp <= 253_402_300_799).ok_or(MintError::Time)?;
        let iss = self.rules.issuer.clone();
        let aud = self.rules.audience.clone().map(Audience::One);
        let claims = Claims { exp, iat: numeric_date(now), iss, aud, ..who };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signs)
            .map_err(|_| MintError::Signature)?;
        if token.len() > TOKEN_BYTES_MAX {
            return Err(MintError::TooLong);
        }
        Ok(Minted { token: token.into(), expires_at: SystemTime::UNIX_EPOCH + Duration::from_secs(exp) })
    }
}

impl Claims {
    /// Says who a token to be minted is about; times, issuer and audience are the mint's.
    #[must_use]
    pub fn about(sub: &str, name: Option<&str>, rooms: Option<super::Rooms>) -> Self {
        let name = name.map(Into::into);
        Self { sub: sub.into(), name, exp: 0, nbf: None, iat: None, iss: None, aud: None, rooms, guest_since: None }
    }
}

/// The algorithm is ours, never the token's. Times are compared by [`Tokens::verify`], whose clock is an argument.
fn validation(rules: &TokenRules) -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    let mut required = vec!["exp", "sub"];
    validation.validate_exp = false;
    validation.validate_nbf = false;
    if let Some(issuer) = &rules.issuer {
        validation.set_issuer(&[issuer]);
        required.push("iss");
    }
    if let Some(audience) = &rules.audience {
        validation.set_audience(&[audience]);
        required.push("aud");
    }
    validation.required_spec_claims = required.into_iter().map(Into::into).collect::<HashSet<String>>();
    validation
}

impl Authority for Tokens {
    fn grant<'a>(
        &'a self,
        credential: &'a str,
        document: &'a DocumentName,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<Grant, Denied>> {
        async move { self.allow(credential, document, now) }.boxed()
    }
}

#[cfg(test)]
mod tests;
