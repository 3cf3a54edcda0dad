"""kill -9 in the middle of a call, and what is left of it."""

import time
import unittest

from harness import LONG, Server, probe, wait_until


class Crash(unittest.TestCase):
    def test_both_tracks_open_and_end_less_than_two_seconds_before_the_kill(self):
        with Server() as server:
            caller = server.caller("--wav", LONG)
            instance = caller.until("started")["instanceId"]
            caller.until("joined")
            joined = time.monotonic()
            caller.until("voice_to_voice")
            wait_until("some of the answer is out", lambda: time.monotonic() - joined > 12)
            server.kill()
            length = time.monotonic() - joined
            caller.kill()
            for track in ("user", "agent"):
                seconds = probe(server.recording(instance, track))
                self.assertLess(length - seconds, 2.0, f"the {track} track lost {length - seconds:.2f} s")
                self.assertLess(seconds - length, 0.5, f"the {track} track is longer than the call")

            # The next start knows that the call is over, and its journal replays as far as it was written.
            with Server(data=server.data) as again:
                self.assertEqual(again.status(instance), "Finished")
                self.assertEqual(again.ready["agent_id"], server.ready["agent_id"])
                self.assertEqual(again.ready["access_key_secret"], server.ready["access_key_secret"])
                replay = again.replay(instance)
                self.assertEqual(replay.returncode, 0, replay.stderr)


if __name__ == "__main__":
    unittest.main()
