//! Thousands of WebSocket clients on one thread.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use socket2::{Domain, Protocol, Socket as Raw, Type};

use crate::clock::{Nanos, SECOND, nanos, now};
use crate::error::{Error, Result};
use crate::frame::{self, Head};

/// The events of one turn.
const EVENTS: usize = 1024;
/// What one read takes at most, in bytes.
const READ: usize = 256 * 1024;
/// The timer's place among the sockets' numbers.
const TIMER: u64 = u64::MAX;
/// Client addresses begin at 127.0.1.1; so many are used in turn.
const ADDRESSES: usize = 100;
/// Sockets that are being opened at a time, unless [`Swarm::at_once`] says otherwise.
const OPENING: usize = 64;

const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

fn timespec(nanos: Nanos) -> Timespec {
    let part = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    Timespec { tv_sec: part(nanos / SECOND), tv_nsec: part(nanos % SECOND) }
}

/// Whoever sits behind the sockets.
pub trait Party {
    /// The handshake was answered.
    fn opened(&mut self, socket: usize, at: Nanos, out: &mut Outbox) -> Result<()>;
    /// A message came in.
    fn message(&mut self, socket: usize, message: &[u8], at: Nanos, out: &mut Outbox) -> Result<()>;
    /// The server ended the connection.
    fn closed(&mut self, socket: usize, why: &str) -> Result<()> {
        Err(Error::Socket { socket, what: why.to_owned() })
    }
}

/// Messages on their way out, as frames.
#[derive(Debug)]
pub struct Outbox {
    bytes: Vec<u8>,
    frames: Vec<(usize, usize)>,
    masks: SmallRng,
}

impl Outbox {
    /// Sends a binary message whose payload is the parts in a row.
    pub fn send(&mut self, socket: usize, parts: &[&[u8]]) {
        self.frame(socket, frame::BINARY, parts);
    }

    fn frame(&mut self, socket: usize, opcode: u8, parts: &[&[u8]]) {
        frame::write(&mut self.bytes, opcode, parts, self.masks.random());
        match self.frames.last_mut() {
            Some((last, end)) if *last == socket => *end = self.bytes.len(),
            _ => self.frames.push((socket, self.bytes.len())),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Connecting,
    Upgrading,
    Open,
    Closed,
}

#[derive(Debug)]
struct Socket {
    stream: Option<TcpStream>,
    stage: Stage,
    /// Where to, until it is opened.
    path: String,
    /// Bytes of a frame, or of the handshake, that is not whole.
    inbox: Vec<u8>,
    /// Earlier frames of a message that is not whole.
    fragments: Vec<u8>,
    /// What the system did not take.
    backlog: Vec<u8>,
    /// Whether it is left unread.
    deaf: bool,
}

/// The sockets.
pub struct Swarm {
    epoll: OwnedFd,
    timer: OwnedFd,
    server: SocketAddrV4,
    sockets: Vec<Socket>,
    queue: VecDeque<usize>,
    opening: usize,
    at_once: usize,
    open: usize,
    buffer: Vec<u8>,
    events: Vec<Event>,
    out: Outbox,
}

impl Swarm {
    /// Sockets that will go to `server`.
    pub fn new(server: SocketAddrV4) -> Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(Error::errno("epoll"))?;
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)
            .map_err(Error::errno("timerfd"))?;
        epoll::add(&epoll, &timer, EventData::new_u64(TIMER), EventFlags::IN).map_err(Error::errno("epoll"))?;
        Ok(Self {
            epoll,
            timer,
            server,
            sockets: Vec::new(),
            queue: VecDeque::new(),
            opening: 0,
            at_once: OPENING,
            open: 0,
            buffer: vec![0; READ],
            events: Vec::with_capacity(EVENTS),
            out: Outbox { bytes: Vec::new(), frames: Vec::new(), masks: SmallRng::seed_from_u64(now()) },
        })
    }

    /// Lets so many be on their way at a time.
    pub fn at_once(&mut self, sockets: usize) {
        self.at_once = sockets;
    }

    /// Adds a client that will connect to `path`; answers its number.
    pub fn add(&mut self, path: String) -> Result<usize> {
        let number = self.sockets.len();
        self.sockets.push(Socket {
            stream: None,
            stage: Stage::Waiting,
            path,
            inbox: Vec::new(),
            fragments: Vec::new(),
            backlog: Vec::new(),
            deaf: false,
        });
        self.queue.push_back(number);
        self.admit()?;
        Ok(number)
    }

    /// How many have had their handshake answered and are not closed.
    pub fn open(&self) -> usize {
        self.open
    }

    /// Sends a message now.
    pub fn send(&mut self, socket: usize, parts: &[&[u8]]) -> Result<()> {
        self.out.send(socket, parts);
        self.flush()
    }

    /// How many bytes wait because the system did not take them yet.
    pub fn backlog(&self, socket: usize) -> usize {
        self.sockets[socket].backlog.len()
    }

    /// Ends a connection from this side, without a word.
    pub fn drop_socket(&mut self, socket: usize) {
        let one = &mut self.sockets[socket];
        if let Some(stream) = one.stream.take() {
            // It may be gone already.
            let _ = epoll::delete(&self.epoll, &stream);
        }
        match one.stage {
            Stage::Open => self.open -= 1,
            Stage::Connecting | Stage::Upgrading => self.opening -= 1,
            Stage::Waiting | Stage::Closed => {}
        }
        one.stage = Stage::Closed;
    }

    /// Takes what comes in until something did or `until` is there, whichever is first.
    pub fn turn(&mut self, until: Nanos, party: &mut impl Party) -> Result<()> {
        let wait = until.saturating_sub(now());
        let timeout = if wait == 0 {
            Some(&NOW)
        } else {
            let due = Itimerspec { it_interval: NOW, it_value: timespec(wait) };
            timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &due).map_err(Error::errno("timer"))?;
            None
        };
        let mut events = std::mem::take(&mut self.events);
        match epoll::wait(&self.epoll, spare_capacity(&mut events), timeout) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::errno("epoll")(errno)),
        }
        for event in events.drain(..) {
            if event.data.u64() == TIMER {
                continue;
            }
            let socket = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            self.happened(socket, event.flags, party)?;
        }
        self.events = events;
        Ok(())
    }

    /// Lets time pass and takes what comes in meanwhile: whoever is asked whether they are there answers.
    pub fn wait(&mut self, time: Duration, party: &mut impl Party) -> Result<()> {
        let until = now().saturating_add(nanos(time));
        while now() < until {
            self.turn(until, party)?;
        }
        Ok(())
    }

    fn happened(&mut self, number: usize, events: EventFlags, party: &mut impl Party) -> Result<()> {
        let socket = &mut self.sockets[number];
        if events.contains(EventFlags::OUT) {
            match socket.stage {
                Stage::Connecting => self.greet(number)?,
                _ => self.push(number)?,
            }
        }
        if events.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            self.read(number, party)?;
        }
        Ok(())
    }

    fn admit(&mut self) -> Result<()> {
        while self.opening < self.at_once {
            let Some(number) = self.queue.pop_front() else { break };
            self.connect(number)?;
        }
        Ok(())
    }

    fn connect(&mut self, number: usize) -> Result<()> {
        let last = u8::try_from(number % ADDRESSES + 1).unwrap_or(1);
        let raw = Raw::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).map_err(Error::io("a socket"))?;
        raw.set_nonblocking(true).map_err(Error::io("a socket"))?;
        raw.set_tcp_nodelay(true).map_err(Error::io("a socket"))?;
        let from = SocketAddr::from((Ipv4Addr::new(127, 0, 1, last), 0));
        raw.bind(&from.into()).map_err(Error::io(format!("binding {from}")))?;
        match raw.connect(&SocketAddr::V4(self.server).into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error()) => {}
            Err(error) => return Err(Error::Io(format!("connecting to {}", self.server), error)),
        }
        let stream = TcpStream::from(raw);
        let data = EventData::new_u64(number as u64);
        epoll::add(&self.epoll, &stream, data, EventFlags::OUT).map_err(Error::errno("epoll"))?;
        self.sockets[number].stream = Some(stream);
        self.sockets[number].stage = Stage::Connecting;
        self.opening += 1;
        Ok(())
    }

    /// Says what a WebSocket says first.
    fn greet(&mut self, number: usize) -> Result<()> {
        let socket = &mut self.sockets[number];
        let head = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            socket.path, self.server
        );
        socket.stage = Stage::Upgrading;
        socket.backlog.extend_from_slice(head.as_bytes());
        self.push(number)
    }

    /// Writes what waits; asks to hear when there is room for the rest.
    fn push(&mut self, number: usize) -> Result<()> {
        let socket = &mut self.sockets[number];
        let Some(stream) = &mut socket.stream else { return Ok(()) };
        let mut sent = 0;
        while sent < socket.backlog.len() {
            match stream.write(&socket.backlog[sent..]) {
                Ok(bytes) => sent += bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The reading side learns the reason.
                Err(_) => {
                    sent = socket.backlog.len();
                    break;
                }
            }
        }
        socket.backlog.drain(..sent);
        self.listen(number)
    }

    fn listen(&mut self, number: usize) -> Result<()> {
        let socket = &self.sockets[number];
        let Some(stream) = &socket.stream else { return Ok(()) };
        let mut flags = EventFlags::empty();
        flags.set(EventFlags::IN, !socket.deaf);
        flags.set(EventFlags::OUT, !socket.backlog.is_empty());
        let data = EventData::new_u64(number as u64);
        epoll::modify(&self.epoll, stream, data, flags).map_err(Error::errno("epoll"))
    }

    /// Hands the outbox to the system.
    fn flush(&mut self) -> Result<()> {
        let mut begin = 0;
        for at in 0..self.out.frames.len() {
            let (number, end) = self.out.frames[at];
            let socket = &mut self.sockets[number];
            let bytes = &self.out.bytes[begin..end];
            begin = end;
            let Some(stream) = &mut socket.stream else { continue };
            if !socket.backlog.is_empty() {
                socket.backlog.extend_from_slice(bytes);
                continue;
            }
            let sent = match stream.write(bytes) {
                Ok(sent) => sent,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => 0,
                // The reading side learns the reason.
                Err(_) => bytes.len(),
            };
            if sent < bytes.len() {
                socket.backlog.extend_from_slice(&bytes[sent..]);
                self.listen(number)?;
            }
        }
        self.out.frames.clear();
        self.out.bytes.clear();
        Ok(())
    }

    fn read(&mut self, number: usize, party: &mut impl Party) -> Result<()> {
        let socket = &mut self.sockets[number];
        let Some(stream) = &mut socket.stream else { return Ok(()) };
        let count = match stream.read(&mut self.buffer) {
            Ok(count) => count,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Ok(());
            }
            Err(error) => return self.ended(number, &error.to_string(), party),
        };
        if count == 0 {
            return self.ended(number, "the server closed the connection", party);
        }
        let at = now();
        // Whole frames are read where they are; what is left of a part is kept until its rest is there.
        let (bytes, kept) = if socket.inbox.is_empty() {
            (std::mem::take(&mut self.buffer), None)
        } else {
            socket.inbox.extend_from_slice(&self.buffer[..count]);
            (std::mem::take(&mut self.buffer), Some(std::mem::take(&mut socket.inbox)))
        };
        let outcome = match &kept {
            Some(kept) => self.frames(number, kept, at, party),
            None => self.frames(number, &bytes[..count], at, party),
        };
        let used = outcome?;
        self.buffer = bytes;
        match kept {
            Some(mut kept) => {
                kept.drain(..used);
                self.sockets[number].inbox = kept;
            }
            None if used < count => self.sockets[number].inbox.extend_from_slice(&self.buffer[used..count]),
            None => {}
        }
        self.flush()
    }

    fn ended(&mut self, number: usize, why: &str, party: &mut impl Party) -> Result<()> {
        self.drop_socket(number);
        self.admit()?;
        party.closed(number, why)
    }

    /// Takes whole frames off the front; answers how many bytes they were.
    fn frames(&mut self, number: usize, bytes: &[u8], at: Nanos, party: &mut impl Party) -> Result<usize> {
        let mut used = 0;
        if self.sockets[number].stage == Stage::Upgrading {
            let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(0) };
            if !bytes.starts_with(b"HTTP/1.1 101") {
                let line = String::from_utf8_lossy(bytes.split(|&byte| byte == b'\r').next().unwrap_or_default());
                self.ended(number, &format!("the handshake was answered with {line}"), party)?;
                return Ok(bytes.len());
            }
            used = end + 4;
            self.sockets[number].stage = Stage::Open;
            self.open += 1;
            self.opening -= 1;
            party.opened(number, at, &mut self.out)?;
            self.admit()?;
        }
        while self.sockets[number].stage == Stage::Open {
            let rest = &bytes[used..];
            let (last, opcode, start, end) = match frame::head(rest) {
                Head::Frame { last, opcode, start, end } if end <= rest.len() => (last, opcode, start, end),
                Head::Frame { .. } | Head::Partial => break,
                Head::Broken(what) => return Err(Error::Socket { socket: number, what: what.to_owned() }),
            };
            let payload = &rest[start..end];
            used += end;
            match opcode {
                frame::BINARY if last => party.message(number, payload, at, &mut self.out)?,
                frame::PING => self.out.frame(number, frame::PONG, &[payload]),
                frame::CLOSE => {
                    let code = payload.first_chunk::<2>().map_or(1005, |code| u16::from_be_bytes(*code));
                    let reason = String::from_utf8_lossy(payload.get(2..).unwrap_or_default()).into_owned();
                    self.ended(number, &format!("closed with {code} {reason}"), party)?;
                }
                frame::BINARY | 0 => {
                    self.sockets[number].fragments.extend_from_slice(payload);
                    if last {
                        let message = std::mem::take(&mut self.sockets[number].fragments);
                        party.message(number, &message, at, &mut self.out)?;
                    }
                }
                _ => {}
            }
        }
        Ok(used)
    }
}
