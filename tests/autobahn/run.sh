#!/bin/sh
# Autobahn's WebSocket cases against Tandem's upgrade, reader and writer. Fails on any failed case.
#
# usage: tests/autobahn/run.sh [SERVER [ARGUMENT...]]
# Without SERVER it builds and runs echo.rs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
venv=$target/autobahn/venv

command -v python3 >/dev/null || { echo "python3 is missing: apt-get install python3 python3-venv" >&2; exit 1; }
if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
    echo "setting up $venv"
    rm -rf "$venv"
    python3 -m venv "$venv" || { echo "venv is missing: apt-get install python3-venv" >&2; exit 1; }
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/requirements.txt"
fi
if [ $# -eq 0 ]; then
    (cd "$root" && cargo build --quiet -p tandem --features failpoints --example echo)
    set -- "$target/debug/examples/echo"
fi
exec "$venv/bin/python" "$here/run.py" "$@"
