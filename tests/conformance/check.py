#!/usr/bin/env python3
"""Runs the open conformance cases, whole and byte by byte, and compares with expected.txt beside
this file: a case outside that list that fails, or one inside it that passes, is an error.

  check.py [FOLDER]     FOLDER, or $HTTPOOL_CONFORMANCE, or ../shared/conformance, has run.py and open/

Skips loudly where there is no such folder. The client is target/release/examples/conformance-client.
"""
import glob, json, os, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CLIENT = os.path.join(ROOT, "target", "release", "examples", "conformance-client")


def expected():
    with open(os.path.join(HERE, "expected.txt")) as lines:
        rows = [line.rstrip("\n").split("\t", 1) for line in lines if line.strip() and line[0] != "#"]
    return {case: reason for case, reason in rows}


def run(folder, caps, extra):
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as out:
        cases = sorted(glob.glob(os.path.join(folder, "open", "*.jsonl")))
        subprocess.run([sys.executable, os.path.join(folder, "run.py"), "--client", CLIENT + " --driver blocking",
                        "--caps", caps, "--jobs", "6", "--out", out.name, *extra, *cases],
                       stdout=subprocess.DEVNULL, check=False)
        return [json.loads(line) for line in out]


def main():
    places = [sys.argv[1] if len(sys.argv) > 1 else None, os.environ.get("HTTPOOL_CONFORMANCE"),
              os.path.join(ROOT, "..", "shared", "conformance")]
    folder = next((p for p in places if p and os.path.exists(os.path.join(p, "run.py"))), None)
    if folder is None:
        print("!! SKIPPED: the conformance cases are not here", flush=True)
        return 0
    caps = subprocess.run([CLIENT, "--caps"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    listed, wrong = expected(), 0
    for name, extra in [("whole", []), ("byte by byte", ["--split", "1"])]:
        results = run(folder, caps, extra)
        ran = [r for r in results if "pass" in r]
        if not ran:
            print("no case ran", file=sys.stderr)
            return 1
        for r in ran:
            if r["pass"] == (r["id"] in listed):
                wrong += 1
                what = "passes, and is listed as failing" if r["pass"] else "fails: %s" % r["why"]
                print("%s (%s, %s): %s" % (r["id"], r["level"], name, what), file=sys.stderr)
        passed = sum(r["pass"] for r in ran)
        print("conformance, %s: %d of %d pass, %d not run for want of a capability"
              % (name, passed, len(ran), len(results) - len(ran)), flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
