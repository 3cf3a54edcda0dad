"""A spoken call with local models: what is heard are the words that were said, the answer comes from the model."""

import os
import re
import unittest

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
    def test_a_person_is_understood_and_answered_by_the_models(self):
        with Server("local", args=("--tier", os.environ.get("TIER", "tiny"))) as server:
            caller = server.caller("--wav", LONG, "--wav", SHORT, "--patience", "120")
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
            instance = caller.first("started")["instanceId"]
            replay = server.replay(instance)
            self.assertEqual(replay.returncode, 0, replay.stderr)


if __name__ == "__main__":
    unittest.main()
