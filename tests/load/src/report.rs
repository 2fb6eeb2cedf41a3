//! The page of figures: a table a scenario, and the plots.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::bench::{self, Kept, Runs};
use crate::error::{Error, Result};
use crate::marks::{self, Mark};
use crate::outcome::{Outcome, short};
use crate::plot;
use crate::servers::Kind;
use crate::steps;

/// A column of a table.
struct Column {
    figure: &'static str,
    title: &'static str,
}

/// How a scenario is shown.
struct Row {
    scenario: &'static str,
    title: &'static str,
    columns: &'static [Column],
    /// What Tandem is to reach, against the floor or by itself.
    goal: &'static str,
    /// Whether its latencies are plotted.
    latencies: bool,
    /// The second mark, where it is not reached everywhere.
    second: Option<Mark>,
}

const fn column(figure: &'static str, title: &'static str) -> Column {
    Column { figure, title }
}

/// In every table the first column is the one that is compared with the floor.
const ROWS: [Row; 8] = [
    Row {
        scenario: "rooms",
        title: "Rooms in which everybody types",
        columns: &[
            column("cpu_us", "CPU µs a delivery"),
            column("p50_ms", "p50 ms"),
            column("p99_ms", "p99 ms"),
            column("p99.9_ms", "p99.9 ms"),
            column("max_ms", "max ms"),
            column("acknowledged_p99_ms", "acknowledged p99 ms"),
            column("missing", "missing"),
        ],
        goal: "1.5 × floor, then 1.2; p99 25 ms",
        latencies: true,
        second: Some(marks::ROOMS),
    },
    Row {
        scenario: "capacity",
        title: "The most such rooms with p99 under 250 ms",
        columns: &[
            column("rooms", "rooms"),
            column("p99_ms", "p99 ms there"),
            column("server_percent", "server CPU %"),
        ],
        goal: "0.5 × floor, then 0.7",
        latencies: false,
        second: Some(marks::CAPACITY),
    },
    Row {
        scenario: "hot",
        title: "One room with many readers",
        columns: &[
            column("cpu_us", "CPU µs a delivery"),
            column("p50_ms", "p50 ms"),
            column("p99_ms", "p99 ms"),
            column("max_ms", "max ms"),
            column("deliveries_a_message", "deliveries a message"),
            column("missing", "missing"),
        ],
        goal: "1.2 × floor, then under it; p99 20 ms",
        latencies: true,
        second: None,
    },
    Row {
        scenario: "cursors",
        title: "Cursors",
        columns: &[
            column("cpu_us", "CPU µs a delivered state"),
            column("p50_ms", "p50 ms"),
            column("p99_ms", "p99 ms"),
            column("deliveries_a_message", "states a message"),
            column("missing", "missing"),
        ],
        goal: "0.5 × floor, then 0.2",
        latencies: true,
        second: None,
    },
    Row {
        scenario: "join",
        title: "Everybody comes at once",
        columns: &[
            column("joined_per_s", "joined a second"),
            column("p99_ms", "slowest 1 % ms"),
            column("cpu_us", "CPU µs a join"),
        ],
        goal: "0.4 × floor, then 0.6",
        latencies: false,
        second: Some(marks::JOIN),
    },
    Row {
        scenario: "idle",
        title: "Idle",
        columns: &[column("socket_kib", "KiB a socket"), column("document_kib", "KiB a document")],
        goal: "11 KiB a socket, then 9.4; 4 KiB a document",
        latencies: false,
        second: Some(marks::IDLE),
    },
    Row {
        scenario: "replay",
        title: "A long trace from one client",
        columns: &[column("cpu_us", "CPU µs an edit"), column("edits_per_s", "edits a second")],
        goal: "2 × floor, then 1.5",
        latencies: false,
        second: None,
    },
    Row {
        scenario: "cold",
        title: "The traced document to somebody new",
        columns: &[
            column("memory_ms", "from memory ms"),
            column("restart_ms", "after a restart ms"),
            column("held_kib", "KiB to hold it"),
            column("resident_kib", "KiB with files' pages"),
        ],
        goal: "1 ms; 5 ms; 1 MiB",
        latencies: false,
        second: None,
    },
];

const HEAD: &str = "# Benchmarks

Made by `make bench`, the last table by `make bench-parts`; nothing here is written by hand.
`make bench ONLY=rooms SERVERS=floor,tandem ROUNDS=3` narrows it.

Every server is started on an empty store and a processor of its own; the clients, `tests/load`, run on another and
speak the public protocols alone. All servers get the same load, in turn, round after round: the machine's drift meets
all of them. Shown are medians over the rounds; a ratio is the median of the rounds' ratios.

- *floor*: a relay of a hundred lines on tokio-tungstenite that sends every frame to the others. No document, no commit,
  no rights: what a socket server costs on this machine.
- *tandem*, *tandem-hocuspocus*: durable on SQLite with `synchronous=FULL`, over y-websocket's and Hocuspocus' protocol.
- *tandem-postgres*: over y-websocket's, durable on a PostgreSQL of its own, which shares the load's core and is not counted.
- *y-websocket*: `@y/websocket-server` 0.1.1 (0.1.5 wants a package that has pre-releases only), in memory. *hocuspocus*:
  `@hocuspocus/server` 4.7.0 with its SQLite extension, saved 2 to 10 s later. *y-sweet*: 0.9.1 on the file system, saved
  10 s later.

An update is delivered when its clock enters the reader's state vector, so merged frames count for all that they hold; a
presence state when the reader knows it or a newer one. Latencies run from the moment an edit was due, not from when it
could be sent. CPU is the server's processor time in the measured seconds (`/proc/PID/task/*/schedstat`). What a document
is held in is anonymous memory; the pages of files that a first reading brings, of the program and the database, are the
kernel's, and told beside it. An address may have as many sockets, and a session send as many frames, as the load
wants.
";

/// Writes the page and its plots into a folder.
///
/// # Errors
/// The figures cannot be read, or the page not be written.
pub fn write(results: &Path, docs: &Path) -> Result<()> {
    let kept = bench::read(results)?;
    let plots = docs.join("benchmarks");
    fs::create_dir_all(&plots).map_err(Error::io("the folder of the plots"))?;
    let save = |path: &Path, text: &str| fs::write(path, text).map_err(Error::io(path.display().to_string()));
    for (name, svg) in pictures(&kept) {
        save(&plots.join(name), &svg)?;
    }
    save(&docs.join("BENCHMARKS.md"), &(page(&kept) + &parts(&plots)?))
}

/// The section that `make bench-parts` wrote; nothing if it never did.
fn parts(plots: &Path) -> Result<String> {
    let path = plots.join("parts.md");
    if !path.exists() {
        return Ok(String::new());
    }
    Ok("\n".to_owned() + &fs::read_to_string(&path).map_err(Error::io("the section of the parts"))?)
}

fn page(kept: &Kept) -> String {
    let mut page = HEAD.to_owned();
    page += "\n| scenario | floor | best peer | Tandem | Tandem to the floor | to be reached |\n|---|---|---|---|---|---|\n";
    for row in &ROWS {
        let Some(runs) = kept.get(row.scenario) else { continue };
        let first = &row.columns[0];
        let of = |kind: Kind| median(runs, kind.name(), first.figure);
        let show = |value: Option<f64>| value.map_or("–".to_owned(), short);
        let ratio = ratio(runs, first.figure).map_or("–".to_owned(), |ratio| format!("**{ratio:.2}**"));
        // Writing to a string does not fail.
        let _ = writeln!(
            page,
            "| [{}](#{}), {} | {} | {} | {} | {ratio} | {} |",
            row.title,
            anchor(row.title),
            first.title,
            show(of(Kind::Floor)),
            best_peer(runs, first.figure),
            show(of(Kind::Tandem)),
            row.goal
        );
    }
    for row in &ROWS {
        if let Some(runs) = kept.get(row.scenario) {
            section(&mut page, row, runs);
        }
    }
    if let Some(runs) = kept.get("steps") {
        steps(&mut page, runs);
    }
    page
}

fn section(page: &mut String, row: &Row, runs: &Runs) {
    let load = runs.outcomes.first().map_or("", |outcome| outcome.load.as_str());
    let _ = writeln!(page, "\n## {}\n\n`make bench ONLY={}`: {load}.\n", row.title, row.scenario);
    let columns: Vec<_> = row.columns.iter().filter(|column| told(runs, column.figure)).collect();
    let titles: Vec<_> = columns.iter().map(|column| column.title).collect();
    let _ = writeln!(page, "| server | {} | rounds |\n|---|{}---|", titles.join(" | "), "---|".repeat(columns.len()));
    for (_, server) in servers(runs) {
        let cell = |column: &&Column| median(runs, &server, column.figure).map_or("–".to_owned(), short);
        let cells: Vec<_> = columns.iter().map(cell).collect();
        let rounds = runs.outcomes.iter().filter(|outcome| outcome.server == server).count();
        let _ = writeln!(page, "| {server} | {} | {rounds} |", cells.join(" | "));
    }
    for (server, why) in &runs.failed {
        let _ = writeln!(page, "\n{server} did not pass: {why}.");
    }
    if let Some(mark) = &row.second
        && let Some(missing) = missing(runs, row.columns[0].figure, mark)
    {
        let _ = writeln!(page, "\nThe second mark is {} % away. {}", short(100.0 * missing), mark.why);
    }
    let _ = writeln!(page, "\n![{}](benchmarks/{}.svg)", row.columns[0].title, row.scenario);
    if row.latencies {
        let _ = writeln!(page, "\n![latencies](benchmarks/{}-latency.svg)", row.scenario);
    }
    let _ =
        writeln!(page, "\nMeasured: {}. On: {}; load average before {}.", runs.tandem, runs.machine, short(runs.busy));
}

/// The table of steps: a row a step, a column a server.
fn steps(page: &mut String, runs: &Runs) {
    let load = runs.outcomes.first().map_or("", |outcome| outcome.load.as_str());
    let servers: Vec<_> = servers(runs).into_iter().map(|(_, server)| server).collect();
    if servers.is_empty() {
        return;
    }
    let _ = writeln!(
        page,
        "\n## Where the time goes\n\n`make bench ONLY=steps`: {load}, while perf samples the server. CPU µs a delivery, by step; the \
         kernel's work counts to the step that called it, and the way to a PostgreSQL to the sockets.\n\n| step | {} |\n|---|{}",
        servers.join(" | "),
        "---|".repeat(servers.len())
    );
    for step in steps::names().chain(["cpu_us"]) {
        let cell = |server: &String| median(runs, server, step).map_or("–".to_owned(), short);
        let cells: Vec<_> = servers.iter().map(cell).collect();
        if cells.iter().any(|cell| cell != "–") {
            let name = if step == "cpu_us" { "**all**" } else { step };
            let _ = writeln!(page, "| {name} | {} |", cells.join(" | "));
        }
    }
    for (server, why) in &runs.failed {
        let _ = writeln!(page, "\n{server} did not pass: {why}.");
    }
    let _ =
        writeln!(page, "\nMeasured: {}. On: {}; load average before {}.", runs.tandem, runs.machine, short(runs.busy));
}

fn pictures(kept: &Kept) -> BTreeMap<String, String> {
    let mut pictures = BTreeMap::new();
    for row in &ROWS {
        let Some(runs) = kept.get(row.scenario) else { continue };
        let first = &row.columns[0];
        let bars: Vec<_> = servers(runs)
            .into_iter()
            .filter_map(|(at, server)| median(runs, &server, first.figure).map(|value| (at, (server, value))))
            .collect();
        let title = format!("{}: {}", row.title, first.title);
        pictures.insert(format!("{}.svg", row.scenario), plot::bars(&title, &bars));
        if !row.latencies {
            continue;
        }
        let points = ["p50", "p95", "p99", "p99.9", "max"];
        let line = |(at, server): (usize, String)| {
            let values = points.iter().map(|point| median(runs, &server, &format!("{point}_ms")).unwrap_or(0.0));
            (at, server.clone(), values.collect())
        };
        let lines: Vec<_> = servers(runs).into_iter().map(line).collect();
        let title = format!("{}: latency by percentile", row.title);
        pictures.insert(format!("{}-latency.svg", row.scenario), plot::lines(&title, &points, &lines));
    }
    pictures
}

/// The servers that have a run, with the number that gives them their colour.
fn servers(runs: &Runs) -> Vec<(usize, String)> {
    let all = Kind::ALL.iter().map(|kind| kind.name().to_owned()).enumerate();
    all.filter(|(_, name)| runs.outcomes.iter().any(|outcome| outcome.server == *name)).collect()
}

fn told(runs: &Runs, figure: &str) -> bool {
    runs.outcomes.iter().any(|outcome| outcome.figures.contains_key(figure))
}

/// The figures of a server's runs, in their order.
fn figures<'a>(runs: &'a Runs, server: &'a str, figure: &'a str) -> impl Iterator<Item = f64> + 'a {
    let of = move |outcome: &&Outcome| outcome.server == server;
    runs.outcomes.iter().filter(of).filter_map(move |outcome| outcome.figures.get(figure).copied())
}

fn median(runs: &Runs, server: &str, figure: &str) -> Option<f64> {
    middle(figures(runs, server, figure).collect())
}

/// Tandem's to the floor's, round by round.
fn ratio(runs: &Runs, figure: &str) -> Option<f64> {
    let pairs = figures(runs, Kind::Tandem.name(), figure).zip(figures(runs, Kind::Floor.name(), figure));
    middle(pairs.filter(|(_, floor)| *floor > 0.0).map(|(tandem, floor)| tandem / floor).collect())
}

/// How much is missing to a mark, as a share of it; nothing if it is reached.
fn missing(runs: &Runs, figure: &str, mark: &Mark) -> Option<f64> {
    let reached = if mark.of_floor { ratio(runs, figure) } else { median(runs, Kind::Tandem.name(), figure) }?;
    let missing = if mark.at_least { mark.value - reached } else { reached - mark.value };
    (missing > 0.0).then(|| missing / mark.value)
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 {
        Some(values[half])
    } else {
        Some(f64::midpoint(*values.get(half.checked_sub(1)?)?, values[half]))
    }
}

fn best_peer(runs: &Runs, figure: &str) -> String {
    let more_is_better = figure == "rooms" || figure.ends_with("per_s");
    let peers = [Kind::YWebsocket, Kind::Hocuspocus, Kind::YSweet].map(Kind::name);
    let known = peers.iter().filter_map(|peer| Some((*peer, median(runs, peer, figure)?)));
    let best = known.min_by(|a, b| if more_is_better { b.1.total_cmp(&a.1) } else { a.1.total_cmp(&b.1) });
    best.map_or("–".to_owned(), |(peer, value)| format!("{} ({peer})", short(value)))
}

/// How a heading is linked to.
fn anchor(title: &str) -> String {
    let kept = title
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_alphanumeric() || " -".contains(*letter))
        .collect::<String>();
    kept.replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(of: &[(&str, f64)]) -> Runs {
        let outcomes = of.iter().map(|(server, value)| {
            let mut outcome = Outcome::new("rooms", server, "a load".to_owned());
            outcome.tell("cpu_us", *value);
            outcome
        });
        Runs {
            tandem: "abc".to_owned(),
            machine: "a machine".to_owned(),
            busy: 0.0,
            outcomes: outcomes.collect(),
            failed: BTreeMap::new(),
        }
    }

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_ratios() {
        let runs = runs(&[
            ("floor", 10.0),
            ("tandem", 20.0),
            ("floor", 20.0),
            ("tandem", 30.0),
            ("floor", 10.0),
            ("tandem", 90.0),
        ]);
        assert_eq!(ratio(&runs, "cpu_us"), Some(2.0));
        assert_eq!(median(&runs, "tandem", "cpu_us"), Some(30.0));
        assert_eq!(median(&runs, "y-sweet", "cpu_us"), None);
        assert_eq!(middle(vec![1.0, 2.0]), Some(1.5));
    }

    #[test]
    fn the_page_ends_with_the_section_of_the_parts_if_there_is_one() {
        let docs = tempfile::tempdir().expect("a folder");
        let written = || {
            write(&docs.path().join("results.json"), docs.path()).expect("the page");
            fs::read_to_string(docs.path().join("BENCHMARKS.md")).expect("the page")
        };
        let without = written();
        fs::write(docs.path().join("benchmarks/parts.md"), "## Parts\n").expect("a section");
        assert_eq!(written(), without + "\n## Parts\n");
    }

    #[test]
    fn the_table_of_steps_has_a_row_for_each_that_was_met() {
        let mut runs = runs(&[("floor", 30.0), ("tandem", 45.0)]);
        runs.outcomes[1].tell("room", 5.0);
        let page = page(&Kept::from([("steps".to_owned(), runs)]));
        assert!(page.contains("| step | floor | tandem |"), "{page}");
        assert!(page.contains("| room | – | 5.00 |") && page.contains("| **all** | 30.0 | 45.0 |"), "{page}");
        assert!(!page.contains("| session |"), "{page}");
    }

    #[test]
    fn the_page_names_what_was_measured_and_nothing_else() {
        let kept = Kept::from([("rooms".to_owned(), runs(&[("floor", 10.0), ("tandem", 15.0), ("y-sweet", 30.0)]))]);
        let page = page(&kept);
        assert!(page.contains("| 10.0 | 30.0 (y-sweet) | 15.0 | **1.50** |"), "{page}");
        assert!(
            page.contains("](#rooms-in-which-everybody-types)") && page.contains("## Rooms in which everybody types")
        );
        assert!(!page.contains("## Idle"));
        assert!(
            page.contains("\nThe second mark is 25.0 % away. Most of what is above the floor is the store's"),
            "{page}"
        );
        let reached = Kept::from([("rooms".to_owned(), runs(&[("floor", 10.0), ("tandem", 11.0)]))]);
        assert!(!super::page(&reached).contains("second mark"));
        assert_eq!(pictures(&kept).len(), 2);
    }
}
