"""Guards against a slower call's path without a clock: instructions of each stage, counted by callgrind, against a committed figure.

    smoke.py [--update]

A stage that takes over 10 % more instructions than smoke.json says fails; one that takes over 10 % less asks for --update. Counts of
optimised code change with the compiler and the libraries: a change of those updates the figures in the same commit.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "target/release/ringline-bench"
FIGURES = Path(__file__).with_name("smoke.json")
STAGES = ["ear", "vad", "mouth", "track", "session"]
#: Seconds of a call in one pass.
PASS = 2
TOLERANCE = 0.10


def instructions(stage, passes):
    with tempfile.TemporaryDirectory() as work:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={work}/out", BENCH, "stage", stage, "--passes", passes]
        run = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    match = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode or not match:
        raise SystemExit(f"callgrind failed:\n{run.stderr}")
    return int(match[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help="write what is counted into smoke.json")
    asked = parser.parse_args()
    committed = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    found, failed = {}, False
    for stage in STAGES:
        # In thousands of instructions a second of a call: the difference leaves out what happens once.
        found[stage] = round((instructions(stage, 3) - instructions(stage, 1)) / 2 / PASS / 1000)
        before = committed.get(stage)
        change = found[stage] / before - 1 if before else 0.0
        verdict = "more than committed" if change > TOLERANCE else "less: run with --update" if change < -TOLERANCE else "as committed"
        failed |= change > TOLERANCE
        print(f"{stage:8} {found[stage]:8} thousand instructions a second of a call, {change:+.1%}: {verdict}")
    if asked.update:
        FIGURES.write_text(json.dumps(found, indent=1) + "\n")
    elif failed or set(committed) != set(found):
        sys.exit("The call's path has become dearer. If it is meant to: tests/bench/smoke.py --update, and say why in the commit.")


if __name__ == "__main__":
    main()
