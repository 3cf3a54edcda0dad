"""`ringline doctor`: what it finds on a machine, of a running server, and of a real TURN server (Debian's coturn)."""

import base64
import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import BIN, Server, wait_until

SECRET = "north-wind"


def doctor(*args, **environment):
    """(exit code, report by names, the report itself)"""
    command = [str(a) for a in (BIN, "doctor", "--json", *args)]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("RINGLINE_DATABASE")}
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**plain, **environment})
    assert run.stdout, run.stderr
    report = json.loads(run.stdout)
    checks = {}
    for check in report["checks"]:
        checks.setdefault(check["name"], []).append(check)
    return run.returncode, checks, report


class Doctor(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="ringline-test-")
        self.addCleanup(directory.cleanup)
        self.here = Path(directory.name)

    def config(self, text):
        path = self.here / "ringline.toml"
        path.write_text(text)
        return path

    def server(self, **options):
        server = Server(**options)
        self.addCleanup(server.__exit__)
        return server

    def verdicts(self, checks):
        return {name: sorted({check["verdict"] for check in of_name}) for name, of_name in checks.items()}

    def test_a_machine_that_is_in_order_has_nothing_in_the_way(self):
        code, checks, report = doctor("--models", "scripted", "--data", self.here / "data")
        self.assertEqual((code, report["ok"]), (0, True), report)
        expected = {"cpu", "disk", "database", "udp", "tcp", "turn", "models", "language_model", "synthesis", "recognition"}
        self.assertEqual(set(checks), expected)
        verdicts = self.verdicts(checks)
        for name in ("cpu", "udp", "tcp", "language_model", "synthesis", "recognition"):
            self.assertEqual(verdicts[name], ["ok"], checks[name])
        for name in ("database", "turn", "models"):
            self.assertEqual(verdicts[name], ["skipped"], checks[name])
        self.assertFalse((self.here / "data").exists(), "it looks and makes nothing")

    def test_what_is_missing_fails_with_advice_and_exit_code_1(self):
        empty = {"RINGLINE_MODELS": str(self.here / "models")}
        database = "postgres://nobody:hunter2@127.0.0.1:1/nothing"
        code, checks, report = doctor("--data", self.here, "--database", database, "--tier", "tiny", **empty)
        self.assertEqual((code, report["ok"]), (1, False))
        for name in ("models", "database"):
            [check] = checks[name]
            self.assertEqual(check["verdict"], "failed")
            self.assertTrue(check["advice"])
        self.assertIn("ringline models pull tiny", checks["models"][0]["advice"])
        self.assertNotIn("hunter2", json.dumps(report))
        text = subprocess.run(
            [BIN, "doctor", "--tier", "tiny", "--data", self.here], capture_output=True, text=True, timeout=60,
            env={**os.environ, **empty},
        )
        self.assertEqual(text.returncode, 1)
        self.assertIn("FAILED   models", text.stdout)
        self.assertIn("→ run `ringline models pull tiny`", text.stdout)

    def test_a_running_server_is_looked_at_from_afar_and_by_itself(self):
        server = self.server()
        token = {"RINGLINE_ADMIN_TOKEN": server.ready["admin_token"]}
        code, checks, report = doctor("--url", server.url, **token)
        self.assertEqual((code, report["ok"]), (0, True), report)
        verdicts = self.verdicts(checks)
        for name in ("http", "clock", "udp", "tcp", "server: udp", "server: tcp", "server: database", "server: clock", "server: language_model"):
            self.assertEqual(verdicts[name], ["ok"], checks[name])
        code, checks, _ = doctor("--url", server.url)
        self.assertEqual((code, checks["udp"][0]["verdict"]), (0, "skipped"))
        self.assertEqual(doctor("--url", "http://127.0.0.1:1")[0], 1)

    def test_media_that_is_not_reached_fails(self):
        # 203.0.113.0/24 is nobody's.
        server = self.server(args=["--advertise", "203.0.113.7"])
        code, checks, _ = doctor("--url", server.url, RINGLINE_ADMIN_TOKEN=server.ready["admin_token"])
        self.assertEqual(code, 1)
        self.assertEqual((checks["udp"][0]["verdict"], checks["server: udp"][0]["verdict"]), ("failed", "warning"))
        self.assertTrue(checks["udp"][0]["advice"])

    def free_ports(self, count):
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
        for free in sockets:
            free.bind(("127.0.0.1", 0))
        ports = [free.getsockname()[1] for free in sockets]
        for free in sockets:
            free.close()
        return ports

    def certificate(self):
        """Of an authority, of 127.0.0.1, and the latter's key."""
        authority, certificate, key = (self.here / name for name in ("authority.pem", "server.pem", "server.key"))

        def openssl(*args):
            command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *(str(arg) for arg in args)]
            subprocess.run(command, check=True, capture_output=True, timeout=60)

        openssl("-subj", "/CN=Test authority", "-keyout", self.here / "authority.key", "-out", authority)
        names = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
        signed = ["-CA", authority, "-CAkey", self.here / "authority.key"]
        openssl("-subj", "/CN=127.0.0.1", *names, *signed, "-keyout", key, "-out", certificate)
        return authority, certificate, key

    def coturn(self, certificate, key):
        """A coturn on free ports, UDP and TCP, and TLS. A port that somebody else is given meanwhile is a reason to try others."""
        for _ in range(3):
            port, tls_port = self.free_ports(2)
            command = ["turnserver", "-n", "--no-cli", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1"]
            command += [f"--listening-port={port}", f"--tls-listening-port={tls_port}", f"--cert={certificate}", f"--pkey={key}"]
            command += ["--use-auth-secret", f"--static-auth-secret={SECRET}", "--realm=example.org", "--no-dtls"]
            command += ["--allow-loopback-peers", f"--pidfile={self.here}/turn.pid", "--log-file=stdout", f"--userdb={self.here}/turn.db"]
            log = open(self.here / "turn.log", "w")
            self.addCleanup(log.close)
            turn = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.here)
            self.addCleanup(turn.wait, 20)
            self.addCleanup(turn.terminate)

            def listens():
                ended = turn.poll() is not None
                with socket.socket() as plain, socket.socket() as tls:
                    ports = ((plain, port), (tls, tls_port))
                    return ended or all(of.connect_ex(("127.0.0.1", number)) == 0 for of, number in ports)

            try:
                wait_until("coturn listens", listens, 15)
                if turn.poll() is None:
                    return port, tls_port
            except AssertionError:
                turn.terminate()
        self.fail((self.here / "turn.log").read_text()[-2000:])

    @unittest.skipUnless(shutil.which("turnserver"), "there is no coturn: scripts/system-packages.sh test")
    def test_a_turn_server_relays_for_the_credentials_that_clients_get(self):
        authority, certificate, key = self.certificate()
        port, tls_port = self.coturn(certificate, key)
        urls = [f"turn:127.0.0.1:{port}?transport={transport}" for transport in ("udp", "tcp")] + [f"turns:127.0.0.1:{tls_port}"]
        config = self.config(f'[[media.ice_servers]]\nurls = {json.dumps(urls)}\nsecret_env = "TURN_SECRET"\n')
        options = ("--models", "scripted", "--data", self.here / "data", "--config", config)
        code, checks, report = doctor(*options, TURN_SECRET=SECRET, SSL_CERT_FILE=str(authority))
        self.assertEqual(code, 0, report)
        self.assertEqual([check["verdict"] for check in checks["turn"]], ["ok", "ok", "ok"], checks["turn"])
        code, checks, _ = doctor(*options, TURN_SECRET="south-wind", SSL_CERT_FILE=str(authority))
        self.assertEqual((code, [check["verdict"] for check in checks["turn"]]), (1, ["failed", "failed", "failed"]))
        for check in checks["turn"]:
            self.assertIn("401", check["found"])
        # Whose certificate nobody vouches for.
        code, checks, _ = doctor(*options, TURN_SECRET=SECRET)
        self.assertEqual((code, [check["verdict"] for check in checks["turn"]]), (1, ["ok", "ok", "failed"]), checks["turn"])
        self.assertIn("certificate", checks["turn"][2]["found"])

    def test_clients_are_told_of_ice_servers_in_their_tokens(self):
        config = self.config('[[media.ice_servers]]\nurls = ["turn:turn.example.com"]\nsecret_env = "TURN_SECRET"\n')
        os.environ["TURN_SECRET"] = SECRET
        self.addCleanup(os.environ.pop, "TURN_SECRET")
        call = self.server(args=["--config", config]).start_call()
        [ice] = json.loads(base64.b64decode(call["rtc_auth_token"]))["iceservers"]
        self.assertEqual(ice["urls"], ["turn:turn.example.com"])
        expires, user = ice["username"].split(":", 1)
        self.assertEqual(user, "tester")
        expected = base64.b64encode(hmac.new(SECRET.encode(), ice["username"].encode(), hashlib.sha1).digest()).decode()
        self.assertEqual(ice["credential"], expected)
        self.assertTrue(expires.isdigit())


if __name__ == "__main__":
    unittest.main()
