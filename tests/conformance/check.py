#!/usr/bin/env python3
"""Runs the open conformance cases over the conformance client, with each driver, whole and byte by byte.

  cargo build --release --example conformance-client
  python3 tests/conformance/check.py [CASES] [--client COMMAND] [--drivers NAMES] [--jobs N] [--tls N] [--seed N]

CASES is the folder that contains run.py: by default $HTTPOOL_CONFORMANCE, or ../shared/conformance beside
the repository. If it does not exist, the script prints that nothing was run.

expected.txt lists the cases that do not pass. The check fails if a case outside the list fails, or if a
case in the list passes, is unknown, or was not run. It also fails if a driver gives another result than the
first driver, even if only an error message differs. Cases that need a missing capability are counted.

--tls N (default 100) runs N of the cases again over TLS, through a relay that ends it in front of the server,
and compares the results with those without TLS. --seed chooses the cases. The relay announces the end of the
server's output with a close_notify, and in another run with the end of TCP alone. That is a cut connection
(class reset) for a response that only the end delimits, or that is incomplete; any other is the same.
"""
import argparse
import base64
import json
import os
import random
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
# Cases whose result over TLS is another one, with the reason.
OTHER_OVER_TLS = {}
# The end of a connection, as error messages call it, with a close_notify and without.
CUT = ("the peer closed the connection", "the peer reset the connection")
# A name that the cases over TLS have in place of 127.0.0.1, so that the client can look up the relay.
NAME = "conformance.test"
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
    if args.tls:
        wrong += over_tls(args, caps)
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
    parser.add_argument("--tls", type=int, default=100, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def read_expected():
    """Returns the reason of each expected failure, by the id of the case."""
    lines = (HERE / "expected.txt").read_text().splitlines()
    return dict(line.split("\t", 1) for line in lines if line and not line.startswith("#"))


def files(args):
    files = sorted(str(file) for file in (args.cases / "open").glob("*.jsonl"))
    if not files:
        sys.exit(f"there are no cases in {args.cases / 'open'}")
    return files


def run(args, driver, caps, split):
    """Returns a result for each case, also for skipped ones."""
    return run_files(args, files(args), f"{args.client} --driver {driver}", caps, split)


def run_files(args, files, client, caps, split=0):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "results.jsonl"
        command = [sys.executable, "-B", str(args.cases / "run.py"), "--client", client, *files]
        options = ["--caps", caps, "--jobs", str(args.jobs), "--split", str(split), "--out", str(out)]
        done = subprocess.run(command + options, stdout=subprocess.DEVNULL)
        # 1 means that a case failed, which is checked here.
        if done.returncode not in (0, 1) or not out.is_file():
            sys.exit(f"run.py ended with {done.returncode}")
        return [json.loads(line) for line in out.read_text().splitlines()]


def over_tls(args, caps):
    """Runs a sample of the cases without TLS and with it, and compares the results."""
    cases = [json.loads(line) for file in files(args) for line in Path(file).read_text().splitlines()]
    cases = [named(case) for case in cases if fits_tls(case, caps.split(","))]
    cases = random.Random(args.seed).sample(cases, min(args.tls, len(cases)))
    by_end = {case["id"] for case in cases if is_by_end(case)}
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder) / "sample.jsonl"
        sample.write_text("".join(json.dumps(case) + "\n" for case in cases))
        for driver in args.drivers.split(","):
            client = f"{args.client} --driver {driver}"
            ways = ["", " --tls notice", " --tls bare"]
            plain, notice, bare = (
                {result["id"]: result for result in run_files(args, [str(sample)], client + way, caps)} for way in ways
            )
            print(f"{driver}, over TLS: {len(notice)} cases of seed {args.seed}")
            lost = [id for id, result in bare.items() if "reset" in errors(result)]
            cut = {id for id in lost if id in by_end or "incomplete" in errors(plain[id])}
            print(f"{driver}, over TLS: {len(cut)} responses are cut without a close_notify")
            bare = {id: result for id, result in bare.items() if id not in cut}
            yield from (f"{driver}, over TLS: {why}" for why in differences(of(notice, plain), notice))
            yield from (
                f"{driver}, over TLS without close_notify: {why}" for why in differences(of(bare, plain), bare, CUT)
            )


def of(ran, plain):
    """Returns the results without TLS of the cases that were run."""
    return {id: plain[id] for id in ran if id not in OTHER_OVER_TLS}


def sent(step):
    pieces = (piece if isinstance(piece, str) else piece["b64"] for piece in step.get("send_b64", []))
    return b"".join(map(base64.b64decode, pieces))


def is_by_end(case):
    """Whether a response of a case has no other end than that of its connection."""
    ends = [sent(step) for step in case["server"] if step.get("then") == "close"]
    return any(not re.search(rb"(?im)^(content-length|transfer-encoding)\s*:", response) for response in ends)


def errors(result):
    return [said.get("error") for said in result["got"]]


def fits_tls(case, caps):
    """Whether a case can be run over TLS as it is: the server sends no URL, and the client connects to it alone."""
    if not set(case.get("needs", [])) <= set(caps):
        return False
    down = b"".join(map(sent, case["server"]))
    asked = [case["request"], *(following["request"] for following in case.get("next", []))]
    to = [request.get("options", {}).get("http_proxy", request["url"]) for request in asked]
    is_its_own = all(re.fullmatch("http://127.0.0.1:~POR[T2][!-~]*", url) for url in to)
    return is_its_own and not re.search(b"127.0.0.1|https?:", down)


def named(case):
    """Returns a case with NAME in place of 127.0.0.1."""
    case = json.loads(json.dumps(case).replace("127.0.0.1", NAME))
    for request in [case["request"], *(following["request"] for following in case.get("next", []))]:
        resolve = {f"{NAME}:{port}": "127.0.0.1" for port in ["~PORT", "~POR2"]}
        request.setdefault("options", {})["resolve"] = resolve
    return case


def compare(ran, expected):
    for id, result in ran.items():
        if result["pass"] and id in expected:
            yield f"{id} passes: take it out of expected.txt"
        if not result["pass"] and id not in expected:
            yield f"{id} ({result['topic']}, {result['level']}) fails: {result['why']}"
    for id in expected:
        if id not in ran:
            yield f"{id} was not run: take it out of expected.txt"


def differences(first, ran, alias=("", "")):
    """Compares the verdicts, the client's results and the server's input. Ports differ from run to run.

    In error messages both texts of `alias` are equal."""
    for id in sorted(set(first) - set(EITHER)):
        one, other = (comparable(results[id]).replace(*alias) for results in [first, ran])
        if one != other:
            yield f"{id} differs: {other} instead of {one}"


def comparable(result):
    got = [{"error": said["error"]} if said.get("error") in CLOCKED else said for said in result["got"]]
    kept = {"got": got, **{key: result[key] for key in ["pass", "lines", "connections"]}}
    text = json.dumps(kept, sort_keys=True).replace("https://", "http://")
    return re.sub(r":[0-9]{4,5}\b", ":PORT", text)


if __name__ == "__main__":
    sys.exit(main())
