"""Starts real servers and real callers for the end-to-end tests, and waits for states, never for time to pass.

RINGLINE_TEST_DATABASE says what the servers keep their data in: "sqlite" (the default) or "postgres", each a fresh database.
"""

import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import postgres

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / "target" / "release" / "ringline"
SPEECH = Path("/usr/share/pocketsphinx/test/data/librivox")
#: Real human speech of Debian's pocketsphinx-testdata, 3 to 7 s each.
LONG = SPEECH / "sense_and_sensibility_01_austen_64kb-0870.wav"
SHORT = SPEECH / "sense_and_sensibility_01_austen_64kb-0880.wav"


def wait_until(what, check, limit=30.0):
    """Polls until `check` gives something true, and returns it."""
    end = time.monotonic() + limit
    while True:
        result = check()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {limit} s")
        time.sleep(0.02)


class Server:
    """One `ringline serve` with a data directory and a database of its own; one that is started again on the data directory
    of an earlier one has that one's database, too."""

    #: Data directory → URL.
    _databases = {}

    def __init__(self, models="scripted", data=None, args=(), start_limit=120):
        self._own = None if data else tempfile.TemporaryDirectory(prefix="ringline-test-")
        self.data = Path(data or self._own.name)
        self.log_path = self.data.with_suffix(".log")
        command = [BIN, "serve", "--data", self.data, "--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0"]
        command += ["--models", models, "--ready-json", *args]
        self.environment = self._environment()
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(
                [str(c) for c in command], stdout=subprocess.PIPE, stderr=log, text=True, env=self.environment
            )
        self._wait(start_limit)

    def _environment(self):
        kind = os.environ.get("RINGLINE_TEST_DATABASE", "sqlite")
        plain = {name: value for name, value in os.environ.items() if name != "RINGLINE_DATABASE"}
        if kind == "sqlite":
            return plain
        assert kind == "postgres", f"RINGLINE_TEST_DATABASE is {kind}"
        if self.data not in self._databases:
            self._databases[self.data] = postgres.fresh()
        return {**plain, "RINGLINE_DATABASE": self._databases[self.data]}

    def _wait(self, limit):
        os.set_blocking(self.process.stdout.fileno(), False)
        line = wait_until("the server's ready line", lambda: self._line(), limit)
        self.ready = json.loads(line)
        self.url = self.ready["url"]
        self.agent = self.ready["agent_id"]

    def _line(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log()}")
        return self.process.stdout.readline()

    def log(self):
        return self.log_path.read_text()

    def recording(self, instance, track):
        return self.data / "recordings" / instance / f"{track}.ogg"

    def status(self, instance):
        return self.get(f"/api/ringline/v1/calls/{instance}")["status"]

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def post(self, path, body, method="POST", headers=None):
        """(HTTP status, JSON or text) of a request; errors are answers, too."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data, {"content-type": "application/json", **(headers or {})}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text.decode(errors="replace")

    def start_call(self, **fields):
        """A call by the app-server door; its answer."""
        body = {"ai_agent_id": self.agent, "user_id": "tester", "expire": 3600, "template_config": "{}", **fields}
        status, answer = self.post("/api/v2/aiagent/generateAIAgentCall", body)
        assert status == 200, answer
        return answer

    def caller(self, *args, agent=None):
        """A running `ringline call --json`; without `agent` to the demo agent."""
        command = [BIN, "call", "--url", self.url, "--agent", agent or self.agent, "--json", *args]
        return Caller(command)

    def joiner(self, token, *args, agent=None):
        """A running `ringline call --json` that joins with a token, asking for the agent if one is given."""
        command = [BIN, "call", "--url", self.url, "--join-token", token, "--json", *args]
        command += ["--agent", agent] if agent else []
        return Caller(command)

    def replay(self, instance, *args):
        command = [BIN, "replay", instance, "--data", self.data, *args]
        return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=60, env=self.environment)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self, limit=20):
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(limit)
        self.process.stdout.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()
        else:
            self.process.stdout.close()
        self.log_path.unlink(missing_ok=True)
        if self._own:
            self._own.cleanup()


class Caller:
    """A running `ringline call --json`, and its events as they come."""

    def __init__(self, command):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([str(part) for part in command], stdout=pipe, stderr=pipe, text=True)
        self.events = []
        #: What it prints, then None. Read all the time, so that a caller nobody looks at is not held up.
        self._lines = queue.SimpleQueue()
        self._errors = []
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read, self._read_errors)]
        for reader in self._readers:
            reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _read_errors(self):
        self._errors.extend(self.process.stderr)

    def _next(self, end):
        """The next event, or None behind the last and when the time is up."""
        try:
            line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            return None
        if line is None:
            self._lines.put(None)
            return None
        self.events.append(json.loads(line))
        return self.events[-1]

    def until(self, event, limit=60.0):
        """Reads on until an event of that name."""
        end = time.monotonic() + limit
        while found := self._next(end):
            if found["event"] == event:
                return found
        raise AssertionError(f"no {event}: {self.events[-5:]} {self.errors[-500:]}")

    def finish(self, limit=180):
        """Everything to the end; (exit code, events)."""
        end = time.monotonic() + limit
        while self._next(end):
            pass
        code = self.process.wait(max(0.0, end - time.monotonic()))
        for reader in self._readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return code, self.events

    def hang_up(self):
        """By SIGTERM, if it has not ended."""
        if self.process.poll() is None:
            self.process.terminate()
        self.finish(20)

    def kill(self):
        self.process.kill()
        self.finish(20)

    @property
    def errors(self):
        return "".join(self._errors)

    def problem(self):
        """What to show when the caller failed."""
        return f"{self.events[-3:]} {self.errors}"

    def messages(self, kind):
        """Data of the data-channel messages of one type."""
        of_kind = (e["message"] for e in self.events if e["event"] == "message" and e["message"].get("type") == kind)
        return [message["data"] for message in of_kind]

    def first(self, event):
        return next((e for e in self.events if e["event"] == event), None)


def probe(path):
    """Seconds of audio in a file that ffprobe accepts."""
    command = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert run.returncode == 0 and not run.stderr.strip(), f"{path}: {run.stderr}"
    return float(run.stdout)


def loudness(path):
    """Mean level of a file in dBFS, by ffmpeg's volumedetect."""
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-i", str(path), "-af", "volumedetect", "-f", "null", "-"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return float(run.stderr.split("mean_volume:")[1].split("dB")[0])
