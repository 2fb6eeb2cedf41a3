//! Many entries into a tree at once.

use std::collections::BTreeMap;

/// Fewer entries go into a tree one by one.
const MANY: usize = 64;

/// Into a tree of more than so many times as many entries they go one by one.
const MUCH_LARGER: usize = 8;

/// Inserts entries whose keys differ. An entry replaces the one that the tree has of its key.
///
/// One by one each costs a way down the tree. Many are merged with those of the tree instead, and the tree is built of all of
/// them, which are in order then, in one pass.
pub(crate) fn insert_all<K: Ord, V>(tree: &mut BTreeMap<K, V>, entries: impl ExactSizeIterator<Item = (K, V)>) {
    if entries.len() < MANY || entries.len() * MUCH_LARGER < tree.len() {
        tree.extend(entries);
    } else {
        tree.append(&mut entries.collect());
    }
}
