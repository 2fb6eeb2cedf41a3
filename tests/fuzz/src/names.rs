//! Documents' names, as URLs and frames carry them.

use tandem_model::DocumentName;

/// A name that is let in is within its bounds, and is the same name wherever it is read again.
///
/// # Panics
/// When it is not so.
pub fn names(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(name) = DocumentName::new(text) {
        assert_eq!(name.as_str(), text);
    }
    let Ok(name) = DocumentName::from_path(text) else { return };
    let read = name.as_str();
    assert!((1..=255).contains(&read.len()) && !read.chars().any(char::is_control) && !read.trim().is_empty());
    assert_eq!(DocumentName::new(read).as_ref(), Ok(&name));
    let escaped: String = read.bytes().map(|byte| format!("%{byte:02X}")).collect();
    assert_eq!(DocumentName::from_path(&escaped), Ok(name), "a name that is escaped whole is the same name");
}
