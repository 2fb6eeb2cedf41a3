//! What a session waits for beside its socket and its rooms: a credential that is checked, a room that is joined.

use std::future::Future;
use std::task::{Context, Poll, ready};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

/// Futures that run inside the session's own task, and end with it. An idle session has none, and no place for any.
///
/// Bound: a document has one that enters it and one for each credential that its client sends, whose frames are paced.
#[derive(Debug)]
pub struct Errands<T> {
    // Boxed when it is first needed.
    under_way: Option<Box<FuturesUnordered<BoxFuture<'static, T>>>>,
    /// Whether some have not begun.
    fresh: bool,
}

impl<T> Default for Errands<T> {
    fn default() -> Self {
        Self { under_way: None, fresh: false }
    }
}

impl<T> Errands<T> {
    /// Sends one off; it begins at the next poll.
    pub fn send(&mut self, errand: impl Future<Output = T> + Send + 'static) {
        self.under_way.get_or_insert_default().push(Box::pin(errand));
        self.fresh = true;
    }

    /// Whether some were sent off since the last poll: nothing wakes the task for those.
    #[must_use]
    pub fn are_fresh(&self) -> bool {
        self.fresh
    }

    /// The next one that has ended; `None` when none is under way.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.fresh = false;
        let Some(errands) = &mut self.under_way else { return Poll::Ready(None) };
        let ended = ready!(errands.poll_next_unpin(cx));
        if ended.is_none() {
            self.under_way = None;
        }
        Poll::Ready(ended)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn, ready};

    use super::*;

    #[tokio::test]
    async fn they_end_in_any_order_and_leave_no_place_behind() {
        let mut errands = Errands::default();
        errands.send(pending());
        errands.send(ready(2));
        assert!(errands.are_fresh());
        assert_eq!(poll_fn(|cx| errands.poll(cx)).await, Some(2));
        assert!(!errands.are_fresh());
        let waits = poll_fn(|cx| Poll::Ready(errands.poll(cx).is_pending())).await;
        assert!(waits);
        let mut errands = Errands::default();
        errands.send(ready(1));
        assert_eq!(poll_fn(|cx| errands.poll(cx)).await, Some(1));
        assert_eq!(poll_fn(|cx| errands.poll(cx)).await, None);
        assert!(errands.under_way.is_none());
    }
}
