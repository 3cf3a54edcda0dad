"""How many calls a core carries: `ringline-bench calls` against a server that is pinned to one core, with more and more calls.

    density.py [--out DIR] [--bin SERVER] [--calls 10,25,50,…] [--hold S] [--only density,idle,loud,barge-in,syscalls]

Writes DIR/density.json (default target/bench), with what was measured before and is not measured again left in it. Wants two cores:
the server has one, the callers the other. With fewer it says so and measures nothing.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN, BENCH = ROOT / "target/release/ringline", ROOT / "target/release/ringline-bench"
SPEECH = sorted(Path("/usr/share/pocketsphinx/test/data/librivox").glob("*.wav"))
#: The bar: 95th percentile of added latency in ms, and no frame later than 20 ms.
ADDED = 20.0
STEPS = [10, 25, 50, 75, 100, 125, 150, 175, 200, 225, 250]
#: Stops after so many steps in a row above the bar.
ABOVE = 2
#: Calls begun a second in the ramp.
RAMP = 10
CONFIG = "[media]\nmax_calls = 2000\n"


class Server:
    """A server with scripted models, pinned to a core. Use with `with`."""

    #: What is run.
    binary = BIN

    def __init__(self, core, script):
        self._core, self._script = core, script

    def __enter__(self):
        self._work = tempfile.TemporaryDirectory(prefix="ringline-bench-")
        work = Path(self._work.name)
        (work / "config.toml").write_text(CONFIG)
        command = [self.binary, "serve", "--config", work / "config.toml", "--data", work / "data", "--listen", "127.0.0.1:0"]
        command += ["--udp", "127.0.0.1:0", "--models", "scripted", "--script", self._script, "--ready-json"]
        with open(work / "log", "w") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                preexec_fn=lambda: os.sched_setaffinity(0, {self._core}),
            )
        self.ready = self.process.stdout.readline().strip()
        if not self.ready:
            raise SystemExit(f"the server did not start:\n{(work / 'log').read_text()}")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self._work.cleanup()


def core_seconds(core):
    """CPU time that anybody took of a core."""
    fields = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{core} ")).split()
    user, nice, system, _, _, irq, softirq, steal = map(int, fields[1:9])
    return (user + nice + system + irq + softirq + steal) / 100


def process_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def hold(cores, script, calls, seconds, *more, beside=None):
    """One run; the bench's report. `beside` is called with the server's process in the middle of it."""
    with Server(cores[0], script) as server:
        command = [BENCH, "calls", "--ready", server.ready, "--server", server.process.pid, "--calls", calls]
        command += ["--ramp", max(2, calls // RAMP), "--hold", seconds, "--json", *more]
        before = core_seconds(cores[0]), process_seconds(server.process.pid), time.monotonic()
        bench = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {cores[1]}),
        )
        if beside:
            time.sleep(max(2, calls // RAMP) + 10)
            beside(server.process.pid)
        text, _ = bench.communicate()
        taken = core_seconds(cores[0]) - before[0] - (process_seconds(server.process.pid) - before[1])
        others = taken / (time.monotonic() - before[2])
    if not text.strip():
        raise SystemExit(f"the bench ended with {bench.returncode} and reported nothing")
    return {**json.loads(text), "others_core_share": max(0.0, others)}


def passes(report):
    added = report["added_ms"]
    return report["valid"] and added is not None and added["p95"] <= ADDED and report["audio"]["late_over_20_ms"] == 0


def density(cores, script, steps, seconds, wavs, keep):
    """Runs with more and more calls, until the bar is missed twice in a row; each is kept at once."""
    above = 0
    for calls in steps:
        report = hold(cores, script, calls, seconds, *wavs, "--script", script)
        report["passes"] = passes(report)
        keep(report)
        late, added = report["audio"]["late_over_20_ms"], report["added_ms"] or {"p95": float("nan")}
        say(
            f"{calls} calls: added p95 {added['p95']:.1f} ms, {late} of {report['audio']['frames']} frames late, "
            f"{report['server']['cpu_s_per_call_minute']:.3f} CPU s per call-minute, others took "
            f"{report['others_core_share']:.0%} of the core: {'passes' if report['passes'] else 'does not pass'}"
        )
        for problem in report["problems"]:
            say(f"  {problem}")
        above = 0 if report["passes"] else above + 1
        if above == ABOVE:
            break


def syscalls(cores, script, wavs):
    """System calls of the server by name over 5 s of 50 calls, and the packets in that time."""
    counts = {}

    def trace(pid):
        # Counting slows the server down; how many calls there are for a packet stays the same.
        table = Path(tempfile.gettempdir()) / f"ringline-bench-{os.getpid()}.strace"
        strace = subprocess.Popen(["strace", "-f", "-c", "-q", "-o", str(table), "-p", str(pid)], stderr=subprocess.DEVNULL)
        time.sleep(5)
        strace.terminate()
        strace.wait(10)
        for line in table.read_text().splitlines():
            if match := re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:(\d+)\s+)?(\w+)$", line):
                counts[match[3]] = int(match[1]) - int(match[2] or 0) if match[3] == "recvfrom" else int(match[1])
                if match[3] == "recvfrom":
                    counts["recvfrom (nothing there)"] = int(match[2] or 0)
        table.unlink()

    hold(cores, script, 50, 10, *wavs, "--script", script, beside=trace)
    counts.pop("total", None)
    packets = counts.get("recvfrom", 0) + counts.get("sendto", 0)
    network = packets + counts.get("recvfrom (nothing there)", 0) + counts.get("epoll_wait", 0)
    return {"counts": counts, "packets": packets, "packets_per_network_syscall": packets / max(1, network)}


def machine():
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", text, re.M)
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "kernel": platform.release(),
    }


def commit():
    git = lambda *args: subprocess.run(["git", *args], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    changed = git("status", "--porcelain", "--untracked-files=no", "--", "crates")
    return git("rev-parse", "--short=10", "HEAD") + (" and changes that are not committed" if changed else "")


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "target/bench")
    parser.add_argument("--bin", type=Path, default=BIN, help="another server, for comparison")
    parser.add_argument("--calls", type=lambda text: [int(n) for n in text.split(",")], default=STEPS)
    parser.add_argument("--hold", type=int, default=30)
    parser.add_argument("--only", type=lambda text: text.split(","), default=["density", "idle", "loud", "barge-in", "syscalls"])
    asked = parser.parse_args()
    Server.binary = asked.bin
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        say("one core is not enough: the callers would take it from the server")
        return
    asked.out.mkdir(parents=True, exist_ok=True)
    out = asked.out / "density.json"
    results = json.loads(out.read_text()) if out.exists() else {}
    results.update({"commit": commit(), "machine": machine(), "date": time.strftime("%Y-%m-%d"), "hold_s": asked.hold})
    wavs = [part for wav in SPEECH for part in ("--wav", str(wav))]
    script = asked.out / "script.toml"
    script.write_text(subprocess.run([BENCH, "script", *wavs], check=True, capture_output=True, text=True).stdout)

    def keep(name, value):
        results[name] = value
        out.write_text(json.dumps(results, indent=1) + "\n")

    def keep_step(report):
        others = [run for run in results.get("density", []) if run["calls"] != report["calls"]]
        keep("density", sorted([*others, report], key=lambda run: run["calls"]))

    if "density" in asked.only:
        density(cores, script, asked.calls, asked.hold, wavs, keep_step)
    carried = max((run["calls"] for run in results.get("density", []) if run["passes"]), default=10)
    if "idle" in asked.only:
        say("idle calls")
        keep("idle", hold(cores, script, 100, 15, "--silent"))
    if "loud" in asked.only:
        say(f"{carried} calls from loud rooms")
        keep("loud", hold(cores, script, carried, asked.hold, *wavs, "--script", script, "--room", "-50"))
    if "barge-in" in asked.only:
        say(f"barge-in at the first sound, {carried} calls")
        config = '{"AsrConfig":{"VadLevel":0}}'
        more = ["--script", script, "--interrupts", "50", "--agent-config", config]
        keep("barge_in", hold(cores, script, carried, asked.hold, *wavs, *more))
    if "syscalls" in asked.only:
        say("system calls")
        keep("syscalls", syscalls(cores, script, wavs))


if __name__ == "__main__":
    main()
