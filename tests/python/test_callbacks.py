"""Callbacks: what a real receiver gets of real calls when it is well, slow, failing, refusing or away, and when the server is
killed. Models are scripted; the receiver is on the loopback, which the servers' configuration allows."""

import http.server
import json
import re
import socket
import tempfile
import threading
import time
import unittest
from pathlib import Path

import acs3
from harness import LONG, Server, wait_until

UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MILLIS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
WORKFLOW = ["intent_detected", "intent_recognized", "llm_data_received", "tts_data_received"]
TOKEN = "Bearer  verbatim=="


class Receiver:
    """An app server's callback URL. `answers` holds what it does with the next requests: a status, or "hang" until it is told
    to go on; then 200. It can go away and come back on the same port."""

    def __init__(self):
        self.received, self.answers = [], []
        self.lock = threading.Lock()
        self.released = threading.Event()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.server = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/told?by=ringline"

    def start(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                with receiver.lock:
                    answer = receiver.answers.pop(0) if receiver.answers else 200
                    receiver.received.append((answer, dict(self.headers), self.path, json.loads(body)))
                if answer == "hang":
                    receiver.released.wait(60)
                    return
                self.send_response(answer)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        http.server.ThreadingHTTPServer.allow_reuse_address = True
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self):
        self.released.set()
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def bodies(self, instance=None, answer=200):
        """Of requests that were answered so, in their order."""
        with self.lock:
            found = [body for given, _, _, body in self.received if given == answer]
        return [body for body in found if instance in (None, body["instanceId"])]

    def events(self, instance=None, answer=200):
        return [body["event"] for body in self.bodies(instance, answer)]

    def until_stop(self, instance, limit=60):
        wait_until("agent_stop arrives", lambda: "agent_stop" in self.events(instance), limit)


class Callbacks(unittest.TestCase):
    #: As in config/default.toml but for the waits between attempts.
    CONFIG = '[outward]\nallow = ["127.0.0.1/32"]\n[callbacks]\ntimeout = 1\nretry_after = [1]\n'

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="ringline-test-")
        cls.config = Path(cls.directory.name) / "ringline.toml"
        cls.config.write_text(cls.CONFIG)
        cls.server = Server(args=["--config", cls.config])

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        cls.server.__exit__()
        cls.directory.cleanup()
        assert code == 0, f"SIGTERM must drain and exit 0, not {code}"

    def receiver(self, **settings):
        """A receiver that gets the demo agent's callbacks from now on."""
        receiver = Receiver()
        self.addCleanup(receiver.stop)
        self.set(self.server, CallbackUrl=receiver.url, **settings)
        return receiver

    def set(self, server, **settings):
        status, body = self.operation(server, "SetNotifyConfig", EnableNotify="true", Token=TOKEN, **settings)
        self.assertEqual(status, 200, body)

    def operation(self, server, action, **params):
        ready = server.ready
        params = {"AIAgentId": server.agent, **params}
        key = (ready["access_key_id"], ready["access_key_secret"])
        return acs3.send(acs3.signed_request(ready["url"], *key, action, params))

    def call(self, *arguments):
        """A whole call; its instance id and caller."""
        caller = self.server.caller("--agent-config", '{"Greeting":"Good day to you."}', *arguments)
        code, _ = caller.finish()
        self.assertEqual(code, 0, caller.problem())
        return caller.first("started")["instanceId"], caller

    # -- a receiver that is well

    def test_everything_of_a_call_arrives_in_order_with_its_body(self):
        receiver = self.receiver().start()
        instance, caller = self.call("--wav", LONG, "--tell", '{"order":["A1","中"]}')
        receiver.until_stop(instance)
        bodies = receiver.bodies(instance)
        events = [body["event"] for body in bodies]
        self.assertEqual(events[0], "agent_start")
        self.assertEqual(events[-1], "agent_stop")
        self.assertEqual(sorted(set(events)), sorted(
            ["agent_start", "session_start", "client_defined_data", "chat_record", "agent_stop", *WORKFLOW]))
        for once in ("agent_start", "session_start", "client_defined_data", "agent_stop", *WORKFLOW):
            self.assertEqual(events.count(once), 1, f"{once} in {events}")
        self.assertLess(events.index("session_start"), events.index("client_defined_data"))
        places = [events.index(name) for name in WORKFLOW]
        self.assertEqual(places, sorted(places), f"the stages of the one question in order: {events}")

        channel = caller.first("started")["channelId"]
        for body in bodies:
            self.assertEqual((body["aiAgentId"], body["instanceId"]), (self.server.agent, instance))
            self.assertRegex(body["timestamp"], UTC)
            if body["event"] != "agent_stop":
                self.assertEqual((body["code"], body["message"]), ("200", "Success"))
        times = [body["timestamp"] for body in bodies]
        self.assertEqual(times, sorted(times))
        by_event = {body["event"]: body for body in bodies}
        self.assertEqual(by_event["session_start"]["extendData"], {"channelId": channel})
        self.assertEqual(by_event["client_defined_data"]["data"], {"order": ["A1", "中"]})
        # The caller hangs up by StopAgent.
        self.assertEqual(by_event["agent_stop"]["code"], "2006")

        stages = [by_event[name]["extendData"] for name in WORKFLOW]
        for stage in stages:
            self.assertEqual((stage["channelId"], stage["sentenceId"]), (channel, 1))
            self.assertRegex(stage["requestTimestamp"], MILLIS)
            self.assertRegex(stage["responseTimestamp"], MILLIS)
            self.assertLessEqual(stage["requestTimestamp"], stage["responseTimestamp"])
        answered = [stage["responseTimestamp"] for stage in stages]
        self.assertEqual(answered, sorted(answered))
        # What the caller measured as the time to the first text is what these two say.
        decided, first_text = (self.millis(stages[n]["responseTimestamp"]) for n in (1, 2))
        self.assertAlmostEqual(first_text - decided, caller.messages(9001)[0]["firstText"], delta=5)

        said = [entry for body in bodies if body["event"] == "chat_record" for entry in body["data"]["dialogues"]]
        subtitles = [s["text"] for s in caller.messages(1003) if s["end"]]
        self.assertEqual([e["text"] for e in said if e["producer"] == "user"], subtitles)
        greeting = next(e for e in said if e["type"] == "greeting")
        self.assertEqual((greeting["producer"], greeting["text"]), ("agent", "Good day to you."))
        for entry in said:
            self.assertEqual(entry["source"], "call")
            self.assertEqual(set(entry), {"roundId", "producer", "text", "reasoningText", "time", "source", "dialogueId", "type"})
        self.assertEqual(len({e["dialogueId"] for e in said}), len(said))

        for _, headers, path, _ in receiver.received:
            headers = {name.lower(): value for name, value in headers.items()}
            self.assertEqual(headers["authorization"], TOKEN, "letter for letter")
            self.assertTrue(headers["content-type"].startswith("application/json"))
            self.assertEqual(path, "/told?by=ringline")

    def millis(self, text):
        whole, fraction = text[:-1].split(".")
        return int(time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))) * 1000 + int(fraction)

    def test_a_client_that_tells_the_app_server_too_much_is_cut_short_and_its_call_goes_on(self):
        """20 messages (1112) at once and 10 a second; those beside them are dropped."""
        receiver = self.receiver(EventTypes="client_defined_data,agent_stop").start()
        told = [f'{{"n":{n}}}' for n in range(200)]
        arguments = [word for text in told for word in ("--tell", text)]
        instance, caller = self.call("--wav", LONG, *arguments)
        self.assertTrue(caller.messages(9001), "no answer in the call")
        receiver.until_stop(instance)
        arrived = [body["data"]["n"] for body in receiver.bodies(instance) if body["event"] == "client_defined_data"]
        self.assertEqual(arrived[:20], list(range(20)))
        self.assertEqual(arrived, sorted(arrived))
        self.assertLess(len(arrived), 200)
        self.assertTrue(self.logged(self.server, "too many messages to the app server", instance))

    def test_only_the_events_that_are_named_arrive(self):
        receiver = self.receiver(EventTypes="agent_start,agent_stop,error").start()
        instance, _ = self.call()
        receiver.until_stop(instance)
        self.assertEqual(receiver.events(instance), ["agent_start", "agent_stop"])

    # -- a receiver that is not

    def test_what_is_answered_500_twice_arrives_before_what_comes_after_it(self):
        receiver = self.receiver()
        receiver.answers = [500, 500]
        receiver.start()
        instance, _ = self.call()
        receiver.until_stop(instance)
        self.assertEqual(receiver.events(instance, 500), ["agent_start", "agent_start"])
        events = receiver.events(instance)
        self.assertEqual(events, ["agent_start", "session_start", "chat_record", "agent_stop"])

    def test_what_is_answered_400_is_not_sent_again(self):
        receiver = self.receiver()
        receiver.answers = [400]
        receiver.start()
        instance, _ = self.call()
        receiver.until_stop(instance)
        self.assertEqual(receiver.events(instance, 400), ["agent_start"])
        self.assertEqual(receiver.events(instance), ["session_start", "chat_record", "agent_stop"])
        given_up = self.logged(self.server, "a callback is given up", instance)
        self.assertEqual(len(given_up), 1)
        self.assertIn("agent_start", given_up[0])
        self.assertNotIn("channelId", given_up[0], "a body in the log")

    def logged(self, server, text, instance):
        return [line for line in server.log().splitlines() if text in line and instance in line]

    def test_a_receiver_that_hangs_gets_everything_and_the_call_is_over_before_it_answers(self):
        receiver = self.receiver()
        receiver.answers = ["hang"] * 100
        receiver.start()
        instance, caller = self.call("--wav", LONG)
        # Whole and answered while nothing at all has been told.
        self.assertTrue(caller.messages(9001), "no answer in the call")
        wait_until("the instance is finished", lambda: self.server.status(instance) == "Finished")
        self.assertEqual(receiver.events(instance), [])
        self.assertEqual(set(receiver.events(instance, "hang")), {"agent_start"}, "nothing overtakes what hangs")
        receiver.answers.clear()
        receiver.released.set()
        receiver.until_stop(instance)
        self.complete(receiver, instance)

    def complete(self, receiver, instance):
        """One question's events are all there, each once."""
        events = receiver.events(instance)
        self.assertEqual((events[0], events[-1]), ("agent_start", "agent_stop"))
        for once in ("agent_start", "session_start", "agent_stop", *WORKFLOW):
            self.assertEqual(events.count(once), 1, f"{once} in {events}")
        self.assertEqual(events.count("chat_record"), 3, "greeting, question, answer")

    def test_a_receiver_that_is_down_gets_everything_afterwards(self):
        receiver = self.receiver()
        instance, _ = self.call("--wav", LONG)
        wait_until("the instance is finished", lambda: self.server.status(instance) == "Finished")
        wait_until("it was tried in vain", lambda: self.logged(self.server, "did not get through", instance))
        receiver.start()
        receiver.until_stop(instance)
        self.complete(receiver, instance)

    def test_an_address_that_was_wrong_can_be_mended_while_events_wait(self):
        wrong = self.receiver()
        instance, _ = self.call()
        right = self.receiver().start()
        right.until_stop(instance)
        self.assertEqual(right.events(instance), ["agent_start", "session_start", "chat_record", "agent_stop"])
        self.assertEqual(wrong.received, [])

    # -- the server's own death

    def test_kill_9_between_event_and_delivery_loses_none(self):
        receiver = Receiver()
        self.addCleanup(receiver.stop)
        with Server(args=["--config", self.config]) as server:
            self.set(server, CallbackUrl=receiver.url)
            caller = server.caller("--wav", LONG)
            instance = caller.until("started")["instanceId"]
            caller.until("voice_to_voice")
            subtitles = caller.messages(1003)
            wait_until("it was tried in vain", lambda: self.logged(server, "did not get through", instance))
            # The journal, and what is told with it, is written within 250 ms.
            time.sleep(0.5)
            server.kill()
            caller.kill()
            receiver.start()
            with Server(data=server.data, args=["--config", self.config]):
                receiver.until_stop(instance)
            events = receiver.events(instance)
            self.assertEqual(events[:2], ["agent_start", "session_start"])
            for once in (*WORKFLOW, "agent_stop"):
                self.assertEqual(events.count(once), 1, f"{once} in {events}")
            said = [b["data"]["dialogues"][0]["text"] for b in receiver.bodies(instance) if b["event"] == "chat_record"]
            self.assertIn([s["text"] for s in subtitles if s["end"]][0], said)
            stop = receiver.bodies(instance)[-1]
            self.assertEqual((stop["event"], stop["code"]), ("agent_stop", "2009"))

    # -- the operations

    def test_what_is_set_is_described(self):
        receiver = self.receiver(EventTypes="agent_stop", EnableAudioRecording="false", AudioOssPath="oss://b/p")
        status, body = self.operation(self.server, "DescribeNotifyConfig")
        self.assertEqual(status, 200)
        self.assertTrue(body.pop("RequestId"))
        self.assertEqual(body, {
            "EnableNotify": True, "CallbackUrl": receiver.url, "EventTypes": "agent_stop", "Token": TOKEN,
            "EnableAudioRecording": False, "AudioOssPath": "oss://b/p",
        })

    def test_what_cannot_be_set_is_refused_by_name(self):
        for settings, code, name in (
            ({"CallbackUrl": "ftp://a.example"}, "InvalidParameter", "CallbackUrl"),
            ({"CallbackUrl": "http://127.0.0.2:9000/"}, "InvalidParameter", "CallbackUrl"),
            ({"CallbackUrl": "http://169.254.169.254/"}, "InvalidParameter", "CallbackUrl"),
            ({"EventTypes": "a b"}, "InvalidParameter", "EventTypes"),
            ({"EnableNotify": "perhaps"}, "InvalidParameter", "EnableNotify"),
            ({"EnableNotify": ""}, "MissingEnableNotify", "EnableNotify"),
            ({"AIAgentId": "nobody"}, "AgentNotFound", ""),
        ):
            status, body = self.operation(self.server, "SetNotifyConfig", **{"EnableNotify": "true", **settings})
            self.assertEqual((status, body["Code"]), (404 if code == "AgentNotFound" else 400, code), body)
            self.assertIn(name, body["Message"])


if __name__ == "__main__":
    unittest.main()
