"""What recording costs: CPU time of the server over the same calls, with recording and without, and of the recorder's thread alone.

    recording_cost.py [--calls 20] [--pairs 6] [--core N]

Scripted models, so that nothing but the call itself is in it. Each measurement is a fresh server, pinned to one core (the last one
unless told otherwise) while the callers have the others, and the calls run at once, each with a spoken question and its answer. With and
without take turns, and which comes first does, too; what counts is the ratio within each pair, since what else the machine
does changes from minute to minute. Wants a machine that does little else.
"""

import argparse
import os
import statistics
import tempfile
from pathlib import Path

from harness import SHORT, Server


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def recorder_seconds(pid):
    """Of the one thread that writes all recordings; the media threads only hand packets to it."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == "recorder":
            return int((task / "schedstat").read_text().split()[0]) / 1e9
    raise AssertionError("no recorder")


def pin(pid, cores):
    """Every thread; those that come are pinned as the one that starts them."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), cores)


def measure(calls, recorded, core, directory):
    """CPU seconds of the server and of its recorder for a call."""
    config = Path(directory) / "ringline.toml"
    config.write_text(f"[recording]\nenabled = {'true' if recorded else 'false'}\n")
    with Server(args=["--config", config]) as server:
        pid = server.process.pid
        pin(pid, {core})
        # What only the first call brings is not in it.
        code, _ = server.caller("--wav", SHORT).finish()
        assert code == 0
        before = cpu_seconds(pid), recorder_seconds(pid)
        callers = [server.caller("--wav", SHORT) for _ in range(calls)]
        for caller in callers:
            code, _ = caller.finish()
            assert code == 0, caller.problem()
        return (cpu_seconds(pid) - before[0]) / calls, (recorder_seconds(pid) - before[1]) / calls


def main():
    cores = os.sched_getaffinity(0)
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--core", type=int, default=max(cores))
    asked = parser.parse_args()
    os.sched_setaffinity(0, cores - {asked.core} or cores)
    pairs, recorders = [], []
    with tempfile.TemporaryDirectory() as directory:
        for n in range(asked.pairs):
            order = (False, True) if n % 2 == 0 else (True, False)
            pair = {recorded: measure(asked.calls, recorded, asked.core, directory) for recorded in order}
            pairs.append((pair[False][0], pair[True][0]))
            recorders.append(pair[True][1])
            without, recorded = pairs[-1]
            print(f"{without * 1000:.0f} ms a call without, {recorded * 1000:.0f} ms with: {recorded / without:.3f}", flush=True)
    ratios = sorted(recorded / without for without, recorded in pairs)
    middle = lambda values: f"{statistics.median(values) * 1000:.0f}"
    print(f"{asked.calls} calls at once, {asked.pairs} pairs, CPU time of the server for a call, medians:")
    print(f"  {middle(w for w, _ in pairs)} ms without recording, {middle(r for _, r in pairs)} ms with")
    print(f"  ratio {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})")
    print(f"  the recorder's thread alone: {middle(recorders)} ms")


if __name__ == "__main__":
    main()
