//! What somebody may do with a document.

use serde::{Deserialize, Serialize};

/// A right on one document; each includes those below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// Reads, and is seen.
    Viewer,
    /// Reads and edits.
    Editor,
    /// Edits, shares and deletes.
    Owner,
}

impl Right {
    /// Whether an edit of theirs may reach the document.
    #[must_use]
    pub fn may_edit(self) -> bool {
        self >= Self::Editor
    }
}
