//! A PostgreSQL of this test binary's own, and databases in it.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use sea_orm::{ConnectionTrait, Database, DatabaseBackend, DatabaseConnection, Statement};
use tandem_store::{Options, PostgresOptions, Store};

/// The server, as `tests/postgres/server` starts it. It ends when its standard input does: with this process.
pub struct Server {
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

/// What tests know of the server.
pub struct Known {
    server: Mutex<Server>,
    /// Its URL, without a database.
    pub url: String,
    /// What it logs.
    pub log: String,
}

/// The server of this binary, started when it is first asked for.
pub fn server() -> &'static Known {
    static SERVER: OnceLock<Known> = OnceLock::new();
    SERVER.get_or_init(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/postgres/server");
        let mut child = Command::new(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut lines = BufReader::new(stdout).lines();
        let ready = lines.next().expect("PostgreSQL starts: what it says stands above").unwrap();
        let [_, url, log] = ready.split(' ').collect::<Vec<_>>()[..] else { panic!("{ready}") };
        let url = url.trim_end_matches("/postgres").to_owned();
        Known { server: Mutex::new(Server { stdin, lines, _child: child }), url, log: log.to_owned() }
    })
}

impl Known {
    /// Keeps other tests from giving commands meanwhile.
    pub fn alone(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Gives a command, and waits until it is done.
    pub fn does(&mut self, command: &str) {
        writeln!(self.stdin, "{command}").unwrap();
        assert_eq!(self.lines.next().unwrap().unwrap(), "done", "{command}");
    }
}

/// A database of one test.
pub struct Place {
    name: String,
}

impl Place {
    /// An empty one.
    pub async fn new() -> Self {
        Self::made("ENCODING 'UTF8'").await
    }

    /// One that is made in a certain way.
    pub async fn made(how: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        run(&format!("{}/postgres", server().url), &format!("CREATE DATABASE {name} {how}")).await;
        Self { name }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn url(&self) -> String {
        format!("{}/{}", server().url, self.name)
    }

    /// The same as another user.
    pub fn url_as(&self, user: &str) -> String {
        self.url().replacen("tandem@", &format!("{user}@"), 1)
    }

    pub async fn open(&self) -> Store {
        Store::open(&self.url(), &options()).await.unwrap()
    }

    /// A connection past the store.
    pub async fn past(&self) -> DatabaseConnection {
        Database::connect(self.url()).await.unwrap()
    }

    /// Runs statements past the store.
    pub async fn run(&self, sql: &str) {
        run(&self.url(), sql).await;
    }

    /// Answers one number past the store.
    pub async fn number(&self, sql: &str) -> i64 {
        let past = self.past().await;
        let row = past.query_one_raw(Statement::from_string(DatabaseBackend::Postgres, sql)).await.unwrap().unwrap();
        past.close().await.unwrap();
        row.try_get_by_index(0).unwrap()
    }
}

/// Few connections: the tests of one binary share what the server allows.
pub fn options() -> Options {
    with(PostgresOptions { connections: 4, ..PostgresOptions::default() })
}

pub fn with(postgres: PostgresOptions) -> Options {
    Options { postgres, ..Options::default() }
}

async fn run(url: &str, sql: &str) {
    let past = Database::connect(url).await.unwrap();
    past.execute_unprepared(sql).await.unwrap();
    past.close().await.unwrap();
}
