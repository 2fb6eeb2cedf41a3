//! Presence as state: only each client's newest state is kept, and a flush sends the changed ones together.
//!
//! The rules are those of y-protocols' awareness, mended so that a reconnected user is seen at once and nobody speaks
//! for another (docs/PROTOCOLS.md, "Presence").

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tandem_model::{ClientId, Subject};
use tandem_protocol::awareness::{self, Entry, Raw, State};
use tokio::time::Instant;

use super::outbox::MemberId;
use crate::reached;
use crate::short::{self, Micros};

/// Clients that are gone and whose clock is remembered, for a return that is seen at once.
pub const GONE_MAX: usize = 1_000;

/// Who speaks.
#[derive(Clone, Copy, Debug)]
pub struct Speaker<'a> {
    /// Its membership.
    pub member: MemberId,
    /// Its subject.
    pub subject: &'a Subject,
    /// When it joined.
    pub joined: Instant,
    /// Whether this is the first Awareness message of the membership, with exactly one entry.
    pub first_alone: bool,
}

/// What became of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is the client's newest state now.
    Accepted,
    /// The old session of the same client is taken over; nothing to tell anybody.
    Claimed,
    /// Not newer than what is known.
    Known,
    /// The id is another's.
    Foreign,
}

/// All states of one document.
#[derive(Debug)]
pub struct Presence {
    states: BTreeMap<ClientId, Box<Known>>,
    changed: BTreeSet<ClientId>,
    /// When the oldest of `changed` changed.
    since: Option<Instant>,
    flushed: Option<Instant>,
    between_flushes: Micros,
    /// In seconds.
    expires_after: u32,
}

#[derive(Debug)]
struct Known {
    clock: u64,
    json: Option<Arc<str>>,
    owner: Option<MemberId>,
    subject: Subject,
    refreshed: Instant,
    removed: Option<Instant>,
}

impl Presence {
    /// Nobody is there. A flush goes out at once if none did in the last `between_flushes`.
    #[must_use]
    pub fn new(between_flushes: Duration, expires_after: Duration) -> Self {
        let (states, changed) = (BTreeMap::new(), BTreeSet::new());
        let expires_after = short::number(expires_after.as_secs());
        Self { states, changed, since: None, flushed: None, between_flushes: between_flushes.into(), expires_after }
    }

    /// Whether an entry says something new, as far as its id and clock tell: asked before anything is spent on it.
    #[must_use]
    pub fn is_news(&self, raw: &Raw<'_>) -> bool {
        self.states.get(&raw.client).is_none_or(|known| {
            raw.clock > known.clock || (raw.clock == known.clock && known.json.is_some() && raw.json == "null")
        })
    }

    /// Whether `client` has a state, and whose it is.
    #[must_use]
    pub fn owner(&self, client: ClientId) -> Option<MemberId> {
        self.states.get(&client).and_then(|known| known.owner)
    }

    /// Whether anything was ever heard of `client`.
    #[must_use]
    pub fn knows(&self, client: ClientId) -> bool {
        self.states.contains_key(&client)
    }

    /// Takes one entry in, or says why not.
    pub fn hear(&mut self, speaker: Speaker<'_>, entry: &Entry<'_>, now: Instant) -> Heard {
        let json = match entry.state {
            State::Json(json) => Some(json),
            State::Gone => None,
        };
        let expires_after = self.expires_after();
        let Some(known) = self.states.get_mut(&entry.client) else {
            if json.is_none() {
                // Nobody was there, and nobody has to be told.
                return Heard::Known;
            }
            let state = Known {
                clock: entry.clock,
                json: json.map(Into::into),
                owner: Some(speaker.member),
                subject: speaker.subject.clone(),
                refreshed: now,
                removed: None,
            };
            self.states.insert(entry.client, Box::new(state));
            self.note(entry.client, now);
            return Heard::Accepted;
        };
        let others = known.subject != *speaker.subject;
        let lapsed = now.duration_since(known.refreshed) > expires_after;
        if others && known.owner.is_some() && !lapsed {
            return Heard::Foreign;
        }
        let newer = entry.clock > known.clock || (entry.clock == known.clock && json.is_none() && known.json.is_some());
        let returns = speaker.first_alone && json.is_some() && !others;
        let clock = if newer {
            entry.clock
        } else if returns && known.json.is_none() && known.removed.is_some_and(|removed| speaker.joined >= removed) {
            // Re-admission: everybody holds the tombstone of this clock, so the state comes back one higher.
            known.clock + 1
        } else if returns && known.json.is_some() && entry.clock == known.clock {
            known.owner = Some(speaker.member);
            known.refreshed = now;
            return Heard::Claimed;
        } else {
            return Heard::Known;
        };
        known.clock = clock;
        known.json = json.map(Into::into);
        known.owner = json.is_some().then_some(speaker.member);
        known.subject = speaker.subject.clone();
        known.refreshed = now;
        known.removed = json.is_none().then_some(now);
        self.note(entry.client, now);
        Heard::Accepted
    }

    fn note(&mut self, client: ClientId, now: Instant) {
        self.changed.insert(client);
        self.since.get_or_insert(now);
    }

    /// The member is gone, and with it the states that it owns.
    pub fn leave(&mut self, member: MemberId, now: Instant) {
        self.remove(now, |known| known.owner == Some(member));
    }

    /// Removes what was not refreshed in time, and forgets the longest gone beyond [`GONE_MAX`].
    pub fn expire(&mut self, now: Instant) {
        let expires_after = self.expires_after();
        self.remove(now, |known| now.duration_since(known.refreshed) >= expires_after);
        if self.states.len() <= GONE_MAX {
            return;
        }
        let mut gone: Vec<(Instant, ClientId)> =
            self.states.iter().filter_map(|(client, known)| known.removed.map(|removed| (removed, *client))).collect();
        let beyond = gone.len().saturating_sub(GONE_MAX);
        gone.sort_unstable();
        gone.truncate(beyond);
        reached::count("gone_max", gone.len());
        for (_, client) in gone {
            self.states.remove(&client);
            self.changed.remove(&client);
        }
    }

    fn remove(&mut self, now: Instant, which: impl Fn(&Known) -> bool) {
        for (client, known) in &mut self.states {
            if known.json.is_some() && which(known) {
                // The clock stays: a raised one would hide the client when it comes back.
                known.json = None;
                known.owner = None;
                known.removed = Some(now);
                self.changed.insert(*client);
                self.since.get_or_insert(now);
            }
        }
    }

    /// Every state that somebody has, as one awareness update; `None` if nobody has one.
    #[must_use]
    pub fn everybody(&self) -> Option<Bytes> {
        let present = self.states.iter().filter(|(_, known)| known.json.is_some()).map(|(client, _)| *client);
        self.encode(present)
    }

    /// The same with those that are gone: for a session that may have missed their leaving.
    #[must_use]
    pub fn everything(&self) -> Option<Bytes> {
        self.encode(self.states.keys().copied())
    }

    /// The changed states, if it is time to send them.
    pub fn flush(&mut self, now: Instant) -> Option<Bytes> {
        if self.flush_at().is_none_or(|at| at > now) {
            return None;
        }
        self.flushed = Some(now);
        self.since = None;
        let changed = std::mem::take(&mut self.changed);
        self.encode(changed.into_iter())
    }

    /// When the next flush may go out; `None` if nothing changed. In the past means now.
    #[must_use]
    pub fn flush_at(&self) -> Option<Instant> {
        let since = self.since?;
        Some(self.flushed.map_or(since, |flushed| since.max(flushed + self.between_flushes.time())))
    }

    /// When the next state expires.
    #[must_use]
    pub fn expires_at(&self) -> Option<Instant> {
        let present = self.states.values().filter(|known| known.json.is_some());
        present.map(|known| known.refreshed + self.expires_after()).min()
    }

    fn expires_after(&self) -> Duration {
        Duration::from_secs(self.expires_after.into())
    }

    fn encode(&self, clients: impl Iterator<Item = ClientId>) -> Option<Bytes> {
        let entries: Vec<Entry<'_>> = clients
            .filter_map(|client| {
                let known = self.states.get(&client)?;
                let state = known.json.as_deref().map_or(State::Gone, State::Json);
                Some(Entry { client, clock: known.clock, state })
            })
            .collect();
        (!entries.is_empty()).then(|| awareness::encode(&entries).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(50);
    const EXPIRY: Duration = Duration::from_secs(30);

    struct World {
        presence: Presence,
        ann: Subject,
        bob: Subject,
        start: Instant,
    }

    fn world() -> World {
        let presence = Presence::new(TICK, EXPIRY);
        World { presence, ann: Subject::new("ann"), bob: Subject::new("bob"), start: Instant::now() }
    }

    fn entry(clock: u64, json: Option<&'static str>) -> Entry<'static> {
        Entry { client: ClientId(7), clock, state: json.map_or(State::Gone, State::Json) }
    }

    fn speaker(member: u64, subject: &Subject, joined: Instant, first_alone: bool) -> Speaker<'_> {
        Speaker { member: MemberId(member), subject, joined, first_alone }
    }

    fn present(presence: &Presence) -> usize {
        presence.states.values().filter(|known| known.json.is_some()).count()
    }

    #[test]
    fn the_newest_state_wins_and_repeats_are_known() {
        let World { mut presence, ann, start, .. } = world();
        let one = speaker(1, &ann, start, true);
        assert_eq!(presence.hear(one, &entry(1, Some("{}")), start), Heard::Accepted);
        assert!(!presence.is_news(&Raw { client: ClientId(7), clock: 1, json: "{}" }));
        assert!(presence.is_news(&Raw { client: ClientId(7), clock: 1, json: "null" }));
        assert_eq!(presence.hear(one, &entry(0, Some("{}")), start), Heard::Known);
        assert_eq!(presence.hear(one, &entry(1, None), start), Heard::Accepted);
        assert_eq!(present(&presence), 0);
    }

    #[test]
    fn nobody_speaks_for_another() {
        let World { mut presence, ann, bob, start } = world();
        presence.hear(speaker(1, &ann, start, true), &entry(1, Some("{}")), start);
        let thief = speaker(2, &bob, start, true);
        assert_eq!(presence.hear(thief, &entry(2, None), start), Heard::Foreign);
        assert_eq!(presence.hear(thief, &entry(9, Some("{}")), start), Heard::Foreign);
        let later = start + EXPIRY + TICK;
        assert_eq!(presence.hear(thief, &entry(9, None), later), Heard::Accepted, "a lapsed state may be removed");
    }

    #[test]
    fn a_reconnected_client_comes_back_one_clock_higher() {
        let World { mut presence, ann, start, .. } = world();
        presence.hear(speaker(1, &ann, start, true), &entry(4, Some("{}")), start);
        presence.leave(MemberId(1), start + TICK);
        let back = speaker(2, &ann, start + 2 * TICK, true);
        assert_eq!(presence.hear(back, &entry(4, Some("{}")), start + 2 * TICK), Heard::Accepted);
        assert_eq!(presence.states[&ClientId(7)].clock, 5);
    }

    #[test]
    fn a_late_end_of_the_old_socket_removes_nothing() {
        let World { mut presence, ann, start, .. } = world();
        presence.hear(speaker(1, &ann, start, true), &entry(4, Some("{}")), start);
        let back = speaker(2, &ann, start + TICK, true);
        assert_eq!(presence.hear(back, &entry(4, Some("{}")), start + TICK), Heard::Claimed);
        presence.leave(MemberId(1), start + 2 * TICK);
        assert_eq!(present(&presence), 1);
        presence.leave(MemberId(2), start + 2 * TICK);
        assert_eq!(present(&presence), 0);
    }

    #[test]
    fn the_first_flush_goes_at_once_and_the_next_waits() {
        let World { mut presence, ann, start, .. } = world();
        let one = speaker(1, &ann, start, true);
        presence.hear(one, &entry(1, Some("{}")), start);
        assert!(presence.flush(start).is_some());
        presence.hear(one, &entry(2, Some("{}")), start);
        assert!(presence.flush(start + TICK / 2).is_none());
        assert_eq!(presence.flush_at(), Some(start + TICK));
        assert!(presence.flush(start + TICK).is_some());
        assert!(presence.flush(start + 2 * TICK).is_none());
    }

    #[test]
    fn a_silent_state_expires() {
        let World { mut presence, ann, start, .. } = world();
        presence.hear(speaker(1, &ann, start, true), &entry(1, Some("{}")), start);
        assert_eq!(presence.expires_at(), Some(start + EXPIRY));
        presence.expire(start + EXPIRY);
        assert_eq!(present(&presence), 0);
    }
}
