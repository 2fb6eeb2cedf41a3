//! `load`: puts load on a server and tells what it costs.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tandem_load::error::Result;
use tandem_load::machine;
use tandem_load::scenarios::typing;
use tandem_load::servers::{Kind, Programs, Server};

/// Measures collaboration servers over their public protocols.
#[derive(Debug, Parser)]
#[command(
    name = "load",
    after_help = "Examples:\n  load rooms\n  load rooms --server floor,tandem --rounds 3\n  load hot --server tandem --seconds 20"
)]
struct Cli {
    #[command(subcommand)]
    scenario: Scenario,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    /// The servers, in the order of their turns.
    #[arg(long, global = true, value_delimiter = ',', default_value = "floor,tandem")]
    server: Vec<Kind>,
    /// How often each has its turn.
    #[arg(long, global = true, default_value_t = 1)]
    rounds: u32,
    /// What is measured, in seconds.
    #[arg(long, global = true, default_value_t = 10.0)]
    seconds: f64,
    /// What goes before it, in seconds.
    #[arg(long, global = true, default_value_t = 3.0)]
    warm_up: f64,
    /// The Tandem binary; without it the one beside this program.
    #[arg(long, global = true, env = "TANDEM_BIN")]
    tandem: Option<PathBuf>,
    /// The folder of the peers, after its `install`.
    #[arg(long, global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/peers"))]
    peers: PathBuf,
    /// The processor of the server.
    #[arg(long, global = true, default_value_t = 0)]
    server_core: usize,
    /// The processor of this program.
    #[arg(long, global = true, default_value_t = 1)]
    load_core: usize,
}

#[derive(Debug, Subcommand)]
enum Scenario {
    /// Many small rooms in which everybody types.
    #[command(after_help = "Example:\n  load rooms --rooms 300 --members 3 --rate 5")]
    Rooms {
        /// Rooms.
        #[arg(long, default_value_t = 300)]
        rooms: usize,
        /// Those in each; all of them type.
        #[arg(long, default_value_t = 3)]
        members: usize,
        /// Letters a second of each.
        #[arg(long, default_value_t = 5.0)]
        rate: f64,
    },
    /// One room with few writers and many readers.
    #[command(after_help = "Example:\n  load hot --writers 5 --readers 200 --rate 100")]
    Hot {
        /// Those who type.
        #[arg(long, default_value_t = 5)]
        writers: usize,
        /// Those who only read.
        #[arg(long, default_value_t = 200)]
        readers: usize,
        /// Letters a second of each writer.
        #[arg(long, default_value_t = 100.0)]
        rate: f64,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    let common = &cli.common;
    machine::raise_files()?;
    let programs = programs(common)?;
    if let Some(core) = programs.load_core {
        machine::pin(core)?;
    }
    for _ in 0..common.rounds {
        for &kind in &common.server {
            let server = Server::start(kind, &programs)?;
            let (name, load) = cli.scenario.typing(common);
            let outcome = typing::run(name, &server, load)?;
            eprintln!("{}", outcome.line());
            println!(
                "{}",
                serde_json::to_string(&outcome).map_err(|error| tandem_load::error::Error::Usage(error.to_string()))?
            );
        }
    }
    Ok(())
}

impl Scenario {
    fn typing(&self, common: &Common) -> (&'static str, typing::Load) {
        let &Common { seconds, warm_up, .. } = common;
        match *self {
            Self::Rooms { rooms, members: writers, rate } => {
                ("rooms", typing::Load { rooms, writers, readers: 0, rate, warm_up, seconds })
            }
            Self::Hot { writers, readers, rate } => {
                ("hot", typing::Load { rooms: 1, writers, readers, rate, warm_up, seconds })
            }
        }
    }
}

fn programs(common: &Common) -> Result<Programs> {
    let here = std::env::current_exe().map_err(tandem_load::error::Error::io("the place of this program"))?;
    let beside = |name| here.with_file_name(name);
    let cores = machine::cores();
    let both = cores.contains(&common.server_core) && cores.contains(&common.load_core);
    if !both {
        eprintln!(
            "load: processors {} and {} are not both there, nothing is bound",
            common.server_core, common.load_core
        );
    }
    Ok(Programs {
        tandem: common.tandem.clone().unwrap_or_else(|| beside("tandem")),
        floor: beside("floor"),
        peers: common.peers.clone(),
        y_sweet: here.with_file_name("../peers/bin/y-sweet"),
        server_core: both.then_some(common.server_core),
        load_core: both.then_some(common.load_core),
    })
}
