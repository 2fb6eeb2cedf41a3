//! The commands, one a file.

mod check;
mod migrate;
mod serve;
mod token;

use std::future::Future;
use std::time::Duration;

use tandem_store::OpenError;
use tokio::runtime::Builder;

use crate::cli::{Cli, Command};
use crate::config::{self, Configuration, Sources};
use crate::exit::Exit;
use crate::rests;

/// Runs one command to its end.
#[must_use]
pub fn run(cli: Cli) -> Exit {
    let command = cli.command.unwrap_or(Command::Serve);
    if let Command::Completions { shell } = command {
        Cli::complete(shell);
        return Exit::Done;
    }
    let configuration = match config::load(&Sources::of_process(cli.config)) {
        Ok(configuration) => configuration,
        Err(errors) => {
            for error in errors {
                eprintln!("tandem: {error}");
            }
            return Exit::Config;
        }
    };
    match command {
        Command::Serve => {
            let rest = Duration::from_micros(configuration.settings.server.rest_microseconds);
            on_runtime(Builder::new_multi_thread().on_thread_park(move || rests::rest(rest)), serve::run(configuration))
        }
        Command::Migrate => on_runtime(&mut Builder::new_multi_thread(), migrate::run(configuration)),
        Command::Check => on_runtime(&mut Builder::new_multi_thread(), check::run(configuration)),
        Command::Token(args) => token::run(&configuration, args),
        Command::Completions { .. } => Exit::Done,
    }
}

fn on_runtime(runtime: &mut Builder, command: impl Future<Output = Exit>) -> Exit {
    match runtime.enable_all().build() {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => refuse(&error, Exit::Unavailable),
    }
}

/// Says why a command ends.
fn refuse(error: &dyn std::error::Error, exit: Exit) -> Exit {
    eprintln!("tandem: {error}");
    exit
}

/// Whether the database is named wrongly, or is not there.
fn exit_of(error: &OpenError) -> Exit {
    match error {
        OpenError::Scheme { .. } | OpenError::Url { .. } | OpenError::ServerUrl { .. } => Exit::Config,
        _ => Exit::Unavailable,
    }
}

/// What a command says about where its configuration came from.
fn describe(configuration: &Configuration) -> String {
    let files: Vec<String> = configuration.files.iter().map(|path| path.display().to_string()).collect();
    let from = if files.is_empty() { "no file, the compiled-in defaults".to_owned() } else { files.join(", ") };
    format!("{}; {from}", configuration.environment.name())
}
