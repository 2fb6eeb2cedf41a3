//! Prints what an appended row costs in processor time, by the size of its group.
//!
//! ```sh
//! cargo run --release -p tandem-store --example append_cost [FOLDER]
//! ```
//!
//! Rows of 40 bytes go to random documents out of 10, 50 and 1,000, into a log that already holds 200,000 rows. Processor
//! time is user and system time of the whole process, its syncs and worker threads included, as `/proc/self/stat` says.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use bytes::Bytes;
use tandem_model::DocumentName;
use tandem_model::log::{Append, Document, Log};
use tandem_store::{Options, Store, StoreLog};

/// Linux counts processor time in hundredths of a second.
const TICK_US: f64 = 10_000.0;

const PRELOADED: usize = 200_000;

/// Enough rows of each group size for half a second of processor time or more.
const PLANS: [(usize, usize); 4] = [(1, 4_000), (10, 20_000), (100, 100_000), (1_000, 300_000)];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    println!("documents  group  us cpu/row  us wall/row  commits/s");
    for documents in [10, 50, 1_000] {
        let path = folder.join(format!("append-cost-{}-{documents}.db", std::process::id()));
        let outcome = measure(&path.display().to_string(), documents).await;
        for end in ["", "-wal", "-shm", ".lock"] {
            // What was never made cannot be removed.
            let _ = fs::remove_file(format!("{}{end}", path.display()));
        }
        outcome?;
    }
    Ok(())
}

async fn measure(path: &str, count: usize) -> Result<(), Box<dyn Error>> {
    let store = Store::open(&format!("sqlite://{path}?mode=rwc"), &Options::default()).await?;
    let log = store.log();
    let mut documents = Vec::with_capacity(count);
    for number in 0..count {
        documents.push(log.create(&DocumentName::new(&format!("document {number}"))?).await?);
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    append(&log, &documents, &mut random, 5_000, PRELOADED).await?;
    for (group, rows) in PLANS {
        let (cpu, wall) = (cpu_us()?, Instant::now());
        append(&log, &documents, &mut random, group, rows).await?;
        let (cpu, wall) = (cpu_us()? - cpu, wall.elapsed().as_secs_f64());
        let rows = rows as f64;
        println!(
            "{count:9}  {group:5}  {:10.2}  {:11.2}  {:9.0}",
            cpu / rows,
            wall * 1e6 / rows,
            rows / group as f64 / wall
        );
    }
    store.close().await;
    Ok(())
}

async fn append(
    log: &StoreLog,
    documents: &[Document],
    random: &mut Random,
    group: usize,
    rows: usize,
) -> Result<(), Box<dyn Error>> {
    let payload = Bytes::from_static(&[7; 40]);
    for _ in 0..rows / group {
        let rows = (0..group)
            .map(|_| {
                let document = &documents[random.below(documents.len())];
                Append { document: document.id, epoch: document.epoch, payload: payload.clone() }
            })
            .collect();
        log.append(rows).await?;
    }
    Ok(())
}

fn cpu_us() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name, in brackets, may hold spaces; the twelfth and thirteenth field behind it are user and system time.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let mut ticks = 0.0;
    for at in [11, 12] {
        ticks += fields.get(at).ok_or("no processor time in /proc/self/stat")?.parse::<f64>()?;
    }
    Ok(ticks * TICK_US)
}

/// A small generator with a fixed seed, so that two runs write the same.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound
    }
}
