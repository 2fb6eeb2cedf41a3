//! What each step of an edit's path costs by itself: read a frame, read its message, decode and admit its update, merge
//! what waits, hop to an actor, commit it, wake those who read it, write it to them. `make bench-parts` runs it; with
//! `TANDEM_BLESS=1` `docs/BENCHMARKS.md` tells the figures too.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

mod commit;
mod wake;
mod write;

// The room's ring and the bells of its readers. Nobody outside the actors may hold them, so they are compiled here once
// more, from the same files and under the same names; what else those hold, their tests too, is not used.
#[path = "../../../../actors/src/counted.rs"]
#[allow(unused)]
mod counted;
#[path = "../../../../actors/src/dialect.rs"]
#[allow(unused)]
mod dialect;
#[path = "../../../../actors/src/room"]
#[allow(unused)]
mod room {
    pub mod outbox;
}
#[path = "../../../../actors/src/session"]
#[allow(unused)]
mod session {
    pub mod wake;
}

use std::future::poll_fn;
use std::hint::black_box;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tandem_load::frame;
use tandem_load::protocol::sync;
use tandem_load::scenarios::Trace;
use tandem_parts::Run;
use tandem_protocol::{awareness, hocuspocus, ysync};
use tandem_wire::{Budget, Socket, SocketLimits};
use tandem_yjs::{Collect, Index, IndexLimits, StateVector, Update, Verdict, merge};
use tokio::runtime::{Builder, Runtime};

use self::dialect::{Dialect, Saying};

/// Edits of the document that the index holds.
const EDITS: usize = 50_000;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A frame as a letter that somebody typed comes to its readers.
fn edit() -> Bytes {
    Dialect::YSync.frame(Saying::Update(&[7; 40])).unwrap()
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

/// Where criterion keeps its figures: in cargo's folder, as it does by itself.
fn figures() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("criterion")
}

criterion_group! {
    name = parts;
    config = Criterion::default().output_directory(&figures());
    targets = wire, protocol, yjs, actor, commit::commit, wake::wake, write::write
}

fn main() {
    let run = Run::begin();
    parts();
    if std::env::var_os("TANDEM_BLESS").is_some() {
        let docs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"));
        run.keep(&figures(), docs).unwrap_or_else(|error| panic!("the figures are not kept: {error}"));
    }
}
