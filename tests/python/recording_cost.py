"""What recording costs: CPU time of the server over the same calls, with recording and without.

    recording_cost.py [--calls 20] [--rounds 3]

Scripted models, so that nothing but the call itself is in it. The calls run at once, each with one spoken question and its answer.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from harness import LONG, Server


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def measure(calls, recorded, directory):
    config = Path(directory) / "ringline.toml"
    config.write_text(f"[recording]\nenabled = {'true' if recorded else 'false'}\n")
    with Server(args=["--config", config]) as server:
        # What only the first call brings is not in it.
        code, _ = server.caller("--wav", LONG).finish()
        assert code == 0
        before = cpu_seconds(server.process.pid)
        callers = [server.caller("--wav", LONG, "--wav", LONG) for _ in range(calls)]
        for caller in callers:
            code, _ = caller.finish()
            assert code == 0, caller.problem()
        return cpu_seconds(server.process.pid) - before


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
    without, recorded = (statistics.median(measured[which]) for which in (False, True))
    each = lambda seconds: f"{seconds / asked.calls * 1000:.0f} ms"
    print(f"{asked.calls} calls, CPU time of the server for each: {each(without)} without recording, {each(recorded)} with")
    print(f"ratio {recorded / without:.3f} (all rounds in s: {measured[False]} without, {measured[True]} with)")


if __name__ == "__main__":
    main()
