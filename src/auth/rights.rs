//! The `rooms` claim: which right a token gives on which document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tandem_model::{DocumentName, Right};

/// Rights by document name or `prefix*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rooms(pub BTreeMap<String, Right>);

impl Rooms {
    /// The right on a document: that of its exact name, else of the longest prefix; never a union, so that a
    /// narrower entry can take away what a wider one gives.
    #[must_use]
    pub fn right(&self, document: &DocumentName) -> Option<Right> {
        let name = document.as_str();
        if let Some(right) = self.0.get(name) {
            return Some(*right);
        }
        let fitting =
            self.0.iter().filter(|(key, _)| key.strip_suffix('*').is_some_and(|prefix| name.starts_with(prefix)));
        fitting.max_by_key(|(key, _)| key.len()).map(|(_, right)| *right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(entries: &[(&str, Right)]) -> Rooms {
        Rooms(entries.iter().map(|(key, right)| ((*key).to_owned(), *right)).collect())
    }

    #[test]
    fn the_exact_name_wins_then_the_longest_prefix() {
        let rooms = rooms(&[
            ("*", Right::Viewer),
            ("team/*", Right::Owner),
            ("team/public/*", Right::Viewer),
            ("team/public/plan", Right::Editor),
            ("odd*", Right::Editor),
        ]);
        for (name, expected) in [
            ("else", Right::Viewer),
            ("team", Right::Viewer),
            ("team/", Right::Owner),
            ("team/a", Right::Owner),
            ("team/public/a", Right::Viewer),
            ("team/public/plan", Right::Editor),
            ("team/public/plan2", Right::Viewer),
            ("odd", Right::Editor),
            ("odd*", Right::Editor),
        ] {
            let document = DocumentName::new(name).expect("a name");
            assert_eq!(rooms.right(&document), Some(expected), "{name}");
        }
    }

    #[test]
    fn without_an_entry_that_fits_there_is_no_right() {
        let document = DocumentName::new("a").expect("a name");
        assert_eq!(rooms(&[]).right(&document), None);
        assert_eq!(rooms(&[("b", Right::Owner), ("aa*", Right::Owner), ("A", Right::Owner)]).right(&document), None);
    }
}
