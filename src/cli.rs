//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use tandem_model::{DocumentName, Right};

use crate::exit::Exit;
use crate::version;

/// Tandem, the realtime collaboration server: documents that several people edit at once, over y-websocket and
/// Hocuspocus.
#[derive(Debug, Parser)]
#[command(name = "tandem", version = version::line(), after_help = "\
Without a command it serves. Every key of the configuration is explained in config/base.toml.

Examples:
  tandem                                           serve on http://127.0.0.1:8080, documents in ./data
  TANDEM__SERVER__LISTEN=127.0.0.1:9000 tandem     the same on another port
  tandem --config /etc/tandem.toml check           is this configuration good, and the database there?

Exit codes: 0 done, 64 usage, 69 unavailable, 70 the actors gave up, 75 drained late, 78 configuration")]
pub struct Cli {
    /// Reads this file instead of config/base.toml and config/$TANDEM_ENV.toml.
    #[arg(long, global = true, value_name = "PATH")]
    pub config: Option<PathBuf>,
    /// What to do; without it: serve.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serves until SIGTERM or SIGINT, then drains.
    #[command(after_help = "Example:\n  TANDEM_ENV=production JWT_SECRET_KEY=$(openssl rand -hex 32) \
        ALLOWED_HOSTS=docs.example.org tandem serve")]
    Serve,
    /// Brings the database's schema up to date.
    #[command(after_help = "Example:\n  DATABASE_URL='sqlite:///var/lib/tandem/tandem.db?mode=rwc' tandem migrate")]
    Migrate,
    /// Validates the configuration, reaches the database, and says which migrations are pending. Changes nothing.
    #[command(after_help = "Example:\n  tandem --config /etc/tandem.toml check")]
    Check,
    /// Mints a token with the server's secret and prints it.
    #[command(after_help = "\
Without --right and --room the token carries no `rooms`: auth.default_right holds for every document.

Examples:
  tandem token --sub ann --name Ann
  tandem token --sub ann --room notes=owner --room 'team/*=viewer' --expires 7d")]
    Token(TokenArgs),
    /// Prints a completion script for a shell.
    #[command(after_help = "Example:\n  tandem completions bash > /etc/bash_completion.d/tandem")]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// What a token says.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// Who it is about.
    #[arg(long)]
    pub sub: String,
    /// What they are called.
    #[arg(long)]
    pub name: Option<String>,
    /// The right on every document that no --room names: viewer, editor or owner.
    #[arg(long, value_parser = right)]
    pub right: Option<Right>,
    /// The right on one document, or on all whose names begin so: NAME=RIGHT or 'PREFIX*=RIGHT'; may be repeated.
    #[arg(long = "room", value_name = "NAME=RIGHT", value_parser = room)]
    pub rooms: Vec<(String, Right)>,
    /// How long it lives, as 90s, 15m, 1h, 7d.
    #[arg(long, default_value = "1h", value_parser = lifetime)]
    pub expires: Duration,
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).ok().filter(|time| !time.is_zero());
    time.ok_or_else(|| "allowed is a time such as 90s, 15m, 1h or 7d".into())
}

impl Cli {
    /// Reads the process' arguments; what is wrong with them, or the help, is printed.
    ///
    /// # Errors
    /// The exit code, if there is nothing to run.
    pub fn read() -> Result<Self, Exit> {
        Self::try_parse().map_err(|error| {
            // Nobody reads: the exit code still tells.
            error.print().ok();
            match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
                _ => Exit::Usage,
            }
        })
    }

    /// Prints a completion script.
    pub fn complete(shell: Shell) {
        clap_complete::generate(shell, &mut Self::command(), "tandem", &mut std::io::stdout());
    }
}

fn right(text: &str) -> Result<Right, String> {
    match text {
        "viewer" => Ok(Right::Viewer),
        "editor" => Ok(Right::Editor),
        "owner" => Ok(Right::Owner),
        _ => Err("allowed: viewer, editor, owner".into()),
    }
}

fn room(text: &str) -> Result<(String, Right), String> {
    let (name, given) = text.rsplit_once('=').ok_or("allowed: NAME=RIGHT, such as notes=editor")?;
    if name.is_empty() {
        return Err("the name is empty; 'PREFIX*' names all documents that begin so, '*' all".into());
    }
    let exact = name.strip_suffix('*').unwrap_or(name);
    if let Some(error) = Some(exact).filter(|exact| !exact.is_empty()).and_then(|exact| DocumentName::new(exact).err())
    {
        return Err(format!("no document can have that name: {error}"));
    }
    Ok((name.into(), right(given)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{} has no example", command.get_name());
        }
    }

    #[test]
    fn a_room_is_split_at_its_last_sign() {
        assert_eq!(room("a=b=editor"), Ok(("a=b".into(), Right::Editor)));
        assert!(room("a").is_err() && room("=owner").is_err() && room("a=king").is_err());
    }
}
