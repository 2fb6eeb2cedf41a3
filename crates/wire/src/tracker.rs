//! The rules over a sequence of frames: which message a frame belongs to, whether it is taken, skipped or refused.
//! Pure; every decision is made at a frame's header, before a byte of its payload is stored.

use bytes::Bytes;

use crate::budget::FREE_BYTES;
use crate::error::{Violation, WireError};
use crate::header::{Header, Kind};
use crate::limits::{Over, SocketLimits};

/// The bytes that are kept of a message that is too large.
pub const HEAD_BYTES_MAX: usize = 512;

/// What came in since it was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames of any kind, fragments and skipped ones too.
    pub frames: u32,
    /// Of these, pings.
    pub pings: u32,
    /// Of these, data frames without a payload.
    pub empty: u32,
}

/// What is done with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// It goes to the codec, once these bytes of the budget are reserved.
    Take {
        /// None if the message is small, or has reserved already.
        reserve: Option<u64>,
    },
    /// It is read and thrown away, with whatever the codec has of its message.
    Skip,
}

/// The message that is being received, if it is one of several frames or one that is skipped.
#[derive(Debug, Default)]
struct Open {
    bytes: u64,
    fragments: u64,
    head: Vec<u8>,
    reserved: bool,
    skipped: bool,
    /// Longer than is even skipped: the socket ends once its head is there.
    refused: bool,
}

/// The state of these rules on one socket.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    // Boxed because most messages are one frame, and most sockets are idle.
    open: Option<Box<Open>>,
    counts: Counts,
}

impl Tracker {
    /// Decides about a frame by its header. On a socket that is `closing`, data is only skipped.
    pub(crate) fn begin_frame(
        &mut self,
        header: &Header,
        limits: &SocketLimits,
        closing: bool,
    ) -> Result<Plan, WireError> {
        self.count(header);
        match header.kind {
            Kind::Ping | Kind::Control => return Ok(Plan::Take { reserve: None }),
            Kind::Data if self.open.is_some() => return Err(Violation::ExpectedContinuation.into()),
            Kind::Continuation if self.open.is_none() => return Err(Violation::UnexpectedContinuation.into()),
            Kind::Data | Kind::Continuation => {}
        }
        let bytes = header.payload_bytes;
        if header.fin && self.open.is_none() && !closing && limits.takes(bytes) {
            return Ok(Plan::Take { reserve: (bytes > FREE_BYTES).then_some(bytes) });
        }
        self.open.get_or_insert_default().begin_frame(header, limits, closing)
    }

    /// Notes a piece of the payload of a data frame, still masked, that stands `offset` bytes into its frame.
    pub(crate) fn payload(&mut self, header: &Header, offset: u64, piece: &[u8]) {
        if header.is_data()
            && let Some(open) = &mut self.open
        {
            let wanted = HEAD_BYTES_MAX.saturating_sub(open.head.len()).min(piece.len());
            let masks = header.mask.iter().cycle().skip((offset % 4) as usize);
            open.head.extend(piece[..wanted].iter().zip(masks).map(|(byte, mask)| byte ^ mask));
        }
    }

    /// Why the socket ends, once the head of a message is there that is longer than is skipped. `frame_over`: its frame
    /// brings no more.
    pub(crate) fn refusal(&mut self, frame_over: bool) -> Option<WireError> {
        let open = self.open.as_mut().filter(|open| open.refused)?;
        (frame_over || open.head.len() == HEAD_BYTES_MAX).then(|| open.too_large())
    }

    /// Notes a frame's end. Gives head and length of the message that ended with it, if it was skipped.
    pub(crate) fn end_frame(&mut self, header: &Header) -> Option<(Bytes, u64)> {
        if !(header.fin && header.is_data()) {
            return None;
        }
        let open = self.open.take()?;
        open.skipped.then(|| (Bytes::from(open.head), open.bytes))
    }

    /// True within a message of several frames, or one that is skipped.
    pub(crate) fn in_message(&self) -> bool {
        self.open.is_some()
    }

    /// True if the codec holds a part of a message.
    pub(crate) fn in_codec(&self) -> bool {
        self.open.as_ref().is_some_and(|open| !open.skipped)
    }

    /// Forgets the message that is being received.
    pub(crate) fn reset(&mut self) {
        self.open = None;
    }

    /// Gives the counts and starts them again.
    pub(crate) fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    fn count(&mut self, header: &Header) {
        let counts = &mut self.counts;
        counts.frames = counts.frames.saturating_add(1);
        if header.kind == Kind::Ping {
            counts.pings = counts.pings.saturating_add(1);
        }
        if header.is_data() && header.payload_bytes == 0 {
            counts.empty = counts.empty.saturating_add(1);
        }
    }
}

impl Open {
    fn begin_frame(&mut self, header: &Header, limits: &SocketLimits, closing: bool) -> Result<Plan, WireError> {
        self.bytes = self.bytes.saturating_add(header.payload_bytes);
        self.fragments += 1;
        if self.fragments > limits.fragments_of(self.bytes) {
            return Err(WireError::Fragments);
        }
        if closing {
            self.skipped = true;
            return Ok(Plan::Skip);
        }
        if self.skipped || !limits.takes(self.bytes) {
            if !limits.skips(self.bytes) {
                if limits.over == Over::Close {
                    return Err(self.too_large());
                }
                self.refused = true;
            }
            self.skipped = true;
            return Ok(Plan::Skip);
        }
        if self.reserved || self.bytes <= FREE_BYTES {
            return Ok(Plan::Take { reserve: None });
        }
        self.reserved = true;
        // What is to come is not known: the message reserves once for all that it may become.
        let whole = if header.fin { self.bytes } else { limits.message_bytes as u64 };
        Ok(Plan::Take { reserve: Some(whole) })
    }

    fn too_large(&mut self) -> WireError {
        WireError::TooLarge { bytes: self.bytes, head: std::mem::take(&mut self.head).into() }
    }
}

impl Header {
    fn is_data(&self) -> bool {
        matches!(self.kind, Kind::Data | Kind::Continuation)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test that panics has failed")]
mod tests {
    use super::*;

    const LIMITS: SocketLimits =
        SocketLimits { message_bytes: 100_000, skip_bytes: 1_000_000, over: crate::Over::Skip, fragments: 4 };

    fn frame(kind: Kind, fin: bool, payload_bytes: u64) -> Header {
        Header { kind, fin, mask: [0; 4], payload_bytes }
    }

    fn run(frames: &[(Kind, bool, u64)]) -> Result<Vec<Plan>, WireError> {
        let mut tracker = Tracker::default();
        let mut plans = Vec::new();
        for &(kind, fin, bytes) in frames {
            let header = frame(kind, fin, bytes);
            plans.push(tracker.begin_frame(&header, &LIMITS, false)?);
            tracker.end_frame(&header);
        }
        Ok(plans)
    }

    const FREE: Plan = Plan::Take { reserve: None };

    #[test]
    fn a_small_message_reserves_nothing_and_a_large_one_itself() {
        let plans = run(&[(Kind::Data, true, FREE_BYTES), (Kind::Data, true, FREE_BYTES + 1)]).unwrap();
        assert_eq!(plans, [FREE, Plan::Take { reserve: Some(FREE_BYTES + 1) }]);
    }

    #[test]
    fn a_fragmented_message_reserves_once_for_all_that_it_may_become() {
        let plans = run(&[
            (Kind::Data, false, 10_000),
            (Kind::Continuation, false, 10_000),
            (Kind::Ping, true, 3),
            (Kind::Continuation, true, 10_000),
        ]);
        assert_eq!(plans.unwrap(), [FREE, Plan::Take { reserve: Some(100_000) }, FREE, FREE]);
        let plans = run(&[(Kind::Data, false, 10_000), (Kind::Continuation, true, 10_000)]);
        assert_eq!(plans.unwrap(), [FREE, Plan::Take { reserve: Some(20_000) }]);
    }

    #[test]
    fn a_message_is_skipped_from_the_fragment_on_that_makes_it_too_large() {
        let plans = run(&[
            (Kind::Data, false, 100_000),
            (Kind::Continuation, false, 1),
            (Kind::Continuation, true, 5),
            (Kind::Data, true, 5),
        ]);
        let whole = Plan::Take { reserve: Some(100_000) };
        assert_eq!(plans.unwrap(), [whole, Plan::Skip, Plan::Skip, FREE]);
    }

    #[test]
    fn what_is_too_large_to_skip_is_refused_as_soon_as_its_head_is_there() {
        for (frames, announced) in [
            (vec![(Kind::Data, true, 1_000_001)], 1_000_001),
            (vec![(Kind::Data, false, 999_999), (Kind::Continuation, true, u64::MAX >> 1)], (u64::MAX >> 1) + 999_999),
        ] {
            let mut tracker = Tracker::default();
            for &(kind, fin, bytes) in &frames {
                let header = frame(kind, fin, bytes);
                assert_eq!(tracker.refusal(false).map(|error| error.to_string()), None);
                assert_eq!(tracker.begin_frame(&header, &LIMITS, false).unwrap(), Plan::Skip);
                if bytes > 1_000_000 {
                    tracker.payload(&header, 0, &[7; HEAD_BYTES_MAX - 1]);
                    assert!(tracker.refusal(false).is_none(), "its head is not whole");
                    tracker.payload(&header, HEAD_BYTES_MAX as u64 - 1, &[7; 100]);
                }
            }
            let Some(WireError::TooLarge { bytes, head }) = tracker.refusal(false) else { panic!("no refusal") };
            assert_eq!((bytes, &head[..]), (announced, &[7; HEAD_BYTES_MAX][..]));
        }
    }

    #[test]
    fn a_peer_whose_messages_are_not_skipped_is_refused_at_the_header() {
        let limits = SocketLimits { over: Over::Close, ..LIMITS };
        let header = frame(Kind::Data, true, 100_001);
        let error = Tracker::default().begin_frame(&header, &limits, false).unwrap_err();
        assert!(matches!(error, WireError::TooLarge { bytes: 100_001, ref head } if head.is_empty()));
        assert_eq!(error.code(), Some(1009));
    }

    #[test]
    fn fragments_are_bounded_by_the_length_that_they_carry() {
        let small = [(Kind::Data, false, 1), (Kind::Continuation, false, 1)];
        let many = [small[0], small[1], small[1], small[1], small[1]];
        assert!(run(&many[..4]).is_ok());
        assert!(matches!(run(&many), Err(WireError::Fragments)));
        let mut large = vec![(Kind::Data, false, 1024)];
        large.extend([(Kind::Continuation, false, 1024); 50]);
        assert!(run(&large).is_ok());
    }

    #[test]
    fn messages_cannot_nest() {
        let nested = run(&[(Kind::Data, false, 1), (Kind::Data, true, 1)]);
        assert!(matches!(nested, Err(WireError::Protocol(Violation::ExpectedContinuation))));
        let loose = run(&[(Kind::Data, true, 1), (Kind::Continuation, true, 1)]);
        assert!(matches!(loose, Err(WireError::Protocol(Violation::UnexpectedContinuation))));
    }

    #[test]
    fn the_head_is_unmasked_however_it_is_cut() {
        let payload: Vec<u8> = (0..600u32).map(|n| (n % 251) as u8).collect();
        let mask = [1, 2, 3, 4];
        let masked: Vec<u8> = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        for cut in [0, 1, 2, 3, 5, 511, 512, 513] {
            let mut tracker = Tracker::default();
            let header = Header { kind: Kind::Data, fin: true, mask, payload_bytes: 200_000 };
            assert_eq!(tracker.begin_frame(&header, &LIMITS, false).unwrap(), Plan::Skip);
            tracker.payload(&header, 0, &masked[..cut]);
            tracker.payload(&header, cut as u64, &masked[cut..]);
            let (head, bytes) = tracker.end_frame(&header).unwrap();
            assert_eq!((&head[..], bytes), (&payload[..HEAD_BYTES_MAX], 200_000));
        }
    }

    #[test]
    fn every_frame_is_counted_even_those_that_are_skipped() {
        let mut tracker = Tracker::default();
        for (kind, fin, bytes) in [
            (Kind::Data, false, 200_000),
            (Kind::Ping, true, 0),
            (Kind::Continuation, false, 0),
            (Kind::Control, true, 0),
        ] {
            tracker.begin_frame(&frame(kind, fin, bytes), &LIMITS, false).unwrap();
        }
        assert_eq!(tracker.take_counts(), Counts { frames: 4, pings: 1, empty: 1 });
        assert_eq!(tracker.take_counts(), Counts::default());
    }
}
