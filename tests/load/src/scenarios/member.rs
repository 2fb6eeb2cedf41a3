//! What every client does on its socket, whatever it is there for: it joins, and answers the server's questions.

use crate::error::{Error, Result};
use crate::protocol::{self, Dialect, STEP1, Said};
use crate::servers::Server;
use crate::swarm::Outbox;
use crate::yjs::EMPTY;

/// How the clients of a run talk.
#[derive(Debug, Clone)]
pub struct Manners {
    /// The envelope.
    pub dialect: Dialect,
    token: String,
}

/// What a scenario has to look at.
#[derive(Debug)]
pub enum News<'a> {
    /// The answer to step 1: with it a client is in.
    Joined(&'a [u8]),
    /// An update.
    Update(&'a [u8]),
    /// The server's state vector: it is to be answered.
    Asked(&'a [u8]),
    /// Presence.
    Awareness(&'a [u8]),
    /// An edit was taken, or not.
    Status(bool),
    /// Nothing to look at.
    Nothing,
}

impl Manners {
    /// Those that `server` wants.
    pub fn of(server: &Server) -> Self {
        Self { dialect: server.kind.dialect(), token: server.token.clone() }
    }

    /// What a client says first.
    pub fn greet(&self, socket: usize, prefix: &[u8], out: &mut Outbox) {
        if self.dialect == Dialect::Hocuspocus {
            out.send(socket, &[prefix, &protocol::auth(&self.token)]);
        }
        out.send(socket, &[prefix, STEP1]);
    }

    /// Reads a message.
    ///
    /// # Errors
    /// It is none, or refuses the client.
    #[inline]
    pub fn read<'a>(&self, socket: usize, message: &'a [u8]) -> Result<News<'a>> {
        let fault = |what: String| Error::Socket { socket, what };
        let said = self.dialect.read(message);
        match said.ok_or_else(|| fault(format!("no message: {:02x?}", &message[..message.len().min(40)])))? {
            Said::Update(update) => Ok(News::Update(update)),
            Said::Step2(update) => Ok(News::Joined(update)),
            Said::Step1(vector) => Ok(News::Asked(vector)),
            Said::Awareness(update) => Ok(News::Awareness(update)),
            Said::Status(taken) => Ok(News::Status(taken)),
            Said::Denied => Err(fault("permission denied".to_owned())),
            Said::Authenticated | Said::Other => Ok(News::Nothing),
        }
    }

    /// Answers the server's step 1 with an update.
    pub fn answer(&self, socket: usize, prefix: &[u8], update: &[u8], out: &mut Outbox) {
        out.send(socket, &[prefix, &protocol::sync(1, update.len()), update]);
    }

    /// The same of somebody who has nothing that the server lacks.
    pub fn answer_nothing(&self, socket: usize, prefix: &[u8], out: &mut Outbox) {
        self.answer(socket, prefix, EMPTY, out);
    }
}
