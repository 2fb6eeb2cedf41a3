//! Hostile bytes: nothing panics, nothing loops, and nothing is allocated that the input does not justify.
//!
//! One test, because allocations are counted for the whole process.

mod common;

use std::alloc::System;
use std::hint::black_box;
use std::mem::size_of;

use common::{LIMITS, Random, Vector};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tandem_protocol::awareness::{self, AwarenessLimits, Entry, Refused};
use tandem_protocol::hocuspocus::{self, Direction, Frame};
use tandem_protocol::ysync;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MUTATIONS: usize = 200_000;
const UNBOUNDED: AwarenessLimits = AwarenessLimits { entries: usize::MAX, state_bytes: usize::MAX, depth: usize::MAX };

/// What the capture's frames and their mutations were taken for; each way must have been taken.
#[derive(Debug, Default)]
struct Seen {
    messages: usize,
    errors: usize,
    updates: usize,
    bad_updates: usize,
}

#[test]
fn prefixes_and_mutations_never_panic_and_allocate_no_more_than_they_justify() {
    let frames: Vec<Vec<u8>> = common::vectors().into_iter().filter(is_frame).map(|vector| vector.bytes).collect();
    assert!(least_allocated(|| drop(black_box(vec![0_u8; 100]))) >= 100, "allocations are not counted");
    let mut seen = Seen::default();
    for frame in &frames {
        for end in 0..frame.len() {
            read_all_ways(&frame[..end], &mut seen);
        }
    }
    let mut random = Random(0x7a4d_e331);
    for _ in 0..MUTATIONS {
        let mut frame = frames[random.below(frames.len())].clone();
        for _ in 0..=random.below(4) {
            mutate(&mut frame, &frames, &mut random);
        }
        read_all_ways(&frame, &mut seen);
    }
    let Seen { messages, errors, updates, bad_updates } = seen;
    assert!(messages.min(errors).min(updates).min(bad_updates) > 1000, "{seen:?}");
}

fn is_frame(vector: &Vector) -> bool {
    vector.is_ysync() || vector.is_hocuspocus()
}

fn mutate(frame: &mut Vec<u8>, frames: &[Vec<u8>], random: &mut Random) {
    let at = random.below(frame.len() + 1);
    match random.below(7) {
        0 => frame.insert(at, random.byte()),
        1 => frame.truncate(at),
        // Lengths and counts that claim the world.
        2 => frame.splice(at..at, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]).for_each(drop),
        3 => frame.splice(at..at, [0xff; 12]).for_each(drop),
        4 => {
            let other = &frames[random.below(frames.len())];
            frame.truncate(at);
            frame.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
        way if at < frame.len() => match way {
            5 => frame[at] ^= 1 << random.below(8),
            _ => frame[at] = random.byte(),
        },
        _ => {}
    }
}

fn read_all_ways(bytes: &[u8], seen: &mut Seen) {
    let mut read = Read::default();
    let allocated = least_allocated(|| read = read_messages(bytes));
    assert_eq!(allocated, 0, "decoding {bytes:02x?} allocated");
    seen.messages += read.messages;
    seen.errors += 3 - read.messages;

    // A whole frame is also an update, of a sort.
    for update in [read.update, Some(bytes)].into_iter().flatten() {
        assert_eq!(least_allocated(|| walk(update)), 0, "walking {update:02x?} allocated");
        for limits in [&LIMITS, &UNBOUNDED] {
            read_update(update, limits, seen);
        }
    }
}

/// What one frame was read as.
#[derive(Default)]
struct Read<'a> {
    messages: usize,
    update: Option<&'a [u8]>,
}

fn read_messages(bytes: &[u8]) -> Read<'_> {
    let mut read = Read::default();
    if let Ok(message) = ysync::decode(bytes) {
        read.messages += 1;
        if let ysync::Message::Awareness(update) = message {
            read.update = Some(update);
        }
    }
    for direction in [Direction::FromClient, Direction::FromServer] {
        let Ok(frame) = hocuspocus::decode(direction, bytes) else { continue };
        read.messages += 1;
        if let Frame::Document { key, message } = frame {
            black_box(hocuspocus::split_key(key));
            if let hocuspocus::Message::Awareness(update) = message {
                read.update = Some(update);
            }
        }
    }
    black_box(ysync::head(bytes));
    black_box(hocuspocus::head(bytes).ok());
    read
}

/// Bytes that `work` allocates: the least of up to three runs, since the test's harness may allocate beside one.
fn least_allocated(mut work: impl FnMut()) -> usize {
    let mut least = usize::MAX;
    for _ in 0..3 {
        let region = Region::new(ALLOCATOR);
        work();
        least = least.min(region.change().bytes_allocated);
        if least == 0 {
            break;
        }
    }
    least
}

fn walk(update: &[u8]) {
    if let Ok(entries) = awareness::entries(update, usize::MAX) {
        for entry in entries.flatten() {
            black_box(entry.check(&UNBOUNDED).ok());
        }
    }
}

/// Three bytes of input justify one entry in memory.
fn read_update(update: &[u8], limits: &AwarenessLimits, seen: &mut Seen) {
    let mut decoded = false;
    let allocated = least_allocated(|| decoded = black_box(awareness::decode(update, limits)).is_ok());
    let justified = (update.len() / 3).min(limits.entries).saturating_mul(size_of::<Result<Entry<'_>, Refused>>());
    assert!(allocated <= justified, "{allocated} bytes for {update:02x?}");
    seen.updates += usize::from(decoded);
    seen.bad_updates += usize::from(!decoded);
}
