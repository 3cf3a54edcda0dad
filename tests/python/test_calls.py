"""Whole calls with the native caller against a server with scripted models."""

import unittest

from harness import LONG, SHORT, Server, loudness, probe, wait_until


class Calls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        cls.server.__exit__()
        assert code == 0, f"SIGTERM must drain and exit 0, not {code}"

    def finished(self, instance):
        wait_until("the instance is finished", lambda: self.server.status(instance) == "Finished")

    def test_a_call_of_two_turns_is_answered_recorded_and_replays(self):
        caller = self.server.caller("--wav", LONG, "--wav", SHORT)
        code, _ = caller.finish()
        self.assertEqual(code, 0, caller.problem())
        instance = caller.first("started")["instanceId"]

        user = [s["text"] for s in caller.messages(1003) if s["end"]]
        self.assertEqual(user, ["Hello, who am I talking to?", "What can you do?"])
        ids = [s["sentenceId"] for s in caller.messages(1003) if s["end"]]
        self.assertEqual(ids, [1, 2], "one id per question")
        for sentence in (0, 1, 2):
            pieces = [s for s in caller.messages(1002) if s["sentenceId"] == sentence]
            self.assertTrue("".join(p["text"] for p in pieces).strip(), f"no subtitles for {sentence}")
            self.assertEqual([p["end"] for p in pieces], [False] * (len(pieces) - 1) + [True])
        states = [s["state"] for s in caller.messages(1001)]
        self.assertEqual(states, [3, 1, 2, 3, 1, 2, 3, 1], "speaking, listening, thinking in turn")
        for latency in caller.messages(9001):
            parts = ("endpointing", "transcript", "firstText", "firstSegment", "firstAudio", "playout")
            self.assertEqual(sum(latency[p] for p in parts), latency["total"])

        self.finished(instance)
        for track in ("user", "agent"):
            path = self.server.recording(instance, track)
            wait_until(f"the {track} track ends", lambda: probe(path) > 20)
            self.assertGreater(loudness(path), -45, f"the {track} track is silent")
        replay = self.server.replay(instance)
        self.assertEqual(replay.returncode, 0, replay.stderr)
        self.assertIn("every output identical", replay.stdout)

    def test_speaking_over_the_agent_silences_it_with_reason_voice(self):
        caller = self.server.caller("--wav", LONG, "--wav", SHORT, "--interrupt-after", "1500")
        code, _ = caller.finish()
        self.assertEqual(code, 0, caller.problem())
        self.assertEqual([m["reason"] for m in caller.messages(1016)], [2])
        self.assertIsNotNone(caller.first("barge_in"), "the agent did not fall silent")
        cut = next(i for i, e in enumerate(caller.events) if e["event"] == "interrupted")
        before = [e["message"]["data"]["sentenceId"] for e in caller.events[:cut] if e.get("message", {}).get("type") == 1002]
        after = [e["message"]["data"]["sentenceId"] for e in caller.events[cut:] if e.get("message", {}).get("type") == 1002]
        self.assertNotIn(before[-1], after, "subtitles of an interrupted answer went on")

    def test_two_calls_at_once_do_not_mix(self):
        callers = [self.server.caller("--wav", LONG, "--user", f"user-{n}") for n in range(2)]
        for caller in callers:
            code, _ = caller.finish()
            self.assertEqual(code, 0, caller.problem())
            self.assertEqual([s["text"] for s in caller.messages(1003) if s["end"]], ["Hello, who am I talking to?"])
        self.assertNotEqual(callers[0].first("started")["channelId"], callers[1].first("started")["channelId"])

    def test_twenty_calls_at_once_are_all_answered(self):
        callers = [self.server.caller("--wav", SHORT, "--user", f"many-{n}") for n in range(20)]
        codes = [caller.finish()[0] for caller in callers]
        self.assertEqual([caller.problem() for caller, code in zip(callers, codes, strict=True) if code != 0], [])

    def test_a_call_without_turns_hears_the_greeting_and_hangs_up(self):
        caller = self.server.caller("--agent-config", '{"Greeting":"Good day to you."}')
        code, _ = caller.finish()
        self.assertEqual(code, 0)
        said = "".join(s["text"] for s in caller.messages(1002))
        self.assertEqual(said.strip(), "Good day to you.")
        self.finished(caller.first("started")["instanceId"])


if __name__ == "__main__":
    unittest.main()
