//! Many entries for a tree at once.

use std::collections::BTreeMap;

/// A tree of so many times as many entries is not built anew for them.
const MUCH_LARGER: usize = 8;

/// Puts in entries whose keys differ, or in the place of what was there.
///
/// Entry by entry each costs a way down the tree; a tree is built of what is in order in one pass.
pub(crate) fn insert_all<K: Ord, V>(tree: &mut BTreeMap<K, V>, entries: impl ExactSizeIterator<Item = (K, V)>) {
    if entries.len() * MUCH_LARGER < tree.len() {
        tree.extend(entries);
    } else {
        tree.append(&mut entries.collect());
    }
}
