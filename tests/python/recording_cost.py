"""What recording costs: CPU time of the server over the same calls, with recording and without, and of the recorder's thread alone.

    recording_cost.py [--calls 20] [--rounds 3]

Scripted models, so that nothing but the call itself is in it. The calls run at once, each with two spoken questions and their answers. On
a machine that does other things, too, the two totals differ by more than recording costs; what the recorder's thread took is sure then.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from harness import LONG, Server


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def recorder_seconds(pid):
    """Of the one thread that writes all recordings; the media threads only hand packets to it."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == "recorder":
            return int((task / "schedstat").read_text().split()[0]) / 1e9
    raise AssertionError("no recorder")


def measure(calls, recorded, directory):
    """CPU seconds of the server and of its recorder."""
    config = Path(directory) / "ringline.toml"
    config.write_text(f"[recording]\nenabled = {'true' if recorded else 'false'}\n")
    with Server(args=["--config", config]) as server:
        # What only the first call brings is not in it.
        code, _ = server.caller("--wav", LONG).finish()
        assert code == 0
        pid = server.process.pid
        before = cpu_seconds(pid), recorder_seconds(pid)
        callers = [server.caller("--wav", LONG, "--wav", LONG) for _ in range(calls)]
        for caller in callers:
            code, _ = caller.finish()
            assert code == 0, caller.problem()
        return cpu_seconds(pid) - before[0], recorder_seconds(pid) - before[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    measured = {True: [], False: []}
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(asked.rounds):
            for recorded in (False, True):
                measured[recorded].append(measure(asked.calls, recorded, directory))
    middle = lambda recorded, which: statistics.median(round[which] for round in measured[recorded])
    without, recorded, recorder = middle(False, 0), middle(True, 0), middle(True, 1)
    each = lambda seconds: f"{seconds / asked.calls * 1000:.1f} ms"
    print(f"{asked.calls} calls, CPU time of the server for each: {each(without)} without recording, {each(recorded)} with")
    print(f"ratio {recorded / without:.3f}; the recorder's thread alone: {each(recorder)}, {recorder / recorded:.2%} of the server's")
    print(f"all rounds, in s: {measured[False]} without, {measured[True]} with")


if __name__ == "__main__":
    main()
