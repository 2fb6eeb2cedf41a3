//! A list that an environment variable can hold: `a, b`.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{self, Deserializer, SeqAccess, Unexpected, Visitor};

/// What a text must look like to be one of these; stands in error messages.
pub trait Described: FromStr {
    /// What is allowed.
    const ALLOWED: &'static str;
}

/// Reads one value from its text.
///
/// # Errors
/// Names what is allowed.
pub fn one<'de, T: Described, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_str(One(PhantomData))
}

/// Reads a list of texts, or one text with commas.
///
/// # Errors
/// Names what is allowed.
pub fn many<'de, T: Described, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(Many(PhantomData))
}

struct One<T>(PhantomData<T>);

impl<T: Described> Visitor<'_> for One<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::ALLOWED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

struct Many<T>(PhantomData<T>);

impl<'de, T: Described> Visitor<'de> for Many<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list, or one text with commas, of {}", T::ALLOWED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<T>, E> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| One(PhantomData).visit_str(part)).collect()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(text) = seq.next_element::<String>()? {
            all.push(One(PhantomData).visit_str(&text)?);
        }
        Ok(all)
    }
}
