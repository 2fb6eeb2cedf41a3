//! A WebSocket, as far as these tests need one.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::{Answer, DEADLINE, Request};

/// An open WebSocket.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    /// The server's answer to the handshake.
    pub answer: Answer,
}

impl Request {
    /// The handshake of RFC 6455's example.
    pub fn upgrade(target: &str) -> Self {
        Self::new("GET", target)
            .with("Connection", "keep-alive, Upgrade")
            .with("Upgrade", "websocket")
            .with("Sec-WebSocket-Version", "13")
            .with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    }
}

impl Socket {
    /// Sends a handshake, and `early` in the same segment.
    pub fn open_with(address: SocketAddr, request: &Request, early: &[u8]) -> Result<Self, Answer> {
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        stream.write_all(&[request.bytes(address), early.to_vec()].concat()).expect("it reads");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(byte(&mut stream).expect("an answer"));
        }
        let mut answer = Answer::parse(&head);
        if answer.status == 101 {
            return Ok(Self { stream, answer });
        }
        let length = answer.header("content-length").parse().expect("a length");
        answer.body = vec![0; length];
        stream.read_exact(&mut answer.body).expect("a body");
        Err(answer)
    }

    /// Sends a handshake.
    pub fn open(address: SocketAddr, request: &Request) -> Result<Self, Answer> {
        Self::open_with(address, request, &[])
    }

    /// The next frame's operation and payload; `None` at the end of the connection.
    pub fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = byte(&mut self.stream)?;
        let length = match byte(&mut self.stream)? {
            126 => u64::from(u16::from_be_bytes(self.take()?)),
            127 => u64::from_be_bytes(self.take()?),
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).expect("a small frame")];
        self.stream.read_exact(&mut payload).ok()?;
        Some((first & 15, payload))
    }

    /// Reads on until the close frame; answers its code and reason.
    pub fn closed(&mut self) -> (u16, String) {
        loop {
            match self.frame() {
                Some((8, payload)) => {
                    let code = u16::from_be_bytes([payload[0], payload[1]]);
                    return (code, String::from_utf8(payload[2..].to_vec()).expect("a reason is text"));
                }
                Some(_) => {}
                None => panic!("the connection ended without a close frame"),
            }
        }
    }

    /// Reads on until a message with this first byte; answers it.
    pub fn message(&mut self, kind: u8) -> Vec<u8> {
        loop {
            match self.frame() {
                Some((2, payload)) if payload.first() == Some(&kind) => return payload,
                Some((8, payload)) => panic!("closed: {payload:?}"),
                Some(_) => {}
                None => panic!("the connection ended"),
            }
        }
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).ok().map(|()| bytes)
    }
}

/// A client's binary frame of up to 125 bytes, masked with zeros.
pub fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short payload");
    [&[0x82, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

fn byte(stream: &mut TcpStream) -> Option<u8> {
    let mut one = [0];
    stream.read_exact(&mut one).ok().map(|()| one[0])
}
