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
pub struct Errands<T>(Option<Box<UnderWay<T>>>);

#[derive(Debug)]
struct UnderWay<T> {
    errands: FuturesUnordered<BoxFuture<'static, T>>,
    /// Whether some have not begun.
    fresh: bool,
}

impl<T> Default for Errands<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Errands<T> {
    /// Sends one off; it begins at the next poll.
    pub fn send(&mut self, errand: impl Future<Output = T> + Send + 'static) {
        let none = || Box::new(UnderWay { errands: FuturesUnordered::new(), fresh: false });
        let under_way = self.0.get_or_insert_with(none);
        under_way.errands.push(Box::pin(errand));
        under_way.fresh = true;
    }

    /// Whether some were sent off since the last poll: nothing wakes the task for those.
    #[must_use]
    pub fn are_fresh(&self) -> bool {
        self.0.as_ref().is_some_and(|under_way| under_way.fresh)
    }

    /// The next one that has ended; `None` when none is under way.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Some(under_way) = &mut self.0 else { return Poll::Ready(None) };
        under_way.fresh = false;
        let ended = ready!(under_way.errands.poll_next_unpin(cx));
        if ended.is_none() {
            self.0 = None;
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
        assert!(errands.0.is_none());
    }
}
