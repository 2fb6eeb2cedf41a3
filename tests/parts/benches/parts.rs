//! What each step of an edit's path costs by itself: read a frame, read its message, decode and admit its update, hop to
//! an actor, merge what waits, append it. `make bench-parts` runs it.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

use std::future::poll_fn;
use std::hint::black_box;
use std::io::Cursor;
use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tandem_load::frame;
use tandem_load::protocol::sync;
use tandem_load::scenarios::Trace;
use tandem_model::DocumentName;
use tandem_model::log::{Append, Log as _};
use tandem_protocol::{awareness, hocuspocus, ysync};
use tandem_store::{Options, Store};
use tandem_wire::{Budget, Socket, SocketLimits};
use tandem_yjs::{Collect, Index, IndexLimits, StateVector, Update, Verdict, merge};
use tokio::runtime::{Builder, Runtime};

/// Edits of the document that the index holds.
const EDITS: usize = 50_000;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// The updates of a made trace, an edit each.
fn updates(count: usize) -> Vec<Vec<u8>> {
    let trace = Trace::new(None, count).unwrap();
    let update = |at| {
        let mut update = Vec::new();
        trace.update(at..at + 1, &mut update);
        update
    };
    (0..count).map(update).collect()
}

fn index(updates: &[Vec<u8>]) -> Index {
    let mut index = Index::new(Collect::Collected, IndexLimits::NONE);
    for update in updates {
        admit(&mut index, update);
    }
    index
}

fn admit(index: &mut Index, update: &[u8]) {
    black_box(index.admit(&Update::decode(update).unwrap(), &mut |_| Verdict::Take));
}

fn yjs(criterion: &mut Criterion) {
    let updates = updates(EDITS);
    let mut group = criterion.benchmark_group("yjs");
    let mut next = updates.iter().cycle();
    group.bench_function("decode an edit", |bench| {
        bench.iter(|| Update::decode(black_box(next.next().unwrap())).is_ok())
    });
    group.throughput(Throughput::Elements(1_000));
    let (held, new) = updates.split_at(EDITS - 1_000);
    group.bench_function("decode and admit 1,000 edits into a long document", |bench| {
        bench.iter_batched_ref(
            || index(held),
            |index| new.iter().for_each(|update| admit(index, update)),
            BatchSize::PerIteration,
        );
    });
    group.throughput(Throughput::Elements(1));
    let whole = index(&updates);
    group.bench_function("encode a long document", |bench| bench.iter(|| whole.encode().len()));
    let now = whole.state_vector().clone();
    group.bench_function("the difference to somebody who has it all", |bench| {
        bench.iter(|| whole.difference(&now).len())
    });
    group.bench_function("the difference to somebody who has nothing", |bench| {
        bench.iter(|| whole.difference(&StateVector::default()).len());
    });
    for count in [2, 10, 100, 1_000] {
        let some: Vec<&[u8]> = updates[..count].iter().map(Vec::as_slice).collect();
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("merge {count} edits"), |bench| bench.iter(|| merge(&some).unwrap().len()));
    }
    group.finish();
}

fn protocol(criterion: &mut Criterion) {
    let update = &updates(10)[9];
    let mut message = sync(2, update.len());
    message.extend_from_slice(update);
    let mut named = b"\x08document".to_vec();
    named.extend_from_slice(&message);
    let mut group = criterion.benchmark_group("protocol");
    group.bench_function("read a y-websocket message", |bench| {
        bench.iter(|| ysync::decode(black_box(&message)).is_ok())
    });
    group.bench_function("read a hocuspocus message", |bench| {
        bench.iter(|| hocuspocus::decode(hocuspocus::Direction::FromClient, black_box(&named)).is_ok());
    });
    let mut states = vec![60];
    for client in 0..60_u8 {
        let json = r##"{"user":{"name":"Somebody","color":"#30bced"},"cursor":{"anchor":1234,"head":1234}}"##;
        states.extend([client, 7, u8::try_from(json.len()).unwrap()]);
        states.extend_from_slice(json.as_bytes());
    }
    group.throughput(Throughput::Elements(60));
    group.bench_function("walk the presence of 60", |bench| {
        bench.iter(|| awareness::entries(black_box(&states), 1_000).unwrap().filter(Result::is_ok).count());
    });
    group.finish();
}

fn wire(criterion: &mut Criterion) {
    const FRAMES: usize = 1_000;
    let mut bytes = Vec::new();
    for number in 0..FRAMES {
        frame::write(&mut bytes, frame::BINARY, &[&[7; 40]], u32::try_from(number).unwrap());
    }
    let runtime = runtime();
    let budget = Budget::new(1 << 28);
    let mut group = criterion.benchmark_group("wire");
    group.throughput(Throughput::Elements(FRAMES as u64));
    group.bench_function("read 1,000 frames of 40 bytes", |bench| {
        bench.iter_batched(
            || {
                Socket::new(
                    Cursor::new(bytes.clone()),
                    Bytes::new(),
                    SocketLimits::authenticated(1 << 20, 1 << 26),
                    budget.clone(),
                )
            },
            |mut socket| {
                runtime.block_on(async {
                    for _ in 0..FRAMES {
                        black_box(
                            poll_fn(|context| Pin::new(&mut socket).poll_message(context)).await.unwrap().unwrap(),
                        );
                    }
                });
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// An actor that counts what it is sent.
struct Counter;

enum Ask {
    Count,
    Tell(RpcReplyPort<u64>),
}

impl Actor for Counter {
    type Msg = Ask;
    type State = u64;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Ask>, (): ()) -> Result<u64, ActorProcessingErr> {
        Ok(0)
    }

    async fn handle(&self, _: ActorRef<Ask>, ask: Ask, count: &mut u64) -> Result<(), ActorProcessingErr> {
        match ask {
            Ask::Count => *count += 1,
            Ask::Tell(reply) => reply.send(*count)?,
        }
        Ok(())
    }
}

fn actor(criterion: &mut Criterion) {
    const MESSAGES: usize = 1_000;
    let runtime = runtime();
    let (counter, _) = runtime.block_on(Actor::spawn(None, Counter, ())).unwrap();
    let mut group = criterion.benchmark_group("actor");
    group.bench_function("ask and be answered", |bench| {
        bench.iter(|| runtime.block_on(async { ractor::call!(counter, Ask::Tell).unwrap() }));
    });
    group.throughput(Throughput::Elements(MESSAGES as u64));
    group.bench_function("1,000 messages, sent and handled", |bench| {
        bench.iter(|| {
            runtime.block_on(async {
                (0..MESSAGES).for_each(|_| counter.cast(Ask::Count).unwrap());
                ractor::call!(counter, Ask::Tell).unwrap()
            })
        });
    });
    group.finish();
    counter.stop(None);
}

fn store(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("parts.db").display());
    let store = runtime.block_on(Store::open(&url, &Options::default())).unwrap();
    let log = store.log();
    let documents: Vec<_> = (0..1_000)
        .map(|number| runtime.block_on(log.create(&DocumentName::new(&format!("document {number}")).unwrap())).unwrap())
        .collect();
    let mut group = criterion.benchmark_group("store");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    for rows in [1, 10, 100, 1_000] {
        group.throughput(Throughput::Elements(rows));
        group.bench_function(format!("append {rows} rows in one commit, synced to the disk"), |bench| {
            bench.iter_custom(|times| {
                let mut took = Duration::ZERO;
                for _ in 0..times {
                    let rows = documents.iter().cycle().take(usize::try_from(rows).unwrap());
                    let append = |document: &tandem_model::log::Document| Append {
                        document: document.id,
                        epoch: document.epoch,
                        payload: Bytes::from_static(&[7; 40]),
                    };
                    let rows = rows.map(append).collect();
                    let began = Instant::now();
                    runtime.block_on(log.append(rows)).unwrap();
                    took += began.elapsed();
                }
                took
            });
        });
    }
    group.finish();
    runtime.block_on(store.close());
}

criterion_group!(parts, protocol, wire, yjs, actor, store);
criterion_main!(parts);
