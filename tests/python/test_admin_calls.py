"""What the admin API shows of calls and of the server, against calls that were really made; and trying agents out without one.

Models are scripted.
"""

import http.server
import io
import json
import tempfile
import threading
import unittest
import urllib.parse
import urllib.request
import wave
from pathlib import Path

from harness import LONG, SHORT, Server, wait_until

ADMIN = "/api/ringline/v1/admin"
PARTS = ("endpointing", "transcript", "first_text", "first_segment", "first_audio", "playout")


class Receiver(http.server.ThreadingHTTPServer):
    """An app server that answers every callback with one status, and keeps what it was told."""

    def __init__(self, status):
        super().__init__(("127.0.0.1", 0), Answer)
        self.status, self.told = status, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/events"


class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.told.append((self.headers["authorization"], body))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class AdminCalls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="ringline-test-")
        config = Path(cls.directory.name) / "ringline.toml"
        config.write_text('[outward]\nallow = ["127.0.0.0/8"]\n')
        cls.server = Server(args=["--config", config])

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        cls.server.__exit__()
        cls.directory.cleanup()
        assert code == 0, f"SIGTERM must drain and exit 0, not {code}"

    def admin(self, method, path, body=None):
        headers = {"authorization": f"Bearer {self.server.ready['admin_token']}"}
        return self.server.post(ADMIN + path, b"" if body is None else body, method, headers)

    def get(self, path):
        status, answer = self.admin("GET", path)
        self.assertEqual(status, 200, answer)
        return answer

    def refused(self, answer, status, code, field=None):
        self.assertEqual((answer[0], answer[1]["code"], answer[1].get("field")), (status, code, field), answer[1])

    def agent(self, **fields):
        status, agent = self.admin("POST", "/agents", {"name": "Test", **fields})
        self.assertEqual(status, 201, agent)
        return agent["id"]

    def called(self, agent, *args):
        """The instance of a call that was made and is over."""
        caller = self.server.caller(*args, agent=agent)
        code, _ = caller.finish()
        self.assertEqual(code, 0, caller.problem())
        instance = caller.first("started")["instanceId"]
        wait_until("the call is over", lambda: self.server.status(instance) == "Finished")
        return instance, caller

    def ids(self, query):
        return [call["instance_id"] for call in self.get(f"/calls?{query}")["calls"]]

    def test_a_call_is_listed_and_read_with_what_happened_in_it(self):
        agent = self.agent(name="Front desk", config={"Greeting": "Good morning."})
        instance, caller = self.called(agent, "--wav", LONG, "--wav", SHORT, "--interrupt-after", "1500", "--user", "zoe-7")
        [listed] = self.get(f"/calls?agent={agent}")["calls"]
        self.assertEqual((listed["instance_id"], listed["agent_name"], listed["user_id"]), (instance, "Front desk", "zoe-7"))
        self.assertEqual((listed["status"], listed["recorded"]), ("Finished", True))
        self.assertTrue(listed["created_ms"] <= listed["started_ms"] <= listed["ended_ms"])
        self.assertTrue(listed["end_reason"])

        call = self.get(f"/calls/{instance}")
        self.assertEqual({key: call[key] for key in listed}, listed)
        self.assertTrue(call["complete"])
        said = [(t["role"], t["kind"], t["sentence_id"]) for t in call["turns"]]
        self.assertEqual(said[0], ("agent", "greeting", 0))
        self.assertEqual([t["text"] for t in call["turns"] if t["role"] == "user"], ["Hello, who am I talking to?", "What can you do?"])
        begins = [t["begin_ms"] for t in call["turns"]]
        self.assertEqual(begins, sorted(begins))
        shown = {latency["sentenceId"]: latency["total"] for latency in caller.messages(9001)}
        read = {t["sentence_id"]: t["latency"] for t in call["turns"] if "latency" in t}
        self.assertEqual({sentence: latency["total"] for sentence, latency in read.items()}, shown)
        for latency in read.values():
            self.assertEqual(sum(latency[part] for part in PARTS), latency["total"])
        self.assertEqual([i["reason"] for i in call["interruptions"]], ["voice"])
        self.assertTrue(any(t["interrupted"] for t in call["turns"] if t["role"] == "agent"))
        metrics = call["metrics"]
        self.assertEqual((metrics["turns"], metrics["answered"], metrics["interruptions"], metrics["yields"]), (2, 2, 1, 1))

        with urllib.request.urlopen(self.journal(instance), timeout=10) as answer:
            self.assertEqual(answer.headers["content-type"], "application/x-ndjson")
            head, *steps = [json.loads(line) for line in answer.read().splitlines()]
        self.assertEqual((head["instance_id"], head["agent_id"]), (instance, agent))
        self.assertIn("config", head["setup"])
        self.assertEqual([step["seq"] for step in steps], list(range(len(steps))))
        self.assertIn(f"{len(steps)} steps replayed", self.server.replay(instance).stdout)

        for words, found in (("WHO am i", True), ("zoe", True), (instance[:12], True), ("never said", False)):
            query = urllib.parse.urlencode({"q": words, "agent": agent})
            self.assertEqual(self.ids(query), [instance] if found else [], words)

    def journal(self, instance):
        token = self.server.ready["admin_token"]
        return urllib.request.Request(f"{self.server.url}{ADMIN}/calls/{instance}/journal", headers={"authorization": f"Bearer {token}"})

    def test_live_calls_are_told_from_ended_ones_stopped_and_come_in_pages(self):
        agent = self.agent()
        started = [self.server.start_call(ai_agent_id=agent)["ai_agent_instance_id"] for _ in range(3)]
        newest_first = started[::-1]
        self.assertEqual(self.ids(f"agent={agent}&status=live"), newest_first)
        self.assertEqual(self.ids(f"agent={agent}&status=ended"), [])
        for _ in range(2):
            self.assertEqual(self.admin("POST", f"/calls/{started[1]}/stop"), (204, ""))
            wait_until("the call is over", lambda: self.server.status(started[1]) == "Finished")
        self.assertEqual(self.ids(f"agent={agent}&status=ended"), [started[1]])
        self.assertEqual(self.ids(f"agent={agent}&status=live"), [started[2], started[0]])
        self.assertEqual(self.get(f"/calls/{started[1]}")["end_reason"], "stopped_by_api")
        seen, after = [], ""
        while after is not None:
            page = self.get(f"/calls?agent={agent}&limit=2" + (f"&after={after}" if after else ""))
            seen += [call["instance_id"] for call in page["calls"]]
            after = page["next"]
        self.assertEqual(seen, newest_first)
        for instance in started:
            self.admin("POST", f"/calls/{instance}/stop")

    def test_what_there_is_not_and_what_cannot_be_asked_is_refused_by_name(self):
        for method, path in (("GET", ""), ("GET", "/journal"), ("POST", "/stop")):
            self.refused(self.admin(method, f"/calls/nobody{path}"), 404, "call_not_found")
        for query, field in (("limit=101", "limit"), ("after=x", "after"), ("q=" + 300 * "x", "q"), ("status=old", "query")):
            self.refused(self.admin("GET", f"/calls?{query}"), 400, "invalid_field", field)
        status, answer = self.server.post(ADMIN + "/calls", b"", "GET")
        self.assertEqual((status, answer["code"]), (401, "unauthorized"))

    def test_health_says_how_the_server_is(self):
        health = self.get("/health")
        self.assertTrue(health["ok"])
        self.assertEqual(health["version"], self.server.ready["version"])
        self.assertEqual((health["models"]["family"], health["models"]["files"]), ("scripted", []))
        self.assertTrue(health["database"]["reachable"])
        self.assertGreater(health["limits"]["calls"], 0)
        before = health["calls"]["running"]
        instance = self.server.start_call()["ai_agent_instance_id"]
        self.assertEqual(self.get("/health")["calls"]["running"], before + 1)
        self.admin("POST", f"/calls/{instance}/stop")

    def test_providers_are_tried_out_without_a_call(self):
        tried = self.admin("POST", f"/agents/{self.agent()}/test_providers")[1]
        self.assertEqual([node["node"] for node in tried["nodes"]], ["language_model", "synthesis", "recognition"])
        self.assertTrue(tried["ok"], tried)
        gone = {"llm": {"base_url": "http://127.0.0.1:1024/v1", "model": "m"}}
        tried = self.admin("POST", f"/agents/{self.agent(settings={'providers': gone})}/test_providers")[1]
        self.assertEqual((tried["ok"], [node["ok"] for node in tried["nodes"]]), (False, [False, True, True]))
        self.assertTrue(tried["nodes"][0]["error"])
        self.refused(self.admin("POST", "/agents/nobody/test_providers"), 404, "agent_not_found")

    def test_a_callback_address_is_tried_out_once_with_a_marked_event(self):
        for status, ok in ((200, True), (500, False)):
            receiver = Receiver(status)
            self.addCleanup(receiver.shutdown)
            agent = self.agent(settings={"callbacks": {"url": receiver.url, "token": "t0ken"}})
            answer = self.admin("POST", f"/agents/{agent}/test_callback")[1]
            self.assertEqual((answer["ok"], answer["status"]), (ok, status))
            [(authorization, body)] = receiver.told
            self.assertEqual((authorization, body["event"], body["aiAgentId"]), ("t0ken", "test", agent))
        nobody = self.agent(settings={"callbacks": {"url": "http://127.0.0.1:1024/"}})
        answer = self.admin("POST", f"/agents/{nobody}/test_callback")[1]
        self.assertEqual((answer["ok"], answer["status"]), (False, None))
        self.assertTrue(answer["error"])
        nowhere = self.admin("POST", f"/agents/{self.agent()}/test_callback")
        self.refused(nowhere, 400, "invalid_field", "settings.callbacks.url")

    def test_voices_are_listed_and_heard(self):
        voices = self.get("/voices")["voices"]
        self.assertTrue(voices)
        path = f"{ADMIN}/voices/{voices[0]['id']}/sample"
        headers = {"authorization": f"Bearer {self.server.ready['admin_token']}"}
        files = []
        for _ in range(2):
            with urllib.request.urlopen(urllib.request.Request(self.server.url + path, headers=headers), timeout=30) as answer:
                self.assertEqual(answer.headers["content-type"], "audio/wav")
                files.append(answer.read())
        self.assertEqual(files[0], files[1])
        with wave.open(io.BytesIO(files[0])) as file:
            self.assertGreater(file.getnframes() / file.getframerate(), 0.5)
        self.refused(self.admin("GET", "/voices/nobody/sample"), 404, "voice_not_found")


if __name__ == "__main__":
    unittest.main()
