"""Settings of AIAgentConfig that change how a call is talked, end to end with the native caller."""

import json
import tempfile
import unittest
from pathlib import Path

from files import ALLOWED, Files, tone
from harness import LONG, SHORT, Server, wait_until
from tones import PITCH, heard


def message(kind, **data):
    return json.dumps({"type": kind, "data": data})


class Settings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="ringline-test-")
        config = Path(cls.directory.name) / "config.toml"
        config.write_text(ALLOWED)
        cls.server = Server(args=("--config", config))

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.__exit__()
        cls.directory.cleanup()

    def out(self):
        return Path(self.directory.name) / f"{self.id()}.wav"

    def agent_with_sound(self, url):
        agent = {"name": "Test", "config": {"Greeting": "Hello."},
                 "settings": {"ambient_sounds": [{"id": "hum", "url": url}]}}
        token = {"authorization": f"Bearer {self.server.ready['admin_token']}"}
        status, agent = self.server.post("/api/ringline/v1/admin/agents", agent, headers=token)
        self.assertEqual(status, 201, agent)
        return agent["id"]

    def call(self, *args, config=None, answered=True):
        caller = self.server.caller(*args, "--agent-config", json.dumps(config or {}))
        code, _ = caller.finish()
        self.assertEqual(code == 0, answered, caller.problem())
        return caller

    def replays(self, caller):
        instance = caller.first("started")["instanceId"]
        wait_until("the instance is finished", lambda: self.server.status(instance) == "Finished")
        replay = self.server.replay(instance)
        self.assertEqual(replay.returncode, 0, replay.stderr)

    def test_push_to_talk_turns_end_when_the_button_is_let_go(self):
        caller = self.call(
            "--push-to-talk", "--wav", LONG, "--wav", SHORT, config={"EnablePushToTalk": True, "Greeting": "Hello."}
        )
        ended = [s["text"] for s in caller.messages(1003) if s["end"]]
        self.assertEqual(ended, ["Hello, who am I talking to?", "What can you do?"])
        for latency in caller.messages(9001):
            self.assertEqual(latency["endpointing"], 0, "no silence was waited for")
        self.assertEqual([s["state"] for s in caller.messages(1001)], [3, 1, 2, 3, 1, 2, 3, 1])
        self.replays(caller)

    def test_without_the_button_nothing_is_heard_in_push_to_talk(self):
        caller = self.call(
            "--wav", SHORT, "--patience", "3", "--send", message(1105, enable=True), config={"Greeting": "Hello."}, answered=False
        )
        self.assertEqual(caller.messages(1007), [{"enable": True}])
        self.assertEqual(caller.messages(1003), [])
        self.replays(caller)

    def test_the_ambient_sound_plays_behind_the_call_and_is_fetched_once(self):
        files = Files({"/hum.wav": tone(2, rate=8000, frequency=PITCH)})
        self.addCleanup(files.stop)
        agent = self.agent_with_sound(files.url("/hum.wav"))
        config = json.dumps({"AmbientSoundConfig": {"ResourceId": "hum", "Volume": 50}})
        # The caller waits for silence, which there is none of, and gives up.
        callers = [
            self.server.caller("--wav", SHORT, "--patience", "8", "--out", out, "--agent-config", config, agent=agent)
            for out in (self.out(), self.out().with_suffix(".second.wav"))
        ]
        for caller in callers:
            caller.finish()
            self.assertIn(1, [s["sentenceId"] for s in caller.messages(1002)], "the question is being answered")
        seconds, places = heard(self.out())
        self.assertGreater(seconds, 3, "longer than the file: it goes round")
        self.assertEqual(files.asked, ["/hum.wav"], "two calls at once share it")
        self.replays(callers[0])

    def test_an_ambient_sound_that_cannot_be_had_holds_nothing_up(self):
        agent = self.agent_with_sound("http://127.0.0.1:9/none.wav")
        for resource in ("hum", "other"):
            config = json.dumps({"AmbientSoundConfig": {"ResourceId": resource}})
            caller = self.server.caller("--wav", SHORT, "--agent-config", config, agent=agent)
            code, _ = caller.finish()
            self.assertEqual(code, 0, caller.problem())

    def test_a_word_is_said_at_a_pause_without_taking_the_turn(self):
        words = [{"Text": "Right.", "Probability": 1}]
        config = {"Greeting": "Hello.", "BackChannelingConfig": [{"Enable": True, "Probability": 1, "Words": words}]}
        caller = self.call("--wav", LONG, config=config)
        self.assertNotIn("Right.", [s["text"] for s in caller.messages(1002)])
        self.assertEqual([s["state"] for s in caller.messages(1001)], [3, 1, 2, 3, 1])
        self.replays(caller)

    def test_brackets_are_not_shown_and_words_are_shown_as_written(self):
        rules = [{"Word": "Hello", "Pronunciation": "Hallo", "Type": "replacement"}]
        caller = self.call(
            "--wav", SHORT,
            config={"Greeting": "Hello (waves) there.", "TtsConfig": {"UnspokenBrackets": ["()"], "PronunciationRules": rules}},
        )
        greeting = "".join(s["text"] for s in caller.messages(1002) if s["sentenceId"] == 0)
        self.assertEqual(" ".join(greeting.split()), "Hello there.")
