"""Recordings in a real S3-compatible store (versitygw, built by Go), which is away for a minute while a call ends.

Takes minutes where the store is not built yet: not one of the suites that run by themselves (`make test-slow`).
"""

import os
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from harness import ROOT, Server, probe, wait_until
from test_recordings import admin, call, ringline, verification

VERSION = "v1.8.0"
TOOLS = ROOT / "target" / "tools"
KEYS = {"AWS_ACCESS_KEY_ID": "ringline", "AWS_SECRET_ACCESS_KEY": "not-a-secret-0123456789"}


def gateway():
    """The program; built once."""
    program = TOOLS / "versitygw"
    if not program.exists():
        source = f"github.com/versity/versitygw/cmd/versitygw@{VERSION}"
        subprocess.run(["go", "install", source], env={**os.environ, "GOBIN": str(TOOLS)}, check=True, timeout=1200)
    return program


class Store:
    """A store on a directory, which can be away."""

    def __init__(self, directory):
        self.directory = directory
        self.port = None
        self.process = None

    def start(self):
        environment = {**os.environ, "ROOT_ACCESS_KEY": KEYS["AWS_ACCESS_KEY_ID"], "ROOT_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"]}
        if self.port is None:
            import socket

            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        command = [gateway(), "--port", f"127.0.0.1:{self.port}", "posix", "--sidecar", self.directory / "meta", self.directory / "data"]
        for part in ("meta", "data"):
            (self.directory / part).mkdir(exist_ok=True)
        (self.directory / "data" / "calls").mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [str(word) for word in command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
            self.process = None


@unittest.skipUnless(shutil.which("go") or (TOOLS / "versitygw").exists(), "the store wants Go 1.24 or later (go)")
class S3(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="ringline-test-")
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        gateway()
        self.store = Store(self.directory)
        self.addCleanup(self.store.stop)
        self.store.start()
        self.config = self.directory / "ringline.toml"
        before = {name: os.environ.get(name) for name in KEYS}
        os.environ.update(KEYS)
        self.addCleanup(lambda: [os.environ.pop(name) if value is None else None for name, value in before.items()])

    def configure(self, more=""):
        endpoint = f"http://127.0.0.1:{self.store.port}"
        self.config.write_text(
            f'[recording.storage]\nkind = "s3"\nbucket = "calls"\nprefix = "a/b"\nendpoint = "{endpoint}"\n{more}'
        )
        return ["--config", self.config]

    def local(self, server, instance):
        return server.recording(instance, "user").parent

    def stored(self, instance):
        directory = self.directory / "data" / "calls" / "a" / "b" / instance
        return sorted(path.name for path in directory.iterdir()) if directory.exists() else []

    FILES = ["agent.ogg", "index.json", "recording.log", "seal.json", "user.ogg"]

    def test_a_store_that_is_away_for_a_minute_gets_everything_afterwards_also_from_the_next_start(self):
        with Server(args=self.configure()) as server:
            first = call(server)
            wait_until("the recording is stored", lambda: not self.local(server, first).exists())
            self.assertEqual(self.stored(first), self.FILES)
            # Everything works from there.
            self.assertEqual(admin(server, f"/calls/{first}/recording?format=wav")[0], 200)
            self.assertEqual(verification(server, first)["verdict"], "intact")

            self.store.stop()
            away = time.monotonic()
            second = call(server)
            wait_until("it was tried in vain", lambda: "could not be stored" in server.log(), 60)
            self.assertTrue(self.local(server, second).exists())
            self.assertEqual(admin(server, f"/calls/{first}/recording")[0], 503, "away")
            self.assertEqual(admin(server, f"/calls/{second}/recording")[0], 200, "still here")
            # The server itself goes and comes meanwhile.
            server.kill()
            with Server(data=server.data, args=self.configure()) as again:
                third = call(again)
                wait_until("a minute is over", lambda: time.monotonic() - away > 60, 90)
                self.assertEqual((self.stored(second), self.stored(third)), ([], []))
                self.store.start()
                for instance in (second, third):
                    wait_until("it is stored", lambda: not self.local(again, instance).exists(), 120)
                    self.assertEqual(self.stored(instance), self.FILES)
                    self.assertEqual(verification(again, instance)["verdict"], "intact")
                out = self.directory / "out.ogg"
                run = ringline(again, "recording", "export", second, "--config", self.config, "--out", out)
                self.assertEqual(run.returncode, 0, run.stderr)
                self.assertGreater(probe(out), 3)

    def test_what_is_too_much_is_removed_from_the_store_and_a_copy_may_stay_here(self):
        with Server(args=self.configure("keep_local = true\n")) as server:
            instance = call(server)
            wait_until("it is stored", lambda: (self.local(server, instance) / "stored").exists())
            self.assertEqual(self.stored(instance), self.FILES)
            server.stop()
            with Server(data=server.data, args=self.configure("[recording.retention]\nmax_bytes = 1000\n")):
                wait_until("it is removed", lambda: not self.stored(instance))
                wait_until("here, too", lambda: not self.local(server, instance).exists())


if __name__ == "__main__":
    unittest.main()
