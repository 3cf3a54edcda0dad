"""Callbacks to a receiver that is away for a minute, with the waits of the default configuration. Not one of the suites that run by
themselves (`make test-slow`); test_callbacks has the same with shorter waits.
"""

import tempfile
import time
import unittest
from pathlib import Path

import test_callbacks
from harness import LONG, Server, wait_until


class OneMinute(unittest.TestCase):
    """The waits of the default configuration: attempts after 0, 1, 6, 31 and 91 s."""

    def test_a_receiver_that_is_down_for_a_minute_gets_everything_afterwards(self):
        receiver = test_callbacks.Receiver()
        self.addCleanup(receiver.stop)
        with tempfile.TemporaryDirectory(prefix="ringline-test-") as directory:
            config = Path(directory) / "ringline.toml"
            config.write_text('[outward]\nallow = ["127.0.0.1/32"]\n')
            with Server(args=["--config", config]) as server:
                test_callbacks.Callbacks.set(self, server, CallbackUrl=receiver.url)
                down = time.monotonic()
                caller = server.caller("--wav", LONG)
                code, _ = caller.finish()
                self.assertEqual(code, 0, caller.problem())
                instance = caller.first("started")["instanceId"]
                wait_until("a minute is over", lambda: time.monotonic() - down > 60, 90)
                receiver.start()
                receiver.until_stop(instance, 120)
                test_callbacks.Callbacks.complete(self, receiver, instance)

    operation = test_callbacks.Callbacks.operation


if __name__ == "__main__":
    unittest.main()
