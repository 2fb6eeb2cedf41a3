//! What a commit costs, on each database: rows of many documents, appended at once and synced to the disk.

use std::any::Any;
use std::cell::OnceCell;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use tandem_load::postgres::Postgres;
use tandem_model::DocumentName;
use tandem_model::log::{Append, Document, Log as _};
use tandem_store::{Options, Store};
use tokio::runtime::{Builder, Runtime};

/// The script that starts a PostgreSQL.
const POSTGRES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../postgres/server");

/// Rows of one commit, of as many documents.
const ROWS: [(usize, &str); 4] = [(1, "1 row"), (10, "10 rows"), (100, "100 rows"), (1_000, "1,000 rows")];

/// A database with documents in it.
struct Place {
    store: Store,
    documents: Vec<Document>,
    /// What it stands in, which goes with it.
    _home: Box<dyn Any>,
}

impl Place {
    fn sqlite(runtime: &Runtime) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("parts.db").display());
        Self::open(runtime, &url, Box::new(folder))
    }

    fn postgres(runtime: &Runtime) -> Self {
        let server = Postgres::start(Path::new(POSTGRES)).unwrap_or_else(|error| panic!("{error}"));
        let url = server.url.clone();
        Self::open(runtime, &url, Box::new(server))
    }

    fn open(runtime: &Runtime, url: &str, home: Box<dyn Any>) -> Self {
        let store = runtime.block_on(Store::open(url, &Options::default())).unwrap_or_else(|error| panic!("{error}"));
        let log = store.log();
        let create = |number| {
            let name = DocumentName::new(&format!("document {number}")).unwrap();
            runtime.block_on(log.create(&name)).unwrap()
        };
        let documents = (0..ROWS[ROWS.len() - 1].0).map(create).collect();
        Self { store, documents, _home: home }
    }

    /// How long it takes to append `rows` rows in one commit, `times` times.
    async fn append(&self, rows: usize, times: u64) -> Duration {
        let log = self.store.log();
        let row = |document: &Document| Append {
            document: document.id,
            epoch: document.epoch,
            payload: Bytes::from_static(&[7; 40]),
        };
        let mut took = Duration::ZERO;
        for _ in 0..times {
            let rows = self.documents.iter().take(rows).map(row).collect();
            let began = Instant::now();
            log.append(rows).await.unwrap();
            took += began.elapsed();
        }
        took
    }
}

pub fn commit(criterion: &mut Criterion) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut group = criterion.benchmark_group("commit");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    for (name, start) in [("SQLite", Place::sqlite as fn(&Runtime) -> Place), ("PostgreSQL", Place::postgres)] {
        // Not before it is measured: a run may be of other parts alone.
        let place = OnceCell::new();
        for (rows, named) in ROWS {
            group.throughput(Throughput::Elements(rows as u64));
            group.bench_function(format!("{named} at once on {name}"), |bench| {
                let place = place.get_or_init(|| start(&runtime));
                bench.iter_custom(|times| runtime.block_on(place.append(rows, times)));
            });
        }
        if let Some(place) = place.into_inner() {
            runtime.block_on(place.store.close());
        }
    }
    group.finish();
}
