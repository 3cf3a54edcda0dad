"""GET /metrics before, during and after calls that are really made: what it says is what happened."""

import re
import tempfile
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from harness import LONG, SHORT, Server, wait_until

LINE = re.compile(r'^(?P<name>[a-z_]+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)$')
STAGES = ("endpointing", "transcript", "first_text", "first_segment", "first_audio", "playout", "total")


class Scrape:
    """One answer of /metrics."""

    def __init__(self, text):
        self.text = text
        self.values, self.kinds = {}, {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split()
                self.kinds[name] = kind
            elif not line.startswith("#"):
                found = LINE.match(line)
                assert found, line
                labels = tuple(sorted(re.findall(r'(\w+)="([^"]*)"', found["labels"] or "")))
                self.values[found["name"], labels] = float(found["value"])

    def get(self, name, **labels):
        """The sum over all series that have these labels; 0 if there are none."""
        wanted = set(labels.items())
        return sum(v for (n, have), v in self.values.items() if n == name and wanted <= set(have))


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="ringline-test-")
        config = Path(cls.directory.name) / "ringline.toml"
        config.write_text('[metrics]\nlisten = "127.0.0.1:0"\n')
        cls.server = Server(args=["--config", config])

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        cls.server.__exit__()
        cls.directory.cleanup()
        assert code == 0, f"SIGTERM must drain and exit 0, not {code}"

    def scrape(self, url=None, token=None):
        request = urllib.request.Request(url or self.server.ready["metrics_url"])
        if token:
            request.add_header("authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            self.assertTrue(answer.headers["content-type"].startswith("text/plain; version=0.0.4"))
            return Scrape(answer.read().decode())

    def test_the_servers_own_address_wants_the_admin_token(self):
        url = self.server.url + "/metrics"
        for token in (None, "wrong"):
            with self.assertRaises(urllib.error.HTTPError) as refused:
                self.scrape(url, token)
            self.assertEqual(refused.exception.code, 401)
        own = self.scrape(url, self.server.ready["admin_token"])
        self.assertEqual(own.get("ringline_build_info", version=self.server.ready["version"]), 1)
        self.assertEqual(own.kinds, self.scrape().kinds)

    def test_a_calls_metrics_say_what_happened_in_it(self):
        before = self.scrape()
        waiting = self.server.start_call()["ai_agent_instance_id"]
        during = self.scrape()
        self.assertEqual(during.get("ringline_calls", state="waiting"), 1)
        self.assertEqual(during.get("ringline_calls_started_total") - before.get("ringline_calls_started_total"), 1)

        caller = self.server.caller("--wav", LONG, "--wav", SHORT, "--interrupt-after", "1500")
        caller.until("message")
        wait_until("the user is connected", lambda: self.scrape().get("ringline_calls", state="connected") == 1)
        code, _ = caller.finish()
        self.assertEqual(code, 0, caller.problem())
        for instance in (caller.first("started")["instanceId"], waiting):
            self.server.post(
                f"/api/ringline/v1/admin/calls/{instance}/stop", b"", "POST",
                {"authorization": f"Bearer {self.server.ready['admin_token']}"},
            )
            wait_until("the call is over", lambda instance=instance: self.server.status(instance) == "Finished")
        after = self.scrape()

        def more(name, **labels):
            return after.get(name, **labels) - before.get(name, **labels)

        self.assertEqual(after.get("ringline_calls"), 0)
        self.assertEqual((more("ringline_calls_started_total"), more("ringline_calls_ended_total")), (2, 2))
        self.assertGreaterEqual(more("ringline_calls_ended_total", reason="stopped_by_api"), 1)
        self.assertEqual(more("ringline_call_duration_seconds_count"), 2)
        # Turns and latencies: as the caller was told of them.
        told = caller.messages(9001)
        for stage in STAGES:
            self.assertEqual(more("ringline_turn_latency_seconds_count", stage=stage), len(told), stage)
        total = more("ringline_turn_latency_seconds_sum", stage="total")
        self.assertAlmostEqual(total, sum(latency["total"] for latency in told) / 1000, places=3)
        parts = sum(more("ringline_turn_latency_seconds_sum", stage=stage) for stage in STAGES[:-1])
        self.assertAlmostEqual(parts, total, places=3)
        self.assertEqual((more("ringline_turns_total"), more("ringline_turns_answered_total")), (2, 2))
        self.assertEqual(more("ringline_interruptions_total", reason="voice"), len(caller.messages(1016)))
        self.assertEqual(more("ringline_overlaps_total", outcome="interrupted"), 1)
        self.assertEqual((more("ringline_user_interruptions_total"), more("ringline_yields_total")), (1, 1))
        self.assertEqual(more("ringline_yield_seconds_count"), 1)
        # Media: 50 packets a second of some 20 s, all of which arrive on the loopback.
        self.assertGreater(more("ringline_media_packets_received_total"), 500)
        self.assertLess(more("ringline_media_packets_lost_total"), 50)
        self.assertGreater(more("ringline_media_tick_lateness_seconds_count"), 500)
        self.assertGreater(more("ringline_media_jitter_seconds_count"), 5)
        self.assertEqual(more("ringline_dropped_total"), 0)
        # Providers: a transcript and an answer for each turn; the greeting is synthesised as well, once for each call.
        for node, least in (("recognition", 2), ("language_model", 2), ("synthesis", 4)):
            self.assertGreaterEqual(more("ringline_provider_requests_total", node=node, family="scripted"), least, node)
            self.assertGreaterEqual(more("ringline_provider_latency_seconds_count", node=node), least, node)
            self.assertEqual(more("ringline_provider_errors_total", node=node), 0, node)
        self.assertEqual(after.get("ringline_database_up"), 1)

    def test_no_label_holds_an_id_or_what_was_said(self):
        caller = self.server.caller("--wav", SHORT, "--user", "somebody-special")
        code, _ = caller.finish()
        self.assertEqual(code, 0, caller.problem())
        text = self.scrape().text
        for private in (caller.first("started")["instanceId"], self.server.agent, "somebody-special", "Hello"):
            self.assertNotIn(private, text)


if __name__ == "__main__":
    unittest.main()
