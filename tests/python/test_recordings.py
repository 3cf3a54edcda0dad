"""Recordings of whole calls: heard, exported, vouched for, told of, stored elsewhere, removed."""

import hashlib
import hmac
import io
import json
import sqlite3
import struct
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request
import wave
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from harness import BIN, LONG, Server, probe, wait_until

ADMIN = "/api/ringline/v1/admin"


def admin(server, path, method="GET", body=None, token=None):
    """(status, headers, bytes) of a request to the admin door."""
    headers = {"Authorization": f"Bearer {token or server.ready['admin_token']}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.url + ADMIN + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def admin_json(server, path, **more):
    status, _, body = admin(server, path, **more)
    assert status in (200, 201), (status, body)
    return json.loads(body)


def call(server, *arguments, agent=None):
    """A whole call that is over and sealed; its instance id."""
    caller = server.caller("--wav", LONG, *arguments, agent=agent)
    code, _ = caller.finish()
    assert code == 0, caller.problem()
    instance = caller.first("started")["instanceId"]
    wait_until("the call is sealed", lambda: verification(server, instance)["verdict"] != "unsealed")
    return instance


def verification(server, instance):
    return admin_json(server, f"/calls/{instance}/verification")


def ringline(server, *arguments):
    command = [str(word) for word in (BIN, *arguments, "--data", server.data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=server.environment)


def samples(wav):
    """(rate, one list of samples for each channel) of a WAV in memory."""
    with wave.open(io.BytesIO(wav)) as file:
        assert file.getsampwidth() == 2
        flat = struct.unpack(f"<{file.getnframes() * file.getnchannels()}h", file.readframes(file.getnframes()))
        return file.getframerate(), [flat[n :: file.getnchannels()] for n in range(file.getnchannels())]


def loud(channel, rate):
    """Share of 100 ms pieces that are not silent."""
    pieces = [channel[at : at + rate // 10] for at in range(0, len(channel), rate // 10)]
    return sum(max(map(abs, piece)) > 500 for piece in pieces) / len(pieces)


class Recordings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.__exit__)
        cls.instance = call(cls.server)

    def path(self, rest):
        return f"/calls/{self.instance}{rest}"

    def test_a_recording_is_mixed_down_with_the_user_left_and_the_agent_right(self):
        status, headers, wav = admin(self.server, self.path("/recording?format=wav"))
        self.assertEqual((status, headers["content-type"]), (200, "audio/wav"))
        rate, (left, right) = samples(wav)
        index = admin_json(self.server, self.path("/recording/index"))
        self.assertEqual(rate, 16_000)
        self.assertAlmostEqual(len(left) / rate * 1000, index["duration_ms"], delta=2)
        self.assertGreater(loud(left, rate), 0.1)
        self.assertGreater(loud(right, rate), 0.1)
        # The greeting, before the user says anything, is on the right alone.
        first = next(n for n, sample in enumerate(right) if abs(sample) > 500)
        self.assertLess(max(map(abs, left[: first + rate // 4])), 500)

        status, headers, opus = admin(self.server, self.path("/recording"))
        self.assertEqual((status, headers["content-type"]), (200, "audio/ogg"))
        with tempfile.NamedTemporaryFile(suffix=".ogg") as file:
            file.write(opus)
            file.flush()
            self.assertAlmostEqual(probe(file.name) * 1000, index["duration_ms"], delta=60)
            show = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,channels", "-of", "csv=p=0", file.name]
            self.assertEqual(subprocess.run(show, capture_output=True, text=True).stdout.strip(), "opus,2")

    def test_the_index_says_what_is_missing_and_why_and_tracks_are_as_they_were_recorded(self):
        index = admin_json(self.server, self.path("/recording/index"))
        self.assertEqual((index["stored"], index["after_crash"], index["dropped"]), ("local", False, 0))
        self.assertEqual(sorted(index["tracks"]), ["agent", "user"])
        for name, track in index["tracks"].items():
            status, _, ogg = admin(self.server, self.path(f"/tracks/{name}.ogg"))
            self.assertEqual(status, 200)
            self.assertEqual((len(ogg), hashlib.sha256(ogg).hexdigest()), (track["bytes"], track["sha256"]))
            self.assertEqual(ogg, self.server.recording(self.instance, name).read_bytes())
            self.assertAlmostEqual(probe(self.server.recording(self.instance, name)) * 1000, track["duration_ms"], delta=20)
            by_cause = {}
            for gap in track["gaps"]:
                self.assertLess(gap["from_ms"], gap["to_ms"])
                by_cause[gap["cause"]] = by_cause.get(gap["cause"], 0) + gap["to_ms"] - gap["from_ms"]
            self.assertEqual(by_cause, track["gaps_ms"])
        self.assertIn("not_sent", index["tracks"]["agent"]["gaps_ms"], "while it listened")

    def test_a_waveform_has_as_many_parts_as_were_asked_for(self):
        outline = admin_json(self.server, self.path("/waveform?buckets=50"))
        self.assertEqual((len(outline["user"]), len(outline["agent"])), (50, 50))
        for side in ("user", "agent"):
            self.assertTrue(all(0 <= peak <= 1 for peak in outline[side]))
            self.assertGreater(max(outline[side]), 0.05)
        self.assertEqual(admin(self.server, self.path("/waveform?buckets=0"))[0], 400)
        self.assertEqual(admin(self.server, self.path("/waveform?buckets=5000"))[0], 400)

    def test_what_is_not_there_or_not_theirs_is_refused(self):
        for rest in ("/recording", "/recording/index", "/tracks/user.ogg", "/waveform", "/verification"):
            self.assertEqual(admin(self.server, self.path(rest), token="x" * 40)[0], 401)
            status, _, body = admin(self.server, f"/calls/nobody{rest}")
            self.assertEqual((status, json.loads(body)["code"]), (404, "call_not_found"))
        self.assertEqual(admin(self.server, self.path("/tracks/recording.log"))[0], 404)
        self.assertEqual(admin(self.server, self.path("/tracks/..%2f..%2fringline.db"))[0], 404)
        self.assertEqual(admin(self.server, self.path("/recording?format=mp3"))[0], 400)

    def test_a_call_that_is_not_recorded_has_no_recording_and_is_sealed_all_the_same(self):
        agent = {"id": "unrecorded", "name": "U", "settings": {"recording": {"enabled": False}}}
        admin_json(self.server, "/agents", method="POST", body=agent)
        instance = call(self.server, agent="unrecorded")
        status, _, body = admin(self.server, f"/calls/{instance}/recording")
        self.assertEqual((status, json.loads(body)["code"]), (404, "recording_not_found"))
        found = verification(self.server, instance)
        self.assertEqual((found["verdict"], found["bytes"]), ("intact", 0))
        self.assertGreater(found["rows"], 5)

    def test_the_command_line_exports_what_the_door_gives(self):
        with tempfile.TemporaryDirectory() as directory:
            for form, path in (("wav", "/recording?format=wav"), ("opus", "/recording"), ("user", "/tracks/user.ogg")):
                out = Path(directory) / form
                run = ringline(self.server, "recording", "export", self.instance, "--format", form, "--out", out)
                self.assertEqual(run.returncode, 0, run.stderr)
                self.assertEqual(out.read_bytes(), admin(self.server, self.path(path))[2])
            run = ringline(self.server, "recording", "export", "nobody", "--out", out)
            self.assertIn("there is no call nobody", run.stderr)
        # So far, while the call runs.
        caller = self.server.caller("--wav", LONG)
        running = caller.until("started")["instanceId"]
        caller.until("joined")
        so_far = lambda: admin(self.server, f"/calls/{running}/recording?format=wav")
        wait_until("something is recorded", lambda: so_far()[0] == 200)
        self.assertEqual(verification(self.server, running)["verdict"], "unsealed")
        caller.finish()


class Evidence(unittest.TestCase):
    """Tampering is named. Each test has a server of its own, because it destroys what it checks."""

    def sealed(self, server):
        instance = call(server)
        run = ringline(server, "verify", instance)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertIn("as they were sealed", run.stdout)
        return instance

    def test_a_seal_can_be_checked_without_us(self):
        with Server() as server:
            instance = self.sealed(server)
            directory = server.recording(instance, "user").parent
            seal = json.loads((directory / "seal.json").read_text())
            document = json.loads(seal["document"])
            key = admin_json(server, "/recordings/key")
            self.assertEqual((key["algorithm"], key["key"]), ("ed25519", document["key"]))
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(document["key"]))
            public.verify(bytes.fromhex(seal["signature"]), b"ringline seal 1\n" + seal["document"].encode())
            self.assertEqual((document["version"], document["instance"], document["after_crash"]), (1, instance, False))

            link = hashlib.sha256(b"ringline recording 1\n" + instance.encode()).digest()
            lines = (directory / "recording.log").read_text().splitlines()
            tracks = {name: (directory / f"{name}.ogg").read_bytes() for name in ("user", "agent")}
            covered = {"user": 0, "agent": 0}
            for line in lines:
                told, text = line.split(" ", 1)
                link = hashlib.sha256(link + text.encode()).digest()
                self.assertEqual(link.hex(), told)
                entry = json.loads(text)
                if "sha256" in entry:
                    begin, end = entry["bytes"]
                    self.assertEqual(begin, covered[entry["track"]])
                    covered[entry["track"]] = end
                    self.assertEqual(hashlib.sha256(tracks[entry["track"]][begin:end]).hexdigest(), entry["sha256"])
            recording = document["recording"]
            self.assertEqual((recording["lines"], recording["head"]), (len(lines), link.hex()))
            for name, track in tracks.items():
                self.assertEqual(covered[name], len(track))
                expected = {"bytes": len(track), "sha256": hashlib.sha256(track).hexdigest()}
                self.assertEqual(recording["tracks"][name], expected)

            if "RINGLINE_DATABASE" in server.environment:
                return
            with sqlite3.connect(server.data / "ringline.db") as database:
                (setup,) = database.execute("SELECT setup FROM instances WHERE id = ?", [instance]).fetchone()
                link = hashlib.sha256(f"ringline journal 1\n{instance}\n{setup}".encode()).digest()
                rows = 0
                journal = "SELECT seq, at_us, step, outputs, hash FROM journal WHERE instance_id = ? ORDER BY seq"
                for seq, at_us, step, outputs, told in database.execute(journal, [instance]):
                    step, outputs = step.encode(), outputs.encode()
                    link = hashlib.sha256(
                        link + struct.pack("<QQQ", seq, at_us, len(step)) + step + struct.pack("<Q", len(outputs)) + outputs
                    ).digest()
                    self.assertEqual(link.hex(), told)
                    rows += 1
            self.assertEqual(document["journal"], {"rows": rows, "head": link.hex()})

    def test_the_first_changed_byte_of_a_track_is_named(self):
        with Server() as server:
            instance = self.sealed(server)
            track = server.recording(instance, "agent")
            whole = track.read_bytes()
            at = len(whole) * 2 // 3
            changed = bytearray(whole)
            changed[at] ^= 0x40
            track.write_bytes(changed)
            run = ringline(server, "verify", instance)
            self.assertEqual(run.returncode, 1)
            self.assertIn(f"Byte {at} of agent.ogg was changed: it was {whole[at]:#04x} and is {changed[at]:#04x}", run.stdout)
            found = verification(server, instance)
            self.assertEqual(found["verdict"], "changed")
            self.assertIn(f"Byte {at} of agent.ogg", found["findings"][0])

            # Another one of the same page.
            log = track.with_name("recording.log")
            entries = [json.loads(line.split(" ", 1)[1]) for line in log.read_text().splitlines()]
            pages = [entry["bytes"] for entry in entries if entry.get("track") == "agent" and "bytes" in entry]
            begins, ends = next((begins, ends) for begins, ends in pages if begins <= at < ends)
            changed[ends - 1 if ends - 1 != at else begins] ^= 1
            track.write_bytes(changed)
            first = int(ringline(server, "verify", instance).stdout.split("between ")[1].split(" ")[0])
            self.assertLessEqual(first, at)
            self.assertLess(at - first, 16_384)
            for cut, words in (
                (whole[: at], f"agent.ogg ends at byte {at}"),
                (whole + b"x", f"byte {len(whole)} is the first"),
            ):
                track.write_bytes(cut)
                self.assertIn(words, ringline(server, "verify", instance).stdout)
            track.unlink()
            self.assertIn("agent.ogg is missing", ringline(server, "verify", instance).stdout)
            track.write_bytes(whole)
            lines = log.read_text().splitlines(keepends=True)
            log.write_text("".join([*lines[:3], lines[3].replace("until", "untiL", 1), *lines[4:]]))
            self.assertIn("Line 4 of recording.log was changed", ringline(server, "verify", instance).stdout)
            log.write_text("".join(lines[:-1]))
            self.assertIn(f"Line {len(lines)} of recording.log is missing", ringline(server, "verify", instance).stdout)
            log.write_text("".join(lines))
            self.assertEqual(ringline(server, "verify", instance).returncode, 0)

    def test_the_first_changed_row_of_the_journal_is_named(self):
        with Server() as server:
            instance = self.sealed(server)
            if "RINGLINE_DATABASE" in server.environment:
                self.skipTest("the row is changed in SQLite")
            server.stop()
            with sqlite3.connect(server.data / "ringline.db") as database:
                database.execute("CREATE TABLE kept AS SELECT * FROM journal")
            for change, words in (
                ("UPDATE journal SET at_us = at_us + 1 WHERE seq = 4", "Row 4 of the journal was changed"),
                ("UPDATE journal SET outputs = '[]' || outputs WHERE seq = 2", "Row 2 of the journal was changed"),
                ("DELETE FROM journal WHERE seq = 3", "Row 3 of the journal is missing"),
                ("DELETE FROM journal WHERE seq > 3", "Row 4 of the journal is missing"),
                ("UPDATE instances SET setup = setup || ' '", "Row 0 of the journal was changed (or what"),
                ("UPDATE instances SET seal = replace(seal, 'rows', 'rowz')", "the seal is not readable"),
            ):
                with sqlite3.connect(server.data / "ringline.db") as database:
                    database.execute(change)
                run = ringline(server, "verify", instance)
                self.assertEqual(run.returncode, 1, change)
                self.assertIn(words, run.stdout, change)
                with sqlite3.connect(server.data / "ringline.db") as database:
                    database.execute("DELETE FROM journal")
                    database.execute("INSERT INTO journal SELECT * FROM kept")
                    database.execute("UPDATE instances SET setup = rtrim(setup)")

    def test_a_call_that_crashed_is_vouched_for_up_to_the_crash_then_sealed_which_says_so(self):
        with Server() as server:
            caller = server.caller("--wav", LONG)
            instance = caller.until("started")["instanceId"]
            caller.until("voice_to_voice")
            server.kill()
            caller.kill()
            user = server.recording(instance, "user")
            with open(user, "ab") as torn:
                torn.write(user.read_bytes()[:40])
            run = ringline(server, "verify", instance)
            self.assertEqual(run.returncode, 2, run.stdout)
            self.assertIn("It is not sealed", run.stdout)
            self.assertIn("may not be in the chain yet", run.stdout)
            with Server(data=server.data) as again:
                wait_until("it is sealed", lambda: verification(again, instance)["verdict"] != "unsealed")
                found = verification(again, instance)
                self.assertEqual((found["verdict"], found["after_crash"]), ("intact", True), found)
                index = admin_json(again, f"/calls/{instance}/recording/index")
                self.assertTrue(index["after_crash"])
                self.assertIn("server had died in the call", ringline(again, "verify", instance).stdout)
                for track in ("user", "agent"):
                    probe(again.recording(instance, track))


class Receiver:
    """An app server that takes every callback."""

    def __init__(self):
        self.received = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                receiver.received.append((self.path, self.headers.get("authorization"), body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def of(self, event):
        return [body for _, _, body in list(self.received) if body["event"] == event]


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


class Told(unittest.TestCase):
    def test_an_agents_recordings_are_told_of_and_had_at_addresses_that_expire(self):
        receiver = Receiver()
        self.addCleanup(receiver.stop)
        with tempfile.TemporaryDirectory(prefix="ringline-test-") as directory:
            config = Path(directory) / "ringline.toml"
            # Only who is to be told has calls recorded here.
            config.write_text('[outward]\nallow = ["127.0.0.1/32"]\n[recording]\nenabled = false\n')
            with Server(args=["--config", config]) as server:
                recording = {"whole_call": True, "sentences": True, "callback_url": receiver.url + "/rec", "callback_token": "t"}
                agent = {"id": "told", "name": "T", "config": {"Greeting": "Good day."}, "settings": {"recording": recording}}
                read = admin_json(server, "/agents", method="POST", body=agent)
                self.assertTrue(read["settings"]["recording"]["callback_token_set"])
                self.assertNotIn("callback_token", read["settings"]["recording"])
                started_ms = time.time() * 1000
                instance = call(server, agent="told")
                wait_until("the whole call is told of", lambda: receiver.of("full_audio_record"))
                self.assertEqual({(path, token) for path, token, _ in receiver.received}, {("/rec", "t")})
                self.assertEqual({body["event"] for _, _, body in receiver.received}, {"audio_record", "full_audio_record"})

                said = [body["data"] for body in receiver.of("audio_record")]
                self.assertEqual([entry["role"] for entry in said], ["agent", "user", "agent"])
                self.assertEqual(said[0]["text"], "Good day.")
                self.assertEqual(len({entry["dialogueId"] for entry in said}), 3)
                for entry in said:
                    status, wav = fetch(entry["audioUrl"])
                    self.assertEqual(status, 200, wav[:200])
                    rate, channels = samples(wav)
                    self.assertEqual((rate, len(channels)), (16_000, 1))
                    length = (entry["endTime"] - entry["startTime"]) / 1000
                    self.assertAlmostEqual(len(channels[0]) / rate, length, delta=0.01)
                    self.assertGreater(loud(channels[0], rate), 0.4, entry)
                    self.assertGreater(entry["startTime"], started_ms - 1000)

                (whole,) = [body["data"] for body in receiver.of("full_audio_record")]
                status, wav = fetch(whole["audioUrl"])
                rate, channels = samples(wav)
                self.assertEqual((status, rate, len(channels)), (200, 16_000, 1))
                self.assertAlmostEqual(len(channels[0]) / rate * 1000, whole["duration"], delta=2)
                self.assertEqual(whole["endTime"] - whole["startTime"], whole["duration"])

                url = whole["audioUrl"]
                for wrong in (
                    url[:-1] + ("0" if url[-1] != "0" else "1"),
                    url.split("?")[0],
                    url.replace("expires=", "expires=1"),
                    url.replace("call.wav", "user.wav"),
                    said[0]["audioUrl"].replace("from=", "from=1"),
                ):
                    self.assertEqual(fetch(wrong)[0], 403, wrong)
                for expires, status in ((int(time.time()) + 60, 200), (int(time.time()) - 1, 403)):
                    line = f"ringline recording\n{instance}/call.wav\n{expires}"
                    signature = hmac.new(server.ready["rtc_app_key"].encode(), line.encode(), "sha256").hexdigest()
                    signed = f"{server.url}/recordings/{instance}/call.wav?expires={expires}&signature={signature}"
                    self.assertEqual(fetch(signed)[0], status)


class Stored(unittest.TestCase):
    def test_recordings_move_to_another_directory_and_go_when_there_are_too_many(self):
        with tempfile.TemporaryDirectory(prefix="ringline-test-") as directory:
            config, kept = Path(directory) / "ringline.toml", Path(directory) / "kept"
            storage = f'[recording.storage]\npath = "{kept}"\nprefix = "calls"\n'
            config.write_text(storage)
            with Server(args=["--config", config]) as server:
                instance = call(server)
                files = ["agent.ogg", "index.json", "recording.log", "seal.json", "user.ogg"]
                stored = lambda: not server.recording(instance, "user").parent.exists()
                wait_until("it is stored", stored)
                self.assertEqual(sorted(path.name for path in (kept / "calls" / instance).iterdir()), files)
                self.assertEqual(admin(server, f"/calls/{instance}/recording?format=wav")[0], 200)
                self.assertEqual(verification(server, instance)["verdict"], "intact")
                wanted = Path(directory) / "out.ogg"
                where = ["--config", config, "--out", wanted]
                run = ringline(server, "recording", "export", instance, *where)
                self.assertEqual(run.returncode, 0, run.stderr)
                self.assertGreater(probe(wanted), 3)
                server.stop()

                # Each has more than 10 kB.
                config.write_text(storage + "[recording.retention]\nmax_bytes = 1000\n")
                with Server(data=server.data, args=["--config", config]) as again:
                    wait_until("it is removed", lambda: not (kept / "calls" / instance / "user.ogg").exists())
                    wait_until("that is noted", lambda: "removed" in admin_json(again, f"/calls/{instance}/recording/index"))
                    status, _, body = admin(again, f"/calls/{instance}/recording")
                    self.assertEqual((status, json.loads(body)["code"]), (404, "recording_not_found"))
                    found = verification(again, instance)
                    self.assertEqual(found["verdict"], "intact")
                    self.assertIn("removed", " ".join(found["findings"]))


if __name__ == "__main__":
    unittest.main()
