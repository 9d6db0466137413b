#!/usr/bin/env python3
"""Runs the open conformance cases over the conformance client, with each driver, whole and byte by byte.

  cargo build --release --example conformance-client
  python3 tests/conformance/check.py [CASES] [--client COMMAND] [--drivers NAMES] [--jobs N]

CASES is the folder that contains run.py: by default $HTTPOOL_CONFORMANCE, or ../shared/conformance beside
the repository. If it does not exist, the script prints that nothing was run.

expected.txt lists the cases that do not pass. The check fails if a case outside the list fails, or if a
case in the list passes, is unknown, or was not run. It also fails if a driver gives another result than the
first driver, even if only an error message differs. Cases that need a missing capability are counted.
"""
import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

# Cases whose result depends on when bytes arrive. Both results pass.
EITHER = {
    "connect-extra-bytes": "bytes of a proxy after its answer arrive before the request is sent, or after",
}
# Classes of errors whose messages depend on timing: how far the call had got when a deadline passed, or
# when a reset discarded unread input. Only the class is compared.
CLOCKED = ["timeout", "reset"]
HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def main():
    args = arguments()
    if not (args.cases / "run.py").is_file():
        print(f"NOT RUN: the conformance cases are not in {args.cases}", file=sys.stderr)
        return 0
    client = shlex.split(args.client)
    try:
        caps = subprocess.run([*client, "--caps"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"the client does not run: {error}")
    expected = read_expected()
    wrong = []
    for how, split in [("whole", 0), ("byte by byte", 1)]:
        first = None
        for driver in args.drivers.split(","):
            results = run(args, driver, caps, split)
            ran = {result["id"]: result for result in results if "pass" in result}
            passed = sum(result["pass"] for result in ran.values())
            print(f"{driver}, {how}: {passed} of {len(ran)} passed, {len(results) - len(ran)} need more than {caps}")
            if not ran:
                wrong.append(f"{driver}, {how}: no case was run")
            wrong += [f"{driver}, {how}: {complaint}" for complaint in compare(ran, expected)]
            first = first or ran
            wrong += [f"{driver}, {how}: {complaint}" for complaint in differences(first, ran)]
    for complaint in wrong:
        print(complaint, file=sys.stderr)
    return 1 if wrong else 0


def arguments():
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    client = target / "release" / "examples" / "conformance-client"
    cases = os.environ.get("HTTPOOL_CONFORMANCE", ROOT.parent / "shared" / "conformance")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="?", type=Path, default=Path(cases))
    parser.add_argument("--client", default=shlex.quote(str(client)))
    parser.add_argument("--drivers", default="blocking,mio")
    parser.add_argument("--jobs", type=int, default=6)
    return parser.parse_args()


def read_expected():
    """Returns the reason of each expected failure, by the id of the case."""
    lines = (HERE / "expected.txt").read_text().splitlines()
    return dict(line.split("\t", 1) for line in lines if line and not line.startswith("#"))


def run(args, driver, caps, split):
    """Returns a result for each case, also for skipped ones."""
    files = sorted(str(file) for file in (args.cases / "open").glob("*.jsonl"))
    if not files:
        sys.exit(f"there are no cases in {args.cases / 'open'}")
    client = f"{args.client} --driver {driver}"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "results.jsonl"
        command = [sys.executable, "-B", str(args.cases / "run.py"), "--client", client, *files]
        options = ["--caps", caps, "--jobs", str(args.jobs), "--split", str(split), "--out", str(out)]
        done = subprocess.run(command + options, stdout=subprocess.DEVNULL)
        # 1 means that a case failed, which is checked here.
        if done.returncode not in (0, 1) or not out.is_file():
            sys.exit(f"run.py ended with {done.returncode}")
        return [json.loads(line) for line in out.read_text().splitlines()]


def compare(ran, expected):
    for id, result in ran.items():
        if result["pass"] and id in expected:
            yield f"{id} passes: take it out of expected.txt"
        if not result["pass"] and id not in expected:
            yield f"{id} ({result['topic']}, {result['level']}) fails: {result['why']}"
    for id in expected:
        if id not in ran:
            yield f"{id} was not run: take it out of expected.txt"


def differences(first, ran):
    """Compares the verdicts, the client's results and the server's input. Ports differ from run to run."""
    for id in sorted(set(first) - set(EITHER)):
        one, other = comparable(first[id]), comparable(ran[id])
        if one != other:
            yield f"{id} differs: {other} instead of {one}"


def comparable(result):
    got = [{"error": said["error"]} if said.get("error") in CLOCKED else said for said in result["got"]]
    kept = {"got": got, **{key: result[key] for key in ["pass", "lines", "connections"]}}
    return re.sub(r":[0-9]{4,5}\b", ":PORT", json.dumps(kept, sort_keys=True))


if __name__ == "__main__":
    sys.exit(main())
