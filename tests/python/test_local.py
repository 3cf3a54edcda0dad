"""A spoken call with local models: what is heard are the words that were said, the answer comes from the model."""

import json
import os
import re
import tempfile
import unittest
from pathlib import Path

from files import ALLOWED, Files
from harness import LONG, SHORT, SPEECH, Server


def words(text):
    return re.findall(r"[a-z]+", text.lower())


def transcript(wav):
    """What is read in a librivox sample, from the package's own list: `text (id)`."""
    for line in (SPEECH / "transcription").read_text().splitlines():
        text, _, name = line.rpartition("(")
        if name.rstrip(")") in wav.stem:
            return words(re.sub(r"<[^>]*>", " ", text))
    raise AssertionError(f"no transcript of {wav}")


class Local(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="ringline-test-")
        config = Path(cls.directory.name) / "config.toml"
        config.write_text(ALLOWED)
        cls.server = Server("local", args=("--tier", os.environ.get("TIER", "tiny"), "--config", config))
        cls.files = Files({"/reader.wav": LONG.read_bytes()})

    @classmethod
    def tearDownClass(cls):
        cls.files.stop()
        cls.server.__exit__()
        cls.directory.cleanup()

    def replayed(self, caller):
        replay = self.server.replay(caller.first("started")["instanceId"])
        self.assertEqual(replay.returncode, 0, replay.stderr)

    def test_a_person_is_understood_and_answered_by_the_models(self):
        caller = self.server.caller("--wav", LONG, "--wav", SHORT, "--patience", "120")
        code, _ = caller.finish(400)
        self.assertEqual(code, 0, caller.problem())
        heard = [words(s["text"]) for s in caller.messages(1003) if s["end"]]
        wanted = [transcript(said) for said in (LONG, SHORT)]
        self.assertEqual(len(heard), len(wanted), heard)
        # The recogniser's word error rate on this reader is about 3 %; its worst sentence here has a quarter wrong.
        found = sum(word in got for want, got in zip(wanted, heard, strict=True) for word in want)
        share = found / sum(map(len, wanted))
        self.assertGreater(share, 0.8, f"{wanted} was heard as {heard}")
        for sentence in (1, 2):
            answer = "".join(s["text"] for s in caller.messages(1002) if s["sentenceId"] == sentence)
            self.assertGreater(len(words(answer)), 1, "the model said nothing")
        self.replayed(caller)

    def test_somebody_else_than_the_registered_reader_is_heard_and_not_answered(self):
        given = json.dumps({"Type": "url", "Data": self.files.url("/reader.wav"), "Format": "wav"})
        request = {"user_id": "reader", "voiceprint_id": "reader", "input": given}
        status, body = self.server.post("/api/v2/aiagent/setAIAgentVoiceprint", request)
        self.assertEqual((status, body["code"]), (200, 200), body)
        config = json.dumps({"VoiceprintConfig": {"UseVoiceprint": True, "VoiceprintId": "reader"}})
        caller = self.server.caller(
            "--wav", SHORT, "--wav", SPEECH.parent / "cards" / "005.wav", "--agent-config", config, "--patience", "60"
        )
        caller.finish(400)
        ends = [s for s in caller.messages(1003) if s["end"]]
        self.assertEqual([s["voiceprint"] for s in ends], [2, 3], caller.problem())
        answered = {s["sentenceId"] for s in caller.messages(1002)} - {0}
        self.assertEqual(answered, {ends[0]["sentenceId"]})
        self.replayed(caller)


if __name__ == "__main__":
    unittest.main()
