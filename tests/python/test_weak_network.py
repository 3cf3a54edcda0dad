"""Calls over a bad network, in network namespaces with an impaired path between them (`tests/bench`). `make bench-network` has more
of it, with speech recognition. Wants root; skipped otherwise."""

import os
import sys
import tempfile
import unittest
from pathlib import Path

from harness import BIN, LONG, ROOT, SHORT, Caller

sys.path.insert(0, str(ROOT / "tests" / "bench"))

from impairer import possible, random_loss  # noqa: E402
from namespaces import ClientSide, ServerSide  # noqa: E402
from weak_network import Server  # noqa: E402


@unittest.skipIf(possible(), str(possible()))
@unittest.skipIf(os.environ.get("RINGLINE_TEST_DATABASE") == "postgres", "the database matters for nothing here")
class WeakNetwork(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ringline-weak-")
        self.addCleanup(folder.cleanup)
        self.side = self.enterContext(ServerSide())
        self.server = Server(BIN, self.side, Path(folder.name))
        self.addCleanup(self.server.stop)
        self.client = self.enterContext(ClientSide(self.side))

    def call(self, *wavs):
        command = [BIN, "call", "--url", self.server.url, "--agent", self.server.agent, "--json"]
        command += [argument for wav in wavs for argument in ("--wav", wav)]
        return Caller(self.client.command(*command))

    def test_with_a_fifth_of_the_packets_lost_turns_are_answered_and_the_answers_heard(self):
        self.client.path.set(random_loss(0.2))
        caller = self.call(SHORT, SHORT)
        code, _ = caller.finish(120)
        self.assertEqual(code, 0, caller.problem())
        heard = caller.first("heard")
        self.assertGreater(heard["speech_ms"], 5000)
        # Each frame travels three times: 0.8 % by chance.
        self.assertLess(heard["missing_ms"], 0.05 * heard["speech_ms"], heard)

    def test_a_call_goes_on_from_another_address(self):
        caller = self.call(LONG, SHORT)
        while not caller.messages(1003):
            caller.until("message")
        self.client.move()
        code, _ = caller.finish(120)
        self.assertEqual(code, 0, caller.problem())
        self.assertEqual([e["event"] for e in caller.events if e["event"] == "network_changed"], ["network_changed"])
        self.assertEqual(len({message["sentenceId"] for message in caller.messages(1003) if message["end"]}), 2)


if __name__ == "__main__":
    unittest.main()
