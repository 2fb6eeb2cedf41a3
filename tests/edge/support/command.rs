//! Commands that end by themselves.

use std::path::Path;
use std::process::{Command, Stdio};

/// How a command ended.
pub struct Finished {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the binary in a new, empty folder.
pub fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Finished {
    let folder = tempfile::tempdir().expect("a folder");
    run_in(folder.path(), arguments, variables)
}

/// Runs the binary in `folder`, with these variables and no others.
pub fn run_in(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Finished {
    let output = command(folder, variables).args(arguments).stdin(Stdio::null()).output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it speaks UTF-8");
    Finished {
        code: output.status.code().expect("it was not killed"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// The binary in `folder`, with these variables and no others.
pub fn command(folder: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.current_dir(folder).env_clear().envs(variables.iter().copied());
    command
}
