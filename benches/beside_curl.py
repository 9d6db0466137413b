#!/usr/bin/env python3
"""Runs the program and curl in turn: `--version`, and a GET of 100 bytes on loopback.

Prints the medians of the wall time with their ratio, the instructions of each process under
callgrind, and the size of the stripped program. Nothing is asserted: times differ by machine.

    python3 benches/beside_curl.py [ROUNDS]
"""
import os, re, shutil, socket, statistics, subprocess, sys, tempfile, threading, time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n" + b"x" * 100


def serve(listener):
    while True:
        peer, _ = listener.accept()
        with peer:
            got = more = peer.recv(4096)
            while more and b"\r\n\r\n" not in got:
                more = peer.recv(4096)
                got += more
            if more:
                peer.sendall(ANSWER)


def seconds(command, env):
    begin = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, env=env, check=True)
    return time.perf_counter() - begin


def instructions(command, env):
    if not shutil.which("valgrind"):
        return "not counted: no valgrind"
    run = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
    done = subprocess.run(run, capture_output=True, text=True, env=env)
    return "{:,}".format(int(re.search(r"Collected : (\d+)", done.stderr).group(1)))


def main():
    if not shutil.which("curl"):
        print("!! SKIPPED: no curl to compare with")
        return 0
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    build = ["cargo", "build", "--locked", "--release", "--quiet", "-p", "httpool-cli"]
    subprocess.run(build, check=True)
    program = os.path.join(os.environ.get("CARGO_TARGET_DIR", "target"), "release", "httpool")
    with tempfile.TemporaryDirectory() as folder:
        # Debug information is for profilers, and no program is shipped with it.
        stripped = os.path.join(folder, "httpool")
        subprocess.run(["strip", "-o", stripped, program], check=True)
        print("httpool: {:,} bytes, stripped".format(os.path.getsize(stripped)))
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        url = "http://127.0.0.1:%d/" % listener.getsockname()[1]
        # Neither program reads a file of options, a proxy or a language from this machine.
        env = {"PATH": os.environ["PATH"]}
        for name, args in [("--version", ["--version"]), ("a GET", ["-s", url])]:
            commands = [[stripped, *args], ["curl", "-q", *args]]
            times = [[], []]
            for _ in range(rounds):
                for at, command in enumerate(commands):
                    times[at].append(seconds(command, env))
            ours, theirs = map(statistics.median, times)
            print("%-9s  httpool %.2f ms, curl %.2f ms: %.2f of curl" %
                  (name, 1000 * ours, 1000 * theirs, ours / theirs))
            print("           instructions: httpool %s, curl %s" %
                  tuple(instructions(command, env) for command in commands))
    return 0


if __name__ == "__main__":
    sys.exit(main())
