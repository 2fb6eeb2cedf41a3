#!/bin/sh
# Fuzzes one target under libFuzzer, guided by coverage, on the stable toolchain. Needs a C++ compiler.
# usage: guided.sh TARGET [SECONDS]; findings and the grown corpus stay in artifacts/
set -eu
cd "$(dirname "$0")"
target=${1:?usage: guided.sh TARGET [SECONDS]}
host=$(rustc -vV | sed -n 's/^host: //p')
build=${CARGO_TARGET_DIR:-target}

# LLVM's own coverage instrumentation: what libFuzzer reads, and all of it is reached by stable flags. With --target
# they do not fall on build scripts.
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1" \
    cargo build --release --features libfuzzer --bin guided --target "$host"
cargo run --quiet --release --bin drive -- --target "$target" --export "artifacts/$target/seeds"

mkdir -p "artifacts/$target/corpus"
TANDEM_FUZZ_TARGET="$target" exec "$build/$host/release/guided" "artifacts/$target/corpus" "artifacts/$target/seeds" \
    -max_total_time="${2:-60}" -max_len=4096 -timeout=10 -artifact_prefix="artifacts/$target/" -print_final_stats=1
