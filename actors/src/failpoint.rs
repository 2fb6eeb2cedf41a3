//! Switches of the test harness: nothing at all unless the feature `failpoints` is on.

/// Marks a place where a test may stop, delay or kill what runs.
#[cfg(feature = "failpoints")]
macro_rules! failpoint {
    ($name:expr) => {
        fail::fail_point!($name)
    };
    ($name:expr, $otherwise:expr) => {
        (|| {
            fail::fail_point!($name, |_| true);
            $otherwise
        })()
    };
}

/// Marks a place where a test may stop, delay or kill what runs.
#[cfg(not(feature = "failpoints"))]
macro_rules! failpoint {
    ($name:expr) => {};
    ($name:expr, $otherwise:expr) => {
        $otherwise
    };
}

pub(crate) use failpoint;
