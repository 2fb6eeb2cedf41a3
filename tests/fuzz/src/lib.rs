//! Fuzz targets: each takes any bytes and panics when a codec or the index breaks a promise.
//!
//! A target is a plain function, so that any runner can call it: `drive` (seeded, blind, on the stable toolchain) and
//! `guided` (libFuzzer, guided by coverage). README.md says how to run both. To add one, write it in a module, list it
//! in [`TARGETS`], and give it a file of seeds in `corpus/`.

#![forbid(unsafe_code)]

mod admission;
mod awareness;
mod hocuspocus;
mod names;
mod ysync;

pub mod corpus;
pub mod mutate;

pub use admission::admission;
pub use awareness::awareness;
pub use hocuspocus::hocuspocus;
pub use names::names;
pub use ysync::ysync;

/// Something to fuzz.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name on the command line and in `corpus/`.
    pub name: &'static str,
    /// Panics when a promise is broken.
    pub run: fn(&[u8]),
    /// Its seeds: a line of hexadecimal digits each.
    pub seeds: &'static str,
}

/// All of them.
pub const TARGETS: [Target; 8] = [
    Target { name: "admission", run: admission, seeds: include_str!("../corpus/admission.hex") },
    Target { name: "room", run: tandem_actors::fuzzing::fuzz_room, seeds: include_str!("../corpus/room.hex") },
    Target { name: "rows", run: tandem_actors::fuzzing::fuzz_rows, seeds: include_str!("../corpus/rows.hex") },
    Target { name: "names", run: names, seeds: include_str!("../corpus/names.hex") },
    Target { name: "ysync", run: ysync, seeds: include_str!("../corpus/ysync.hex") },
    Target { name: "hocuspocus", run: hocuspocus, seeds: include_str!("../corpus/hocuspocus.hex") },
    Target { name: "awareness", run: awareness, seeds: include_str!("../corpus/awareness.hex") },
    Target { name: "frames", run: tandem_wire::fuzzing::fuzz_frames, seeds: include_str!("../corpus/frames.hex") },
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_keeps_its_promises_on_its_seeds_and_on_nothing() {
        for target in TARGETS {
            let seeds = corpus::parse(target.seeds).expect(target.name);
            assert!(seeds.len() >= 5, "{} has few seeds", target.name);
            (target.run)(&[]);
            seeds.iter().for_each(|seed| (target.run)(seed));
        }
    }
}
