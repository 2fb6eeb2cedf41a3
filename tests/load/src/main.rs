//! `load`: puts load on a server and tells what it costs.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tandem_load::bench::{self, Asked};
use tandem_load::error::{Error, Result};
use tandem_load::machine;
use tandem_load::plan::Plan;
use tandem_load::report;
use tandem_load::scenarios::{Trace, capacity, cold, cursors, idle, join, typing};
use tandem_load::servers::{Kind, Programs};

/// Measures collaboration servers over their public protocols.
///
/// Each server is started on an empty store, on one processor, and this program runs on another. A line of JSON a run
/// goes to standard output, one for people to standard error.
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
    /// The Tandem binary; without it TANDEM_BIN, or the one beside this program.
    #[arg(long, global = true)]
    tandem: Option<PathBuf>,
    /// The script that starts a PostgreSQL.
    #[arg(long, global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../postgres/server"))]
    postgres: PathBuf,
    /// The folder of the peers, after its `install`.
    #[arg(long, global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/peers"))]
    peers: PathBuf,
    /// The processor of the server.
    #[arg(long, global = true, default_value_t = 0)]
    server_core: usize,
    /// The processor of this program.
    #[arg(long, global = true, default_value_t = 1)]
    load_core: usize,
    /// Takes precedence over what else the machine does (as root), so that it is not measured.
    #[arg(long, global = true)]
    precede: bool,
    /// A trace for replay and cold, such as the automerge paper as gzipped JSON; without it one is made.
    #[arg(long, global = true)]
    trace: Option<PathBuf>,
    /// The edits of a trace that is made.
    #[arg(long, global = true, default_value_t = 259_778)]
    edits: usize,
}

#[derive(Debug, Args)]
struct Rooms {
    /// Rooms.
    #[arg(long, default_value_t = 300)]
    rooms: usize,
    /// Those in each; all of them type.
    #[arg(long, default_value_t = 3)]
    members: usize,
    /// Letters a second of each.
    #[arg(long, default_value_t = 5.0)]
    rate: f64,
}

#[derive(Debug, Subcommand)]
enum Scenario {
    /// Many small rooms in which everybody types.
    #[command(after_help = "Example:\n  load rooms --rooms 300 --members 3 --rate 5")]
    Rooms(Rooms),
    /// Such rooms again, while perf samples the server: what each step of an edit's path costs.
    #[command(after_help = "Example:\n  load steps --server floor,tandem --rooms 300")]
    Steps(Rooms),
    /// The most such rooms that a server carries.
    #[command(after_help = "Example:\n  load capacity --server floor,tandem --seconds 5")]
    Capacity {
        /// Where the search begins.
        #[arg(long, default_value_t = 600)]
        from: usize,
        /// Those in each; all of them type.
        #[arg(long, default_value_t = 3)]
        members: usize,
        /// Letters a second of each.
        #[arg(long, default_value_t = 5.0)]
        rate: f64,
        /// The 99th of 100 deliveries must take less, in milliseconds.
        #[arg(long, default_value_t = 250.0)]
        within: f64,
        /// The search ends when the answer is known to within this share.
        #[arg(long, default_value_t = 0.05)]
        exact: f64,
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
    /// Cursors that move in one room.
    #[command(after_help = "Example:\n  load cursors --cursors 60 --rate 20 --echoing 3")]
    Cursors {
        /// Clients.
        #[arg(long, default_value_t = 60)]
        cursors: usize,
        /// Those of them that send on what they see, as y-websocket does.
        #[arg(long, default_value_t = 3)]
        echoing: usize,
        /// Moves a second of each.
        #[arg(long, default_value_t = 20.0)]
        rate: f64,
    },
    /// Many sockets that come at once.
    #[command(after_help = "Example:\n  load join --sockets 2000 --documents 100")]
    Join {
        /// Sockets.
        #[arg(long, default_value_t = 2_000)]
        sockets: usize,
        /// Documents that they come to.
        #[arg(long, default_value_t = 100)]
        documents: usize,
        /// Letters in each document.
        #[arg(long, default_value_t = 1_000)]
        letters: u64,
        /// Sockets that are on their way at a time: with more, those that the system has no room for come a second later.
        #[arg(long, default_value_t = 500)]
        at_once: usize,
    },
    /// What idle sockets and documents take of memory.
    #[command(after_help = "Example:\n  load idle --sockets 500,1000,1500,2000 --documents 100,500,1000,2000")]
    Idle {
        /// Sockets, in the first number of documents.
        #[arg(long, value_delimiter = ',', default_value = "500,1000,1500,2000")]
        sockets: Vec<usize>,
        /// Documents, with the most sockets in them.
        #[arg(long, value_delimiter = ',', default_value = "100,700,1300,2000")]
        documents: Vec<usize>,
    },
    /// One client sends a trace as fast as the server takes it.
    #[command(after_help = "Example:\n  load replay --trace paper.json.gz")]
    Replay,
    /// The traced document to somebody new.
    #[command(after_help = "Example:\n  load cold --server tandem,hocuspocus")]
    Cold,
    /// All of these at the loads of docs/BENCHMARKS.md, the servers in turn; writes that page.
    #[command(after_help = "Example:\n  load bench --rounds 5 --only rooms,hot --server floor,tandem")]
    Bench {
        /// The scenarios; all without it. What is measured replaces what the page has of these scenarios.
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
        /// Where the figures of all runs are kept.
        #[arg(long, default_value = "docs/benchmarks/results.json")]
        results: PathBuf,
        /// Where the page and its plots go.
        #[arg(long, default_value = "docs")]
        docs: PathBuf,
    },
    /// Writes the page anew from the figures that are kept.
    Report {
        /// Where the figures of all runs are kept.
        #[arg(long, default_value = "docs/benchmarks/results.json")]
        results: PathBuf,
        /// Where the page and its plots go.
        #[arg(long, default_value = "docs")]
        docs: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    let common = &cli.common;
    machine::raise_files()?;
    if common.precede && !machine::precede() {
        eprintln!("load: no precedence over others for this user");
    }
    if let Scenario::Report { results, docs } = &cli.scenario {
        return report::write(results, docs);
    }
    let programs = programs(common)?;
    if let Some(core) = programs.load_core {
        machine::pin(core)?;
    }
    if let Scenario::Bench { only, results, docs } = &cli.scenario {
        let servers = common.server.clone();
        let asked = Asked { servers, only: only.clone(), rounds: common.rounds, trace: common.trace.clone() };
        bench::run(&asked, &programs, results)?;
        return report::write(results, docs);
    }
    let plan = cli.scenario.plan(common);
    let trace = plan.wants_trace().then(|| Trace::new(common.trace.as_deref(), common.edits)).transpose()?;
    for _ in 0..common.rounds {
        for &kind in &common.server {
            let outcome = plan.run(kind, &programs, trace.as_ref())?;
            eprintln!("{}", outcome.line());
            println!("{}", serde_json::to_string(&outcome)?);
        }
    }
    Ok(())
}

impl Rooms {
    fn load(&self, warm_up: f64, seconds: f64) -> typing::Load {
        let &Self { rooms, members: writers, rate } = self;
        typing::Load { rooms, writers, readers: 0, rate, warm_up, seconds }
    }
}

impl Scenario {
    fn plan(&self, common: &Common) -> Plan {
        let &Common { seconds, warm_up, .. } = common;
        match *self {
            Self::Rooms(ref rooms) => Plan::Rooms(rooms.load(warm_up, seconds)),
            Self::Steps(ref rooms) => Plan::Steps(rooms.load(warm_up, seconds)),
            Self::Hot { writers, readers, rate } => {
                Plan::Hot(typing::Load { rooms: 1, writers, readers, rate, warm_up, seconds })
            }
            Self::Capacity { from, members: writers, rate, within: within_ms, exact } => {
                let load = typing::Load { rooms: from, writers, readers: 0, rate, warm_up, seconds };
                Plan::Capacity(capacity::Search { load, within_ms, from, exact })
            }
            Self::Cursors { cursors, echoing, rate } => {
                Plan::Cursors(cursors::Load { cursors, echoing, rate, warm_up, seconds })
            }
            Self::Join { sockets, documents, letters, at_once } => {
                Plan::Join(join::Load { sockets, documents, letters, at_once })
            }
            Self::Idle { ref sockets, ref documents } => {
                Plan::Idle(idle::Load { sockets: sockets.clone(), documents: documents.clone(), rest: idle::REST })
            }
            Self::Replay => Plan::Replay,
            Self::Cold => Plan::Cold(cold::Load::default()),
            Self::Bench { .. } | Self::Report { .. } => Plan::Replay,
        }
    }
}

fn programs(common: &Common) -> Result<Programs> {
    let here = std::env::current_exe().map_err(Error::io("the place of this program"))?;
    let beside = |name| here.with_file_name(name);
    let &Common { server_core, load_core, .. } = common;
    let cores = machine::cores();
    let both = cores.contains(&server_core) && cores.contains(&load_core);
    if !both {
        eprintln!("load: processors {server_core} and {load_core} are not both there, nothing is bound");
    }
    let named = common.tandem.clone().or_else(|| std::env::var_os("TANDEM_BIN").map(PathBuf::from));
    Ok(Programs {
        tandem: named.unwrap_or_else(|| beside("tandem")),
        floor: beside("floor"),
        peers: common.peers.clone(),
        postgres: common.postgres.clone(),
        y_sweet: beside("../peers/bin/y-sweet"),
        server_core: both.then_some(server_core),
        load_core: both.then_some(load_core),
    })
}
