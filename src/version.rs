//! What this binary is.

use std::sync::LazyLock;

use tandem_store::Store;

/// The version of the package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit that was built: `development` in a debug build, `unknown` without git.
pub const COMMIT: &str = env!("TANDEM_COMMIT");

static LINE: LazyLock<String> =
    LazyLock::new(|| format!("{VERSION} (commit {COMMIT}, store format {})", Store::format()));

/// Version, commit and store format, as `tandem --version` prints them.
#[must_use]
pub fn line() -> &'static str {
    &LINE
}
