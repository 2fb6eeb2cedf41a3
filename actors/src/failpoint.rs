//! Switches of the test harness: nothing at all unless the feature `failpoints` is on.

/// Marks a place where a test may stop, delay or kill what runs; `of` names what runs, so that one of many can be meant.
#[cfg(feature = "failpoints")]
macro_rules! failpoint {
    (aside $name:expr) => {
        crate::failpoint::aside(|| fail::fail_point!($name)).await
    };
    (aside $name:expr, of $whose:expr) => {{
        let whose = $whose.to_owned();
        crate::failpoint::aside(move || crate::failpoint::strike($name, &whose)).await
    }};
    ($name:expr) => {
        fail::fail_point!($name)
    };
    ($name:expr, of $whose:expr) => {
        crate::failpoint::strike($name, $whose)
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
    (aside $name:expr) => {};
    (aside $name:expr, of $whose:expr) => {};
    ($name:expr) => {};
    ($name:expr, of $whose:expr) => {};
    ($name:expr, $otherwise:expr) => {
        $otherwise
    };
}

pub(crate) use failpoint;

/// Strikes on a thread of its own: a place in async code that pauses would hold up the tasks beside it.
#[cfg(feature = "failpoints")]
pub(crate) async fn aside(strike: impl FnOnce() + Send + 'static) {
    if let Err(Ok(panic)) = crate::blocking::run(strike).await.map_err(tokio::task::JoinError::try_into_panic) {
        std::panic::resume_unwind(panic);
    }
}

/// Panics once if the place is set to `return(whose)`; other actions hit whoever comes first.
#[cfg(feature = "failpoints")]
pub(crate) fn strike(name: &str, whose: &str) {
    let meant = (|| {
        fail::fail_point!(name, |named| named.as_deref() == Some(whose));
        false
    })();
    if meant {
        fail::remove(name);
        panic!("failpoint {name} struck {whose}");
    }
}
