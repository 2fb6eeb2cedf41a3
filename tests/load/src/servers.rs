//! The servers that are measured, each started on a free port with a folder of its own.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::machine::{self, Process};
use crate::postgres::Postgres;
use crate::protocol::Dialect;

/// A server may take so long to listen.
const START: Duration = Duration::from_secs(60);
/// A server may take so long to end before it is killed.
const STOP: Duration = Duration::from_secs(30);
/// The secret that the bench and its own Tandem share; it guards nothing.
const SECRET: &str = "a secret of the bench, long enough";

/// What can be measured.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A relay with no document, no commit and no rights.
    Floor,
    /// Tandem over y-websocket, on SQLite.
    Tandem,
    /// Tandem over Hocuspocus, on SQLite: with acknowledgements.
    TandemHocuspocus,
    /// Tandem over y-websocket, on a PostgreSQL of its own beside the load.
    TandemPostgres,
    /// The reference server of y-websocket: in memory, never saved.
    YWebsocket,
    /// Hocuspocus with its SQLite extension: saved 2 to 10 s later.
    Hocuspocus,
    /// y-sweet on the file system: saved 10 s later.
    YSweet,
}

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Programs {
    /// Tandem.
    pub tandem: PathBuf,
    /// The floor relay.
    pub floor: PathBuf,
    /// The folder with the peers' scripts.
    pub peers: PathBuf,
    /// y-sweet.
    pub y_sweet: PathBuf,
    /// What starts a PostgreSQL.
    pub postgres: PathBuf,
    /// The processor of the server, if it is bound.
    pub server_core: Option<usize>,
    /// The processor of this tool, if it is bound.
    pub load_core: Option<usize>,
}

/// A running server; ended when dropped.
#[derive(Debug)]
pub struct Server {
    /// What it is.
    pub kind: Kind,
    /// Where it listens.
    pub address: SocketAddrV4,
    /// Its process, to be measured.
    pub process: Process,
    /// The token that its clients bring, if it wants one.
    pub token: String,
    child: Child,
    folder: TempDir,
    programs: Programs,
    /// Where it stores, if not in its folder. Last, for it ends after its server.
    postgres: Option<Postgres>,
}

impl Kind {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 7] = [
        Self::Floor,
        Self::Tandem,
        Self::TandemHocuspocus,
        Self::TandemPostgres,
        Self::YWebsocket,
        Self::Hocuspocus,
        Self::YSweet,
    ];

    /// Whether it is Tandem, on whatever store.
    pub fn is_tandem(self) -> bool {
        matches!(self, Self::Tandem | Self::TandemHocuspocus | Self::TandemPostgres)
    }

    /// How it is called on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Tandem => "tandem",
            Self::TandemHocuspocus => "tandem-hocuspocus",
            Self::TandemPostgres => "tandem-postgres",
            Self::YWebsocket => "y-websocket",
            Self::Hocuspocus => "hocuspocus",
            Self::YSweet => "y-sweet",
        }
    }

    /// What its clients speak.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Floor | Self::Tandem | Self::TandemPostgres | Self::YWebsocket | Self::YSweet => Dialect::YWebsocket,
            Self::TandemHocuspocus | Self::Hocuspocus => Dialect::Hocuspocus,
        }
    }
}

impl Server {
    /// Starts one on an empty store and waits until it listens.
    pub fn start(kind: Kind, programs: &Programs) -> Result<Self> {
        let folder =
            tempfile::Builder::new().prefix("tandem-load-").tempdir().map_err(Error::io("a temporary folder"))?;
        let postgres = (kind == Kind::TandemPostgres).then(|| Postgres::start(&programs.postgres)).transpose()?;
        Self::begin(kind, programs, folder, postgres)
    }

    /// Ends it and starts it again on what it stored.
    pub fn restart(mut self) -> Result<Self> {
        self.end();
        let folder = std::mem::replace(&mut self.folder, TempDir::new().map_err(Error::io("a temporary folder"))?);
        let postgres = self.postgres.take();
        Self::begin(self.kind, &self.programs.clone(), folder, postgres)
    }

    fn begin(kind: Kind, programs: &Programs, folder: TempDir, postgres: Option<Postgres>) -> Result<Self> {
        let address = free_address()?;
        let mut command = command(kind, programs, folder.path(), address);
        if let Some(postgres) = &postgres {
            command.env("DATABASE_URL", &postgres.url);
        }
        let log = File::options().create(true).append(true).open(folder.path().join("server.log"));
        let log = log.map_err(Error::io("the server's log"))?;
        let errors = log.try_clone().map_err(Error::io("the server's log"))?;
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        // A child runs where its parent does when it is started.
        if let Some(core) = programs.server_core {
            machine::pin(core)?;
        }
        let child = command.spawn();
        if let Some(core) = programs.load_core {
            machine::pin(core)?;
        }
        let child = child.map_err(Error::io(format!("starting {}", command.get_program().to_string_lossy())))?;
        let process = Process::new(child.id());
        let mut server =
            Self { kind, address, process, token: String::new(), child, folder, programs: programs.clone(), postgres };
        server.listens()?;
        if kind.is_tandem() {
            server.token = token(programs, server.folder.path())?;
        }
        Ok(server)
    }

    /// The request target of a document's socket.
    pub fn path(&self, document: &str) -> String {
        match self.kind {
            Kind::Floor | Kind::YWebsocket => format!("/{document}"),
            Kind::Tandem | Kind::TandemPostgres => format!("/yjs/{document}?token={}", self.token),
            Kind::TandemHocuspocus => "/hocuspocus".to_owned(),
            Kind::Hocuspocus => "/".to_owned(),
            Kind::YSweet => format!("/d/{document}/ws/{document}"),
        }
    }

    /// Makes a document where a server wants it to be made before a socket comes.
    pub fn make(&self, document: &str) -> Result<()> {
        if self.kind != Kind::YSweet {
            return Ok(());
        }
        let body = format!("{{\"docId\":\"{document}\"}}");
        let request = format!(
            "POST /doc/new HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let asked = TcpStream::connect(self.address).and_then(|mut stream| {
            stream.write_all(request.as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        });
        match asked.map_err(Error::io("making a document"))? {
            answer if answer.starts_with("HTTP/1.1 200") => Ok(()),
            answer => Err(Error::Server(format!("{document} could not be made: {answer}"))),
        }
    }

    /// The last lines of what it printed.
    pub fn log(&self) -> String {
        let text = fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }

    fn listens(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            let ended = self.child.try_wait().map_err(Error::io("the server's state"))?;
            if let Some(status) = ended {
                return Err(Error::Server(format!("{} ended with {status}:\n{}", self.kind.name(), self.log())));
            }
            if begun.elapsed() > START {
                return Err(Error::Server(format!("{} does not listen:\n{}", self.kind.name(), self.log())));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks it to end, and kills it if it does not.
    fn end(&mut self) {
        // It may have ended by itself.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let begun = Instant::now();
        while begun.elapsed() < STOP {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

fn free_address() -> Result<SocketAddrV4> {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|probe| probe.local_addr());
    Ok(SocketAddrV4::new(Ipv4Addr::LOCALHOST, probe.map_err(Error::io("a free port"))?.port()))
}

fn command(kind: Kind, programs: &Programs, folder: &Path, address: SocketAddrV4) -> Command {
    match kind {
        Kind::Floor => {
            let mut command = Command::new(&programs.floor);
            command.arg(address.to_string()).current_dir(folder);
            command
        }
        Kind::Tandem | Kind::TandemHocuspocus | Kind::TandemPostgres => {
            let mut command = tandem(programs, folder);
            command.arg("serve").env("TANDEM__SERVER__LISTEN", address.to_string());
            command
        }
        Kind::YWebsocket => {
            let mut command = node(programs, "y-websocket.mjs", folder);
            command.arg(address.port().to_string());
            command
        }
        Kind::Hocuspocus => {
            let mut command = node(programs, "hocuspocus.mjs", folder);
            command.arg(address.port().to_string()).arg(folder.join("hocuspocus.sqlite"));
            command
        }
        Kind::YSweet => {
            let mut command = Command::new(&programs.y_sweet);
            command.arg("serve").arg(folder.join("store")).args(["--host", "127.0.0.1", "--port"]);
            command.arg(address.port().to_string()).current_dir(folder);
            command
        }
    }
}

/// A peer's script, run with the Node that its native modules were built for.
fn node(programs: &Programs, script: &str, folder: &Path) -> Command {
    let mut command = Command::new(programs.peers.join("node_modules/.node"));
    command.arg(programs.peers.join(script)).current_dir(folder).env("NODE_ENV", "production");
    command
}

/// Tandem as it ships, but for the limits that one machine as all clients would reach.
fn tandem(programs: &Programs, folder: &Path) -> Command {
    let mut command = Command::new(&programs.tandem);
    command
        .current_dir(folder)
        .env("DATABASE_URL", format!("sqlite://{}?mode=rwc", folder.join("tandem.db").display()))
        .env("JWT_SECRET_KEY", SECRET)
        .env("TANDEM__LIMITS__SOCKETS_PER_ADDRESS", "10000")
        .env("TANDEM__LIMITS__SESSION_FRAMES_PER_SECOND", "1000000")
        .env("TANDEM__LIMITS__SESSION_FRAMES_BURST", "1000000");
    command
}

fn token(programs: &Programs, folder: &Path) -> Result<String> {
    let output = tandem(programs, folder).args(["token", "--sub", "load", "--right", "editor"]).output();
    let output = output.map_err(Error::io("tandem token"))?;
    if !output.status.success() {
        return Err(Error::Server(format!("tandem token: {}", String::from_utf8_lossy(&output.stderr))));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
