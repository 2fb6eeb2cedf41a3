//! A session's deadlines: what is due when. Pure: the clock is passed in.

use std::time::Duration;

use tandem_model::Limits;
use tandem_protocol::Refusal;
use tokio::time::Instant;

use crate::short;

/// What a session has to do because time passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Send a WebSocket ping.
    Ping,
    /// Send something that the client counts as a message.
    Keepalive,
    /// End the session.
    End(Refusal),
}

/// Watches over one socket.
#[derive(Debug)]
pub struct Vigil {
    limits: Times,
    opened: Instant,
    authenticated: bool,
    received: u64,
    /// When the last byte came, or when reading began again.
    heard: Instant,
    pinged: Option<Instant>,
    said: Instant,
    accepted: u64,
    /// When the socket last took a byte, while something waits to be taken.
    stalled: Option<Instant>,
}

/// In seconds.
#[derive(Debug)]
struct Times {
    first_byte: u32,
    auth: u32,
    ping: u32,
    pong: u32,
    keepalive: u32,
    stall: u32,
}

impl Vigil {
    /// Begins with the socket.
    #[must_use]
    pub fn new(limits: &Limits, now: Instant) -> Self {
        let limits = Times {
            first_byte: short::number(limits.first_byte_seconds),
            auth: short::number(limits.auth_seconds),
            ping: short::number(limits.ping_seconds),
            pong: short::number(limits.pong_seconds),
            keepalive: short::number(limits.keepalive_seconds),
            stall: short::number(limits.stall_seconds),
        };
        Self {
            limits,
            opened: now,
            authenticated: false,
            received: 0,
            heard: now,
            pinged: None,
            said: now,
            accepted: 0,
            stalled: None,
        }
    }

    /// The socket authenticated: from here on it is idle, not unauthenticated.
    pub fn authenticated(&mut self) {
        self.authenticated = true;
    }

    /// Looks at the socket's counters: bytes received, bytes accepted, bytes that wait; and whether it is read.
    pub fn look(&mut self, received: u64, accepted: u64, waiting: usize, reading: bool, now: Instant) {
        if received != self.received || !reading {
            self.received = received;
            self.heard = now;
            self.pinged = None;
        }
        if waiting == 0 {
            self.stalled = None;
        } else if self.stalled.is_none() || accepted != self.accepted {
            self.stalled = Some(now);
        }
        self.accepted = accepted;
    }

    /// A message was sent.
    pub fn said(&mut self, now: Instant) {
        self.said = now;
    }

    /// A ping was sent.
    pub fn pinged(&mut self, now: Instant) {
        self.pinged = Some(now);
    }

    /// What is due at `now`, the worst first.
    #[must_use]
    pub fn due(&self, now: Instant) -> Option<Due> {
        self.all().into_iter().flatten().find(|(at, _)| *at <= now).map(|(_, due)| due)
    }

    /// When something is due next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.all().into_iter().flatten().map(|(at, _)| at).min()
    }

    fn all(&self) -> [Option<(Instant, Due)>; 7] {
        let times = &self.limits;
        let after = |seconds: u32| Duration::from_secs(seconds.into());
        let silent = self.received == 0 && !self.authenticated;
        // An honest client may be waiting for its token: its WebSocket answers a ping all the same.
        let early = silent && self.pinged.is_none();
        [
            self.stalled.map(|since| (since + after(times.stall), Due::End(Refusal::Slow))),
            silent.then(|| (self.opened + after(times.first_byte), Due::End(Refusal::Dead))),
            (!self.authenticated).then(|| (self.opened + after(times.auth), Due::End(Refusal::AuthTimeout))),
            self.pinged.map(|at| (at + after(times.pong), Due::End(Refusal::Dead))),
            early.then(|| (self.heard + after(times.first_byte) / 2, Due::Ping)),
            self.pinged.is_none().then(|| (self.heard + after(times.ping), Due::Ping)),
            self.authenticated.then(|| (self.said + after(times.keepalive), Due::Keepalive)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn vigil() -> (Vigil, Instant) {
        let now = Instant::now();
        (Vigil::new(&Limits::default(), now), now)
    }

    #[test]
    fn a_silent_stranger_is_cut_and_a_slow_one_times_out() {
        let (mut vigil, now) = vigil();
        assert_eq!(vigil.due(now + 2 * SECOND), None);
        assert_eq!(vigil.due(now + 3 * SECOND), Some(Due::Ping), "whoever waits for a token answers at least this");
        vigil.pinged(now + 3 * SECOND);
        assert_eq!(vigil.due(now + 4 * SECOND), None);
        assert_eq!(vigil.due(now + 5 * SECOND), Some(Due::End(Refusal::Dead)));
        vigil.look(10, 0, 0, true, now + 4 * SECOND);
        assert_eq!(vigil.due(now + 5 * SECOND), None);
        assert_eq!(vigil.due(now + 30 * SECOND), Some(Due::End(Refusal::AuthTimeout)));
    }

    #[test]
    fn an_idle_socket_is_pinged_and_dies_without_an_answer() {
        let (mut vigil, now) = vigil();
        vigil.authenticated();
        vigil.look(10, 0, 0, true, now);
        vigil.said(now + 19 * SECOND);
        assert_eq!(vigil.due(now + 20 * SECOND), Some(Due::Ping));
        vigil.pinged(now + 20 * SECOND);
        vigil.said(now + 29 * SECOND);
        assert_eq!(vigil.due(now + 30 * SECOND), Some(Due::End(Refusal::Dead)));
        vigil.look(16, 0, 0, true, now + 21 * SECOND);
        assert_eq!(vigil.due(now + 30 * SECOND), None, "any byte is a sign of life");
    }

    #[test]
    fn while_nothing_is_read_nobody_is_dead() {
        let (mut vigil, now) = vigil();
        vigil.authenticated();
        vigil.look(10, 0, 0, true, now);
        vigil.pinged(now + 20 * SECOND);
        vigil.look(10, 0, 0, false, now + 29 * SECOND);
        vigil.said(now + 29 * SECOND);
        assert_eq!(vigil.due(now + 31 * SECOND), None);
    }

    #[test]
    fn a_socket_that_takes_nothing_is_slow() {
        let (mut vigil, now) = vigil();
        vigil.authenticated();
        vigil.look(10, 0, 100, true, now);
        vigil.look(20, 50, 100, true, now + 5 * SECOND);
        vigil.look(30, 50, 100, true, now + 9 * SECOND);
        vigil.said(now + 15 * SECOND);
        assert_eq!(vigil.due(now + 14 * SECOND), None);
        assert_eq!(vigil.due(now + 15 * SECOND), Some(Due::End(Refusal::Slow)));
    }

    #[test]
    fn a_client_that_counts_messages_is_kept_alive() {
        let (mut vigil, now) = vigil();
        vigil.authenticated();
        vigil.look(10, 0, 0, true, now + 5 * SECOND);
        assert_eq!(vigil.due(now + 10 * SECOND), Some(Due::Keepalive));
        vigil.said(now + 10 * SECOND);
        assert_eq!(vigil.due(now + 19 * SECOND), None);
    }
}
