"""kill -9 of a real server at random moments of real calls: what is left of their recordings, before and after the next start.

RINGLINE_SERVER_KILLS says how often (20), RINGLINE_SEED where the moments begin (1). Not one of the suites that run by themselves
(`make test-slow`); the recorder alone is killed a thousand times there (calls::recorder::tests).
"""

import json
import os
import random
import time
import unittest

from harness import LONG, Server, probe, wait_until
from test_recordings import admin_json, verification

CALLS = 3


class Kills(unittest.TestCase):
    def test_random_kills_leave_files_that_open_and_lose_less_than_a_second(self):
        kills, seed = int(os.environ.get("RINGLINE_SERVER_KILLS", "20")), int(os.environ.get("RINGLINE_SEED", "1"))
        moments = random.Random(seed)
        lost = []
        server = Server()
        self.addCleanup(lambda: server.__exit__())
        for n in range(kills):
            callers = [server.caller("--wav", LONG) for _ in range(CALLS)]
            instances = [caller.until("started")["instanceId"] for caller in callers]
            joined = {}
            for caller, instance in zip(callers, instances):
                caller.until("joined")
                joined[instance] = time.monotonic()
            time.sleep(moments.uniform(0.2, 8.0))
            server.kill()
            killed = time.monotonic()
            for caller in callers:
                caller.kill()
            for instance in instances:
                for track in ("user", "agent"):
                    path = server.recording(instance, track)
                    length = killed - joined[instance]
                    lost.append(length - probe(path) if path.exists() else length)
            again = Server(data=server.data)
            for instance in instances:
                wait_until("it is sealed", lambda: verification(again, instance)["verdict"] != "unsealed")
                self.assertEqual(verification(again, instance)["verdict"], "intact", f"kill {n} of seed {seed}")
                for track in admin_json(again, f"/calls/{instance}/recording/index")["tracks"]:
                    probe(again.recording(instance, track))
            server.process.stdout.close()
            # The data directory is the first one's to remove.
            again._own, server._own = server._own, None
            server = again
        lost.sort()
        at = lambda percent: lost[min(len(lost) * percent // 100, len(lost) - 1)]
        print(json.dumps({"kills": kills, "tracks": len(lost), "lost_s": {"p50": at(50), "p99": at(99), "most": lost[-1]}}))
        # Where the process stood is known by the caller's clock only: half a second for that and for what a busy machine does.
        self.assertLess(at(99), 1.5)


if __name__ == "__main__":
    unittest.main()
