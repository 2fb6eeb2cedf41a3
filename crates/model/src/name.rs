//! Document names.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use thiserror::Error;

/// The longest name, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 255;

/// A document's name: 1 to 255 bytes of UTF-8, not all white space, without control characters.
///
/// Compared byte by byte: no Unicode normalisation, no case folding.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct DocumentName(Arc<str>);

/// Why a text is no document name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing, or only white space.
    #[error("a document name must not be empty or all white space")]
    Empty,
    /// More than [`NAME_BYTES_MAX`] bytes.
    #[error("a document name is at most {NAME_BYTES_MAX} bytes of UTF-8, this one has {0}")]
    TooLong(usize),
    /// A control character (Unicode category Cc) stands in it.
    #[error("a document name must not hold control characters")]
    Control,
}

impl DocumentName {
    /// Checks a decoded name.
    ///
    /// # Errors
    /// [`NameError`] says which rule it breaks.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if name.len() > NAME_BYTES_MAX {
            return Err(NameError::TooLong(name.len()));
        }
        if name.chars().any(char::is_control) {
            return Err(NameError::Control);
        }
        if name.trim().is_empty() {
            return Err(NameError::Empty);
        }
        Ok(Self(name.into()))
    }

    /// Decodes the part of a URL's path behind the mount point, exactly once.
    ///
    /// An escape that is no valid one stays as it is, and so does one whose bytes would not be UTF-8.
    ///
    /// # Errors
    /// [`NameError`] for the decoded name.
    pub fn from_path(path: &str) -> Result<Self, NameError> {
        let bytes = path.as_bytes();
        let mut decoded = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while at < bytes.len() {
            let pair =
                (bytes[at] == b'%').then(|| Some((hex(*bytes.get(at + 1)?)?, hex(*bytes.get(at + 2)?)?))).flatten();
            if let Some((high, low)) = pair {
                decoded.push(high << 4 | low);
                at += 3;
            } else {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
        match std::str::from_utf8(&decoded) {
            Ok(name) => Self::new(name),
            Err(_) => Self::new(path),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

impl fmt::Display for DocumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for DocumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> String {
        DocumentName::from_path(text).expect("a name").to_string()
    }

    #[test]
    fn escapes_are_decoded_exactly_once() {
        assert_eq!(path("a%20b"), "a b");
        assert_eq!(path("a%2520b"), "a%20b");
        assert_eq!(path("%C3%BCn%C3%AF/x"), "ünï/x");
    }

    #[test]
    fn what_is_no_escape_stays() {
        assert_eq!(path("100%"), "100%");
        assert_eq!(path("%zz%2"), "%zz%2");
        assert_eq!(path("%ff"), "%ff");
    }

    #[test]
    fn bounds_hold() {
        assert_eq!(DocumentName::new(""), Err(NameError::Empty));
        assert_eq!(DocumentName::new("  "), Err(NameError::Empty));
        assert_eq!(DocumentName::new("a\0b"), Err(NameError::Control));
        assert!(DocumentName::new(&"é".repeat(127)).is_ok());
        assert_eq!(DocumentName::new(&"é".repeat(128)), Err(NameError::TooLong(256)));
        assert_eq!(DocumentName::from_path("%00"), Err(NameError::Control));
    }
}
