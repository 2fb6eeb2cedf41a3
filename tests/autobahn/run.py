#!/usr/bin/env python3
"""Runs Autobahn's WebSocket cases against an echo server, judged strictly.

usage: run.py SERVER [ARGUMENT...]

SERVER is started with `--limits raised` for all cases but compression, and with `--limits shipped` for framing,
pings, fragments, UTF-8 and closing. It prints `listening on URL` and echoes every message.
A server that breaks the rules is run first: if the cases do not notice, neither would they notice ours.
"""
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
SECONDS_MAX = 900
FRAMING = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]
LIMITS = ["9.*"]
# How many cases there are, so that none can go missing.
FRAMING_CASES = 247
ALL_CASES = 301
# A few rules, because each broken one costs a second: reserved bits, UTF-8, close codes.
CONTROL = ["3.*", "6.3.*", "7.9.*"]
# What the rule breaker fails of them at least.
CONTROL_FAILURES_MIN = 15

GOOD = {"OK", "NON-STRICT", "INFORMATIONAL"}


def start(command):
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = server.stdout.readline()
    found = re.match(r"listening on (\S+)", line)
    if not found:
        server.kill()
        sys.exit(f"{command[0]} does not listen, it said {line!r}")
    return server, found.group(1)


def run_cases(command, cases):
    """Gives the report of each case, by its number."""
    server, url = start(command)
    try:
        with tempfile.TemporaryDirectory() as out:
            kosoku = [str(pathlib.Path(sys.executable).parent / "kosoku"), url, "-o", out]
            for glob in cases:
                kosoku += ["-i", glob]
            done = subprocess.run(kosoku, capture_output=True, text=True, timeout=SECONDS_MAX)
            index = pathlib.Path(out) / "index.json"
            # Its exit code says that some case failed; which, the index says.
            if not index.exists():
                sys.exit(f"kosoku wrote no report:\n{done.stderr}")
            index = json.loads(index.read_text())
        if server.poll() is not None:
            sys.exit(f"the server ended by itself with {server.returncode}")
    finally:
        server.kill()
        server.wait()
    return {number: case for agent in index.values() for number, case in agent.items()}


def failures(report):
    return {
        number: f"{case['behavior']}, close {case['behaviorClose']}"
        for number, case in report.items()
        if case["behavior"] not in GOOD or case["behaviorClose"] not in GOOD
    }


def judge(name, report, count):
    """Prints what came out, and gives whether it is good."""
    bad = failures(report)
    kinds = collections.Counter(case["behavior"] for case in report.values())
    print(f"{name}: {len(report) - len(bad)} of {len(report)} passed:", ", ".join(f"{n} {k}" for k, n in kinds.items()))
    for behavior in ("NON-STRICT", "INFORMATIONAL"):
        print(f"  {behavior}:", " ".join(n for n, case in sorted(report.items()) if case["behavior"] == behavior) or "-")
    for number, why in sorted(bad.items()):
        print(f"  FAILED {number}: {why}")
    if len(report) != count:
        print(f"  FAILED: {len(report)} cases were run, {count} are expected")
    return not bad and len(report) == count


def main():
    server = sys.argv[1:]
    if not server:
        sys.exit(__doc__)
    control = failures(run_cases([sys.executable, str(HERE / "broken_server.py")], CONTROL))
    print(f"control: the rule breaker fails {len(control)} cases")
    good = len(control) >= CONTROL_FAILURES_MIN
    good &= judge("raised limits", run_cases([*server, "--limits", "raised"], FRAMING + LIMITS), ALL_CASES)
    good &= judge("shipped limits", run_cases([*server, "--limits", "shipped"], FRAMING), FRAMING_CASES)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
