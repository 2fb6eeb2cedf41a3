//! One timer a session, set again as its next deadline moves.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// Rings at a deadline. A deadline that moves away leaves the timer as it is, since most move at every message: it then
/// rings early, looks, and is set again.
#[derive(Debug, Default)]
pub struct Alarm {
    // Boxed when it is first needed, so that the session's task can move it.
    sleep: Option<Pin<Box<Sleep>>>,
    /// What the timer is set to.
    at: Option<Instant>,
}

impl Alarm {
    /// Ready once the timer has rung; then it is not set.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (Some(sleep), Some(_)) = (&mut self.sleep, self.at) else { return Poll::Pending };
        let rung = sleep.as_mut().poll(cx);
        if rung.is_ready() {
            self.at = None;
        }
        rung
    }

    /// Sets the timer so that it rings at `deadline` or before. Returns whether it has to be polled again.
    pub fn set(&mut self, deadline: Option<Instant>) -> bool {
        let Some(deadline) = deadline.filter(|deadline| self.at.is_none_or(|at| *deadline < at)) else { return false };
        self.at = Some(deadline);
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(deadline),
            none => *none = Some(Box::pin(sleep_until(deadline))),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_rings_at_the_earliest_deadline_that_it_was_set_to() {
        let now = Instant::now();
        let mut alarm = Alarm::default();
        assert!(alarm.set(Some(now + Duration::from_secs(5))));
        assert!(alarm.set(Some(now + Duration::from_secs(3))));
        assert!(!alarm.set(Some(now + Duration::from_secs(9))), "a later one leaves it as it is");
        assert!(!alarm.set(None));
        poll_fn(|cx| alarm.poll(cx)).await;
        assert_eq!(now.elapsed().as_secs(), 3);
        assert!(alarm.set(Some(now + Duration::from_secs(9))));
        poll_fn(|cx| alarm.poll(cx)).await;
        assert_eq!(now.elapsed().as_secs(), 9);
    }
}
