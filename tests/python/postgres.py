"""A Postgres server of the tests' own, from Debian's package: in a temporary directory, reached by a Unix socket alone, gone
with the program that started it.

As a program it prints its directory and serves until its standard input ends: for several test programs in a row, which
find it in RINGLINE_TEST_POSTGRES.
"""

import atexit
import functools
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

USER = "ringline"
START_LIMIT = 120.0
#: Ends the server and removes its directory ($1) when the pipe of whoever started it closes, however that ended.
WATCH = 'dir=$1; shift; "$@" & server=$!; cat >/dev/null; kill -QUIT $server; wait $server; rm -rf "$dir"'


def programs():
    """Where the newest version's programs are; None where Postgres isn't installed."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda path: float(path.parent.name), default=None)


def account():
    """Whom to run it as: Postgres refuses root, so there it is the package's own account."""
    if os.getuid() != 0:
        return {}
    owner = pwd.getpwnam("postgres")
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


class Postgres:
    def __init__(self):
        self.programs = programs()
        if not self.programs:
            raise AssertionError("Postgres is not installed: /usr/lib/postgresql/*/bin/initdb is missing")
        self.directory = Path(tempfile.mkdtemp(prefix="ringline-pg-"))
        as_account = account()
        if as_account:
            os.chown(self.directory, as_account["user"], as_account["group"])
        data = self.directory / "data"
        # In a language with an order of its own, so that what must be ordered by bytes shows it.
        initdb = [self.programs / "initdb", "--auth=trust", "--encoding=UTF8", "--locale-provider=icu"]
        initdb += ["--icu-locale=en-US", "--locale=C.UTF-8", "--no-sync", "-U", USER, "-D", data]
        made = subprocess.run(initdb, cwd=self.directory, capture_output=True, text=True, **as_account)
        assert made.returncode == 0, made.stderr
        serve = [self.programs / "postgres", "-D", data, "-k", self.directory, "-c", "listen_addresses="]
        serve += ["-c", "fsync=off", "-c", "max_connections=300"]
        self._watch = subprocess.Popen(
            ["/bin/sh", "-c", WATCH, "watch", self.directory, *serve], cwd=self.directory, stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, **as_account,
        )
        end = time.monotonic() + START_LIMIT
        while subprocess.run([self.programs / "pg_isready", "-q", "-h", self.directory]).returncode != 0:
            if time.monotonic() > end:
                raise AssertionError(f"Postgres did not start within {START_LIMIT} s")
            time.sleep(0.05)

    def stop(self):
        self._watch.stdin.close()
        self._watch.wait(30)
        shutil.rmtree(self.directory, ignore_errors=True)


@functools.cache
def directory():
    """Where the socket is: of the server that RINGLINE_TEST_POSTGRES names, else of one of this program's own."""
    given = os.environ.get("RINGLINE_TEST_POSTGRES")
    if given:
        return Path(given)
    own = Postgres()
    atexit.register(own.stop)
    return own.directory


def fresh():
    """The URL of an empty database that nobody else uses."""
    name, socket = f"test_{uuid.uuid4().hex}", directory()
    made = subprocess.run([programs() / "createdb", "-h", socket, "-U", USER, name], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return f"postgres://{USER}@localhost/{name}?host={socket}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--fresh"]:
        print(fresh())
    else:
        server = Postgres()
        print(server.directory, flush=True)
        sys.stdin.read()
        server.stop()
