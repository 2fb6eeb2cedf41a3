//! The same targets under libFuzzer, guided by coverage. `TANDEM_FUZZ_TARGET` names the target; README.md says with
//! which flags this is built.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tandem_fuzz::{Target, target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("TANDEM_FUZZ_TARGET").unwrap_or_default();
    target(&name).unwrap_or_else(|| panic!("TANDEM_FUZZ_TARGET is {name:?}, which is no target"))
});

fuzz_target!(|data: &[u8]| (TARGET.run)(data));
