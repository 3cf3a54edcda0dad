"""Runs the suites of this directory (`test_*.py`), each in a process of its own, five at a time: they mostly wait for speech.
Those that load the machine (ALONE) have it to themselves.

    suites.py --log DIRECTORY [--databases sqlite,postgres] [NAME ...]

Without names: every suite but those that need what a machine may lack (NOT_BY_ITSELF), on each of the databases. One line for
each with its count; of one that fails, the whole log. Logs are kept as DIRECTORY/DATABASE/NAME.log. Exit status 1 if any
failed.
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
#: Wants speech models; or takes long (`make test-slow`).
NOT_BY_ITSELF = {"test_local", "test_dashboard", "test_s3", "test_recording_kills", "test_callbacks_minute"}
AT_ONCE = 5
#: Longest a suite may take, in s.
LIMIT = 900
#: Many calls at once.
ALONE = ["test_calls"]
#: These take longest and come first, so that the end isn't one suite alone. The order matters for nothing else.
LONG = ["test_operations", "test_client_relied"]


def suites():
    found = {path.stem for path in HERE.glob("test_*.py")} - NOT_BY_ITSELF
    return sorted(found, key=lambda name: (LONG.index(name) if name in LONG else len(LONG), name))


def run(database, name, log):
    began = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "RINGLINE_TEST_DATABASE": database}
    with open(log, "w") as out:
        command = [sys.executable, "-m", "unittest", "-v", name]
        try:
            code = subprocess.run(command, cwd=HERE, env=environment, stdout=out, stderr=out, timeout=LIMIT).returncode
        except subprocess.TimeoutExpired:
            out.write(f"\n{name} did not end within {LIMIT} s\n")
            code = 1
    return database, name, code, time.monotonic() - began, log.read_text(errors="replace")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--databases", default="sqlite", help="comma-separated: sqlite, postgres")
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args()
    databases = asked.databases.split(",")
    if not set(databases) <= {"sqlite", "postgres"}:
        parser.error(f"--databases {asked.databases}: there are sqlite and postgres")
    counts, failed = dict.fromkeys(databases, 0), []

    def report(result):
        database, name, code, seconds, log = result
        ran = re.search(r"^Ran (\d+) tests? in", log, re.MULTILINE)
        skipped = re.search(r"skipped=(\d+)", log)
        count = int(ran.group(1)) if ran else 0
        counts[database] += count
        note = f", {skipped.group(1)} skipped" if skipped else ""
        if code == 0 and count:
            print(f"{database} {name}: {count} passed{note}, {seconds:.0f} s", flush=True)
        else:
            failed.append(f"{database} {name}")
            print(f"{log}\n{database} {name}: FAILED, {count} run{note}, {seconds:.0f} s", flush=True)

    def logged(job):
        database, name = job
        return run(database, name, asked.log / database / f"{name}.log")

    jobs = [(database, name) for name in asked.names or suites() for database in databases]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        together = [pool.submit(logged, job) for job in jobs if job[1] not in ALONE]
        for done in concurrent.futures.as_completed(together):
            report(done.result())
    for job in jobs:
        if job[1] in ALONE:
            report(logged(job))
    for database, count in counts.items():
        print(f"{database}: {count} tests", flush=True)
    print(f"failed: {', '.join(failed)}" if failed else "all passed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
