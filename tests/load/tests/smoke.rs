//! Every scenario, small, against the floor and Tandem: all that was sent arrives, and the figures are figures. No time
//! is asserted: that is for `make bench`.
//!
//! `TANDEM_BIN` names the binary; without it the debug build of this checkout is taken.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::time::Duration;

use tandem_load::outcome::Outcome;
use tandem_load::plan::Plan;
use tandem_load::scenarios::{Trace, capacity, cold, cursors, idle, join, typing};
use tandem_load::servers::{Kind, Programs};

const TANDEMS: [Kind; 2] = [Kind::Tandem, Kind::TandemHocuspocus];
const ALL: [Kind; 3] = [Kind::Floor, Kind::Tandem, Kind::TandemHocuspocus];

fn programs() -> Programs {
    let floor = PathBuf::from(env!("CARGO_BIN_EXE_floor"));
    let tandem = std::env::var_os("TANDEM_BIN").map_or_else(|| floor.with_file_name("tandem"), PathBuf::from);
    assert!(tandem.exists(), "no binary at {}: run `make build-test`, or set TANDEM_BIN", tandem.display());
    let nowhere = PathBuf::new();
    let postgres = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../postgres/server"));
    Programs { tandem, floor, peers: nowhere.clone(), y_sweet: nowhere, postgres, server_core: None, load_core: None }
}

fn run(plan: &Plan, kinds: &[Kind], trace: Option<&Trace>, check: impl Fn(&Outcome)) {
    for &kind in kinds {
        let outcome = plan.run(kind, &programs(), trace).unwrap_or_else(|error| panic!("{}: {error}", kind.name()));
        assert!(!outcome.figures.is_empty());
        for (name, value) in &outcome.figures {
            assert!(value.is_finite(), "{name} of {} is {value}", kind.name());
        }
        check(&outcome);
    }
}

fn all_arrived(outcome: &Outcome) {
    assert!(outcome.figure("expected") > 0.0, "{outcome:?}");
    assert_eq!(outcome.figure("missing"), 0.0, "{outcome:?}");
    assert!(outcome.figure("cpu_us") > 0.0, "{outcome:?}");
}

const TYPING: typing::Load = typing::Load { rooms: 5, writers: 3, readers: 0, rate: 10.0, warm_up: 0.3, seconds: 1.0 };

#[test]
fn rooms_get_every_letter_that_is_typed_in_them() {
    let kinds = [&ALL[..], &[Kind::TandemPostgres]].concat();
    run(&Plan::Rooms(TYPING), &kinds, None, |outcome| {
        all_arrived(outcome);
        assert_eq!(outcome.figure("expected"), 5.0 * 3.0 * 10.0 * 2.0);
    });
}

#[test]
fn acknowledgements_come_for_every_edit_where_the_protocol_has_them() {
    run(&Plan::Rooms(TYPING), &TANDEMS[1..], None, |outcome| {
        assert!(outcome.figure("acknowledged_max_ms") > 0.0, "{outcome:?}");
    });
}

#[test]
fn a_hot_room_gets_every_letter() {
    let load = typing::Load { rooms: 1, writers: 3, readers: 12, rate: 50.0, ..TYPING };
    run(&Plan::Hot(load), &ALL, None, all_arrived);
}

#[test]
fn cursors_are_seen_by_everybody_although_some_send_them_on() {
    let load = cursors::Load { cursors: 8, echoing: 2, rate: 20.0, warm_up: 0.3, seconds: 1.0 };
    run(&Plan::Cursors(load), &ALL, None, all_arrived);
}

#[test]
fn those_who_come_at_once_all_get_their_document() {
    let load = join::Load { sockets: 100, documents: 10, letters: 200, at_once: 50 };
    run(&Plan::Join(load), &ALL, None, |outcome| assert!(outcome.figure("joined_per_s") > 0.0, "{outcome:?}"));
}

#[test]
fn idle_sockets_and_documents_are_weighed() {
    let load = idle::Load { sockets: vec![20, 40], documents: vec![5, 10], rest: 1 };
    run(&Plan::Idle(load), &[Kind::Tandem], None, |outcome| {
        assert!(outcome.figures.contains_key("socket_kib") && outcome.figures.contains_key("document_kib"));
    });
}

#[test]
fn a_trace_is_held_by_the_server_that_it_was_sent_to() {
    let trace = Trace::new(None, 3_000).expect("a made trace");
    run(&Plan::Replay, &ALL, Some(&trace), |outcome| assert!(outcome.figure("edits_per_s") > 0.0, "{outcome:?}"));
}

#[test]
fn a_traced_document_comes_from_memory_and_after_a_restart() {
    let trace = Trace::new(None, 3_000).expect("a made trace");
    let load = cold::Load { batch: 50, newcomers: 3, restarts: 1, rest: Duration::from_secs(1) };
    run(&Plan::Cold(load), &TANDEMS, Some(&trace), |outcome| {
        assert!(outcome.figure("memory_ms") > 0.0 && outcome.figure("restart_ms") > 0.0, "{outcome:?}");
    });
}

#[test]
fn the_search_for_the_most_rooms_ends_between_two_tries() {
    // Nothing is fast enough for this bound.
    let load = typing::Load { rooms: 2, warm_up: 0.1, seconds: 0.3, ..TYPING };
    let none = capacity::Search { load, within_ms: 0.0, from: 2, exact: 0.5 };
    run(&Plan::Capacity(none), &[Kind::Floor], None, |outcome| assert_eq!(outcome.figure("rooms"), 0.0));
}
