"""Audio files in a call: SendAIAgentSpeech with Type=AudioUrl (server-api §4.8) and PreConnectAudioUrl (§5.1), heard by the
native caller. Wants the SDK (tests/python/requirements.txt). Models are scripted.
"""

import json
import unittest
from pathlib import Path

from files import ALLOWED, Files, tone
from harness import wait_until
from test_operations import AGENT_TEXT, Operations
from tones import PITCH, heard


class AudioFiles(Operations):
    config = ALLOWED

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.files = Files({
            "/three.wav": tone(3, frequency=PITCH),
            "/stereo.wav": tone(2, rate=44100, channels=2, frequency=PITCH),
            "/long.wav": tone(40, rate=8000, frequency=PITCH),
            "/page.html": b"<html>no audio</html>",
        })

    @classmethod
    def tearDownClass(cls):
        cls.files.stop()
        super().tearDownClass()

    def play(self, instance, url):
        self.say(instance, url, type="AudioUrl")

    def out(self):
        return Path(self.directory.name) / f"{self.id()}.wav"

    def entries(self, instance, number):
        session = self.describe(instance).session_id
        wait_until(f"{number} entries", lambda: len(self.dialogues(session)) == number)
        return [(entry.type, entry.text) for entry in reversed(self.dialogues(session))]

    def over(self, caller, instance):
        self.stop(instance)
        caller.finish(60)
        replay = self.server.replay(instance)
        self.assertEqual(replay.returncode, 0, replay.stderr)


class Allowed(AudioFiles):
    def test_an_audio_file_is_heard_and_stored_as_speech(self):
        caller, instance = self.on_the_line("Hello.", "--out", self.out())
        url = self.files.url("/three.wav?Signature=secret")
        self.play(instance, url)
        self.until_message(caller, 1001, lambda data: data["state"] == 3)
        self.say(instance, "Behind it.", enable_interrupt=False)
        self.assertEqual(self.entries(instance, 3), [("greeting", "Hello."), ("speech", url), ("speech", "Behind it.")])
        self.over(caller, instance)
        seconds, _ = heard(self.out())
        self.assertGreater(seconds, 2.7)
        self.assertLess(seconds, 3.3)
        self.assertNotIn("secret", self.server.log())

    def test_a_text_cuts_an_audio_file_longer_than_the_playout_queue_likes(self):
        caller, instance = self.on_the_line("Hello.", "--out", self.out())
        since = len(caller.events)
        self.play(instance, self.files.url("/long.wav"))
        self.until_message(caller, 1001, lambda data: data["state"] == 3)
        self.say(instance, "Enough.")
        self.assertEqual(self.sentence(caller, since), "Enough.")
        self.assertEqual(self.entries(instance, 3)[-1], ("speech", "Enough."))
        self.over(caller, instance)
        seconds, _ = heard(self.out())
        self.assertLess(seconds, 20, "the rest of the file was not taken back")

    def test_audio_comes_before_the_greeting(self):
        config = json.dumps({"Greeting": "Hello.", "PreConnectAudioUrl": self.files.url("/stereo.wav")})
        caller = self.server.caller(
            "--wav", self.quiet, "--agent-config", config, "--patience", "60", "--out", self.out()
        )
        self.addCleanup(caller.hang_up)
        instance = caller.until("started")["instanceId"]
        self.until_message(caller, AGENT_TEXT, lambda data: data["end"])
        self.assertEqual(self.entries(instance, 1), [("greeting", "Hello.")])
        self.over(caller, instance)
        seconds, _ = heard(self.out())
        self.assertGreater(seconds, 1.7)
        self.assertLess(seconds, 2.3)

    def test_a_file_that_cannot_be_played_is_left_out_and_the_log_says_why(self):
        caller, instance = self.on_the_line()
        for path in ("/none.wav", "/moved", "/page.html"):
            self.play(instance, self.files.url(path))
        self.say(instance, "Still here.", enable_interrupt=False)
        self.assertEqual(self.entries(instance, 2)[-1], ("speech", "Still here."))
        for words in ("status 404", "status 302", "no audio file of a known kind"):
            wait_until(words, lambda: words in self.server.log())
        self.over(caller, instance)

    def test_what_is_no_address_is_refused_at_the_door(self):
        instance = self.generate().instance_id
        self.addCleanup(self.stop, instance)
        for url in ("hello", "ftp://example.com/a.wav", "http://10.0.0.1/a.wav", "http://a:b@example.com/a.wav"):
            self.assertIn("Text", self.refused(400, "InvalidParameter", self.play, instance, url))
            config = json.dumps({"PreConnectAudioUrl": url})
            request = {"ai_agent_id": self.server.agent, "user_id": "u", "agent_config": config}
            _, body = self.server.post("/api/v2/aiagent/generateAIAgentCall", request)
            self.assertEqual((body["code"], body["error_code"]), (400, "InvalidParameter"), body)
            self.assertIn("PreConnectAudioUrl", body["message"])


class Strict(AudioFiles):
    """Nothing of this machine is allowed."""

    config = ""

    def test_this_machine_is_refused_at_the_door_as_a_literal_and_later_as_a_name(self):
        caller, instance = self.on_the_line()
        literal = self.files.url("/three.wav")
        self.assertIn("may not connect", self.refused(400, "InvalidParameter", self.play, instance, literal))
        self.play(instance, self.files.url("/three.wav", "localhost"))
        self.say(instance, "Still here.", enable_interrupt=False)
        self.assertEqual(self.entries(instance, 2)[-1], ("speech", "Still here."))
        wait_until("the log says why", lambda: "may not connect to" in self.server.log())
        self.assertEqual(self.files.asked, [])
        self.over(caller, instance)


if __name__ == "__main__":
    unittest.main()
