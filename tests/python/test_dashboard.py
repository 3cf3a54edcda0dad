"""Every query of the Grafana dashboard gives data in a real Prometheus that scrapes a server with calls.

Wants Debian's prometheus. Takes about a minute; behind `make test-slow`.
"""

import json
import math
import shutil
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from harness import LONG, ROOT, SHORT, Server, wait_until

DASHBOARD = ROOT / "docs" / "grafana" / "ringline.json"
#: Where nothing has gone wrong there is nothing to divide by.
MAY_BE_NAN = {"Packets lost to users, p95", "Response and yield rate", "Provider errors"}


@unittest.skipUnless(shutil.which("prometheus"), "there is no prometheus: scripts/system-packages.sh test")
class Dashboard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="ringline-test-")
        here = Path(cls.directory.name)
        (here / "ringline.toml").write_text('[metrics]\nlisten = "127.0.0.1:0"\n')
        cls.server = Server(args=["--config", here / "ringline.toml"])
        target = urllib.parse.urlsplit(cls.server.ready["metrics_url"]).netloc
        (here / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s}\n"
            f"scrape_configs: [{{job_name: ringline, static_configs: [{{targets: ['{target}']}}]}}]\n"
        )
        subprocess.run(["promtool", "check", "config", here / "prometheus.yml"], check=True, capture_output=True)
        command = [
            "prometheus", f"--config.file={here}/prometheus.yml", f"--storage.tsdb.path={here}/data",
            "--web.listen-address=127.0.0.1:0",
        ]
        cls.log = here / "prometheus.log"
        with open(cls.log, "w") as log:
            cls.prometheus = subprocess.Popen(command, stdout=log, stderr=log)
        cls.url = wait_until("Prometheus listens", cls.address)
        wait_until("Prometheus is ready", cls.is_ready)

    @classmethod
    def address(cls):
        """Where it really listens: found by its own sockets, since it doesn't say."""
        assert cls.prometheus.poll() is None, cls.log.read_text()
        sockets = {
            link.readlink().name for link in Path(f"/proc/{cls.prometheus.pid}/fd").iterdir() if link.is_symlink()
        }
        for line in Path(f"/proc/{cls.prometheus.pid}/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                return f"http://127.0.0.1:{int(fields[1].split(':')[1], 16)}"
        return None

    @classmethod
    def is_ready(cls):
        try:
            return urllib.request.urlopen(f"{cls.url}/-/ready", timeout=10).close() is None
        except urllib.error.HTTPError:
            return False

    @classmethod
    def tearDownClass(cls):
        cls.prometheus.terminate()
        cls.prometheus.wait(20)
        code = cls.server.stop()
        cls.server.__exit__()
        cls.directory.cleanup()
        assert code == 0

    def query(self, expression):
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{query}", timeout=10) as answer:
            return json.load(answer)["data"]["result"]

    def test_every_panel_shows_data(self):
        wait_until("the first scrape", lambda: self.query("ringline_build_info"))
        for options in (("--interrupt-after", "1500"), ()):
            code, _ = self.server.caller("--wav", LONG, "--wav", SHORT, *options).finish()
            self.assertEqual(code, 0)
        ended = time.monotonic()
        wait_until("the calls' ends are scraped", lambda: self.query("sum(ringline_calls_ended_total) == 2"))
        dashboard = json.loads(DASHBOARD.read_text())
        panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
        self.assertGreater(len(panels), 20)
        metrics = set()
        for panel in panels:
            self.assertTrue(panel["targets"], panel["title"])
            for target in panel["targets"]:
                minutes = math.ceil((time.monotonic() - ended) / 60) + 2
                expression = target["expr"].replace("$instance", ".*").replace("$__rate_interval", f"{minutes}m")
                found = self.query(expression)
                self.assertTrue(found, f"{panel['title']}: {expression} gives nothing")
                values = [float(series["value"][1]) for series in found]
                if panel["title"] not in MAY_BE_NAN:
                    self.assertTrue(all(map(math.isfinite, values)), f"{panel['title']}: {expression} gives {values}")
                metrics |= {name for name in self.names() if name in expression}
        # What is measured is shown.
        self.assertEqual(self.names() - metrics, set())

    def names(self):
        """The server's own metrics, histograms by their base."""
        with urllib.request.urlopen(self.server.ready["metrics_url"], timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return {line.split()[2] for line in lines if line.startswith("# TYPE ringline_")}

    def test_every_metric_is_documented(self):
        text = (ROOT / "docs" / "monitoring.md").read_text()
        self.assertEqual({name for name in self.names() if f"`{name}" not in text}, set())


if __name__ == "__main__":
    unittest.main()
