//! A server of a test's own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

use tempfile::TempDir;

use super::command::{command, run_in};
use super::{Answer, DEADLINE, Request, Socket};

/// The signing secret of every server here.
pub const SECRET: &str = "a secret of thirty-two bytes, aye";

/// A running server; killed when it is dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    lines: Receiver<String>,
    pub folder: TempDir,
}

impl Server {
    /// Starts one in development.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts one with these variables, on a free port, and waits until it is ready.
    pub fn with(variables: &[(&str, &str)]) -> Self {
        Self::within(tempfile::tempdir().expect("a folder"), variables)
    }

    /// Starts one in a folder that holds something already.
    pub fn within(folder: TempDir, variables: &[(&str, &str)]) -> Self {
        let base = [("TANDEM__SERVER__LISTEN", "127.0.0.1:0"), ("JWT_SECRET_KEY", SECRET)];
        let variables: Vec<_> = base.iter().chain(variables).copied().collect();
        let mut child = command(folder.path(), &variables)
            .stderr(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let lines = lines(&mut child);
        let mut said = Vec::new();
        loop {
            match lines.recv_timeout(DEADLINE) {
                Ok(line) if line.contains("ready: http://") => {
                    let rest = line.split("ready: http://").nth(1).expect("found above");
                    let address = rest.split('/').next().expect("there is always a first part").parse();
                    return Self { child, address: address.expect("an address"), lines, folder };
                }
                Ok(line) => said.push(line),
                Err(_) => panic!("the server does not get ready: {said:#?}"),
            }
        }
    }

    /// Sends one request and reads its answer.
    pub fn send(&self, request: &Request) -> Answer {
        request.send(self.address)
    }

    /// GETs a path.
    pub fn get(&self, path: &str) -> Answer {
        self.send(&Request::new("GET", path))
    }

    /// Opens a WebSocket.
    pub fn socket(&self, request: Request) -> Result<Socket, Answer> {
        Socket::open(self.address, &request)
    }

    /// Mints a token with this server's secret.
    pub fn token(&self, arguments: &[&str]) -> String {
        let arguments: Vec<_> = ["token"].iter().chain(arguments).copied().collect();
        let minted = run_in(self.folder.path(), &arguments, &[("JWT_SECRET_KEY", SECRET)]);
        assert_eq!(minted.code, 0, "{}", minted.stderr);
        minted.stdout.trim().to_owned()
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent =
            std::process::Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits until a line of the log holds `text`; answers it.
    pub fn logged(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("{text:?} is not logged"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Waits for its end; answers how it ended and what it logged since it was last asked.
    pub fn ended(&mut self) -> (ExitStatus, String) {
        // Its log ends with it: then only its status is to be collected.
        let mut said = String::new();
        loop {
            match self.lines.recv_timeout(DEADLINE) {
                Ok(line) => {
                    said.push_str(&line);
                    said.push('\n');
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {said}"),
            }
        }
        let status = self.child.wait().expect("it can be waited for");
        (status, said)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn lines(child: &mut Child) -> Receiver<String> {
    let stderr = child.stderr.take().expect("it is piped");
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}
