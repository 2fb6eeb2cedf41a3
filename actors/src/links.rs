//! The supervision tree as ractor reports it: who is linked to whom at this moment.

use std::collections::BTreeMap;

use ractor::ActorCell;

use crate::{jobs, journal, keeper, rooms, sessions};

/// One link: a supervisor and what it supervises, by the names of the drawing in docs/ARCHITECTURE.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The supervisor.
    pub supervisor: &'static str,
    /// What it supervises.
    pub child: &'static str,
}

/// Every kind below Root.
const KINDS: [&str; 8] = ["Journal", "Rooms", "Keeper", "Room", "Sessions", "Session", "Jobs", "Job"];

/// All links below Root, depth first; several of a kind are several links.
pub(crate) fn below(root: &ActorCell) -> Vec<Link> {
    let mut links = Vec::new();
    walk(root, "Root", &mut links);
    links
}

fn walk(actor: &ActorCell, supervisor: &'static str, links: &mut Vec<Link>) {
    let mut children = actor.get_children();
    children.sort_by_key(ActorCell::get_id);
    for actor in &children {
        let child = name(actor, supervisor);
        links.push(Link { supervisor, child });
        walk(actor, child, links);
    }
}

/// How many actors of each kind live, those that Root starts and all kinds below included when there are none.
pub(crate) fn count(root: &ActorCell) -> BTreeMap<&'static str, usize> {
    let mut counts: BTreeMap<_, _> = KINDS.into_iter().map(|kind| (kind, 0)).collect();
    below(root).into_iter().for_each(|link| *counts.entry(link.child).or_default() += 1);
    counts
}

/// An actor's name: Root's children differ in what they are told, theirs in whose they are.
fn name(actor: &ActorCell, supervisor: &str) -> &'static str {
    match supervisor {
        "Root" if actor.is_message_type_of::<journal::Msg>() == Some(true) => "Journal",
        "Root" if actor.is_message_type_of::<rooms::Msg>() == Some(true) => "Rooms",
        "Root" if actor.is_message_type_of::<sessions::Msg>() == Some(true) => "Sessions",
        "Root" if actor.is_message_type_of::<jobs::Msg>() == Some(true) => "Jobs",
        "Rooms" if actor.is_message_type_of::<keeper::Msg>() == Some(true) => "Keeper",
        "Rooms" => "Room",
        "Sessions" => "Session",
        "Jobs" => "Job",
        _ => "an actor that nothing names",
    }
}
