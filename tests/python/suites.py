"""Runs the suites of this directory (`test_*.py`), each in a process of its own, three at a time: they mostly wait for speech.
Those that load the machine (ALONE) have it to themselves.

    suites.py [--database sqlite|postgres] [--log DIRECTORY] [NAME ...]

Without names: every suite but those that need what a machine may lack (NOT_BY_ITSELF). One line for each with its count; of
one that fails, the whole log. Exit status 1 if any failed.
"""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
#: Wants speech models; takes a minute (`make test-slow`).
NOT_BY_ITSELF = {"test_local", "test_dashboard"}
AT_ONCE = 3
#: Longest a suite may take, in s.
LIMIT = 900
#: Many calls at once.
ALONE = ["test_calls"]
#: These take longest and come first, so that the end isn't one suite alone. The order matters for nothing else.
LONG = ["test_operations", "test_client_relied"]


def suites():
    found = {path.stem for path in HERE.glob("test_*.py")} - NOT_BY_ITSELF
    return sorted(found, key=lambda name: (LONG.index(name) if name in LONG else len(LONG), name))


def run(name, log, environment):
    began = time.monotonic()
    with open(log, "w") as out:
        command = [sys.executable, "-m", "unittest", "-v", name]
        try:
            code = subprocess.run(command, cwd=HERE, env=environment, stdout=out, stderr=out, timeout=LIMIT).returncode
        except subprocess.TimeoutExpired:
            out.write(f"\n{name} did not end within {LIMIT} s\n")
            code = 1
    return name, code, time.monotonic() - began, log.read_text(errors="replace")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", default="sqlite", choices=["sqlite", "postgres"])
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args()
    asked.log.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "RINGLINE_TEST_DATABASE": asked.database}
    counts, failed = 0, []

    def report(result):
        nonlocal counts
        name, code, seconds, log = result
        ran = re.search(r"^Ran (\d+) tests? in", log, re.MULTILINE)
        skipped = re.search(r"skipped=(\d+)", log)
        count = int(ran.group(1)) if ran else 0
        counts += count
        note = f", {skipped.group(1)} skipped" if skipped else ""
        if code == 0 and count:
            print(f"{name}: {count} passed{note}, {seconds:.0f} s", flush=True)
        else:
            failed.append(name)
            print(f"{log}\n{name}: FAILED, {count} run{note}, {seconds:.0f} s", flush=True)

    def logged(name):
        return run(name, asked.log / f"{name}.log", environment)

    names = asked.names or suites()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for done in concurrent.futures.as_completed([pool.submit(logged, name) for name in names if name not in ALONE]):
            report(done.result())
    for name in names:
        if name in ALONE:
            report(logged(name))
    print(f"{asked.database}: {counts} tests, {'failed: ' + ' '.join(failed) if failed else 'all passed'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
