//! What it costs to write frames to TCP sockets on loopback, whose other ends a thread reads: the kernel's work is in it.

use std::future::poll_fn;
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use tandem_wire::{Budget, Socket, SocketLimits};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::{edit, runtime};

/// Sockets, and who reads them.
struct Line {
    sockets: Vec<Socket<TcpStream>>,
    reader: JoinHandle<()>,
}

impl Line {
    fn open(runtime: &Runtime, sockets: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let reader = thread::spawn(move || read_away(address, sockets));
        let _inside = runtime.enter();
        let budget = Budget::new(1 << 28);
        let accept = |_| {
            let (stream, _) = listener.accept().unwrap();
            stream.set_nonblocking(true).unwrap();
            stream.set_nodelay(true).unwrap();
            let stream = TcpStream::from_std(stream).unwrap();
            Socket::new(stream, Bytes::new(), SocketLimits::authenticated(1 << 20, 1 << 26), budget.clone())
        };
        Self { sockets: (0..sockets).map(accept).collect(), reader }
    }

    /// How long it takes until each socket's stream took `frames` frames that were queued at once, `times` times.
    async fn write(&mut self, frame: &Bytes, frames: usize, times: u64) -> Duration {
        let began = Instant::now();
        for _ in 0..times {
            for socket in &mut self.sockets {
                (0..frames).for_each(|_| socket.push(frame.clone()));
                poll_fn(|context| socket.poll_drain(context)).await.unwrap();
            }
        }
        began.elapsed()
    }

    fn close(self) {
        drop(self.sockets);
        self.reader.join().unwrap();
    }
}

/// Connects and reads whatever comes, until all ends.
fn read_away(address: SocketAddr, sockets: usize) {
    runtime().block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..sockets {
            tasks.spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                let mut buffer = vec![0; 64 * 1024];
                while stream.read(&mut buffer).await.unwrap() > 0 {}
            });
        }
        tasks.join_all().await;
    });
}

pub fn write(criterion: &mut Criterion) {
    let runtime = runtime();
    let frame = edit();
    let mut group = criterion.benchmark_group("write");
    let all = [
        (1, 1, "1 frame to a socket"),
        (10, 1, "10 frames to a socket at once"),
        (100, 1, "100 frames to a socket at once"),
        (1, 10, "1 frame to each of 10 sockets"),
        (1, 100, "1 frame to each of 100 sockets"),
    ];
    for (frames, sockets, name) in all {
        let mut line = Line::open(&runtime, sockets);
        group.throughput(Throughput::Elements((frames * sockets) as u64));
        group.bench_function(name, |bench| {
            bench.iter_custom(|times| runtime.block_on(line.write(&frame, frames, times)));
        });
        line.close();
    }
    group.finish();
}
