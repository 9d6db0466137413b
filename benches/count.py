#!/usr/bin/env python3
"""Counts the instructions of the core's micro-benchmarks under callgrind, and checks their bounds.

Each benchmark is run at two lengths, so that the difference excludes the cost of its preparation.
The counts differ by less than 2 % between runs, whatever else the machine does. Without valgrind
the script prints that it is skipped.
"""
import json, re, shutil, subprocess, sys

# name: (repetitions, most instructions of each)
BOUNDS = {
    "cycle": (2000, 6000),
    "client": (2000, 10000),
    "chunked": (200, None),
    "byte-by-byte": (2, None),
    "pool-1": (2000, None),
    "pool-1000": (2000, None),
    "pool-100000": (2000, None),
}


def instructions(binary, name, times):
    run = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", binary, name, str(times)]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def main():
    if not shutil.which("valgrind"):
        print("!! SKIPPED: no valgrind, so instructions are not counted", flush=True)
        return 0
    build = ["cargo", "bench", "--locked", "--bench", "core", "--no-run", "--message-format=json"]
    lines = subprocess.run(build, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    binary = next(m["executable"] for m in map(json.loads, lines)
                  if m.get("executable") and m["target"]["name"] == "core")
    per = {}
    for name, (times, most) in BOUNDS.items():
        per[name] = (instructions(binary, name, 2 * times) - instructions(binary, name, times)) // times
        print("%-14s %12d instructions%s" % (name, per[name], " (at most %d)" % most if most else ""))
    over = [name for name, (_, most) in BOUNDS.items() if most and per[name] > most]
    if per["pool-100000"] > 2 * per["pool-1"]:
        over.append("pool: more than twice as many with 100,000 idle connections as with 1")
    for name in over:
        print("above its bound: %s" % name, file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
