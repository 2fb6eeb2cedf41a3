//! Several entries in one piece, made once for all who read the same of them: one pointer to copy and one plain write,
//! where each frame alone would cost a pointer, a place in the queue and a slice of the write.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// What is longer is written frame by frame: there the copy would cost more than it saves.
const JOINED_BYTES_MAX: usize = 16 * 1024;

/// The newest piece of each wire encoding. Boxed: an idle room has none.
#[derive(Debug, Default)]
pub(super) struct Joined {
    ysync: Option<Box<Place>>,
    hocuspocus: Option<Box<Place>>,
}

/// The newest piece of one wire encoding: which entries it holds, and their frames.
#[derive(Debug, Default)]
pub(super) struct Place {
    entries: Range<u64>,
    /// `None` where they are too long.
    frames: Option<Bytes>,
}

impl Joined {
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.ysync.is_none() && self.hocuspocus.is_none()
    }

    pub(super) fn entry(&mut self, hocuspocus: bool) -> &mut Place {
        if hocuspocus { &mut self.hocuspocus } else { &mut self.ysync }.get_or_insert_default()
    }
}

impl Place {
    /// The frames of these entries in one piece, unless it is longer than `most`. `make` gives them one by one.
    pub(super) fn get<I>(&mut self, entries: Range<u64>, most: usize, make: impl FnOnce() -> I) -> Option<Bytes>
    where
        I: Iterator<Item = Bytes>,
    {
        if self.entries != entries {
            *self = Self { entries, frames: join(make()) };
        }
        self.frames.as_ref().filter(|frames| frames.len() <= most).cloned()
    }
}

fn join(frames: impl Iterator<Item = Bytes>) -> Option<Bytes> {
    let mut joined = BytesMut::new();
    for frame in frames {
        if joined.len() + frame.len() > JOINED_BYTES_MAX {
            return None;
        }
        joined.extend_from_slice(&frame);
    }
    Some(joined.freeze())
}
