//! Tokens: who signs them, what they say, what they allow.

mod claims;
mod rights;
mod secret;
mod tokens;

pub use claims::{Claims, Identity, numeric_date};
pub use rights::Rooms;
pub use secret::{SecretError, development_secret, present_secret};
pub use tokens::{MintError, Minted, TokenRules, Tokens};
