"""Tools of real servers of the Model Context Protocol, called in whole calls over standard input and output and over HTTP.

Wants Node and npm: the tool server is its makers' own (tests/mcp). The language model is a small server here that asks for a tool.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import ROOT, SHORT, Server, wait_until
from services import Services

ADMIN = "/api/ringline/v1/admin"
PROJECT = ROOT / "tests" / "mcp"
EVERYTHING = PROJECT / "node_modules" / "@modelcontextprotocol" / "server-everything" / "dist" / "index.js"


def install():
    """Once, also where this suite runs on two databases at a time."""
    with open(PROJECT / "package-lock.json") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # npm writes this last.
        if not (PROJECT / "node_modules" / ".package-lock.json").exists():
            command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(command, cwd=PROJECT, check=True, timeout=300)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Tools(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        install()
        node = shutil.which("node")
        cls.directory = tempfile.TemporaryDirectory(prefix="ringline-test-")
        config = Path(cls.directory.name) / "ringline.toml"
        config.write_text(
            '[outward]\nallow = ["127.0.0.0/8"]\n'
            f'[[mcp.commands]]\nname = "here"\ncommand = "{node}"\nargs = ["{EVERYTHING}", "stdio"]\n'
            'env = { SHOWN = "yes" }\n'
            f'[[mcp.commands]]\nname = "gone"\ncommand = "{node}"\nargs = ["-e", "process.exit(3)"]\n'
        )
        os.environ["RINGLINE_ADMIN_TOKEN"] = "an-admin-token-of-the-test"
        try:
            cls.server = Server(args=["--config", config])
        finally:
            del os.environ["RINGLINE_ADMIN_TOKEN"]
        cls.port = free_port()
        environment = {**os.environ, "PORT": str(cls.port)}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        cls.remote = subprocess.Popen([node, EVERYTHING, "streamableHttp"], env=environment, **quiet)
        wait_until("the tool server answers", lambda: answers(cls.port), 60)

    @classmethod
    def tearDownClass(cls):
        cls.remote.terminate()
        cls.remote.wait(20)
        code = cls.server.stop()
        cls.server.__exit__()
        cls.directory.cleanup()
        assert code == 0, f"SIGTERM must drain and exit 0, not {code}"

    def admin(self, settings):
        headers = {"authorization": f"Bearer {self.server.ready['admin_token']}"}
        return self.server.post(f"{ADMIN}/agents", {"name": "Test", "settings": settings}, "POST", headers)

    def call(self, servers, calls, answer=lambda results: " ".join(results)):
        """One turn of a call whose model calls these tools; (what it was offered, results, what was said)."""
        offered, found = [], []

        def chat(messages, tools):
            offered[:] = [tool["function"]["name"] for tool in tools]
            found[:] = [message["content"] for message in messages if message["role"] == "tool"]
            return answer(found) if found else calls

        with Services(chat=chat) as services:
            llm = {"base_url": f"{services.url}/v1", "model": "m"}
            status, agent = self.admin({"providers": {"llm": llm}, "mcp_servers": servers})
            self.assertEqual(status, 201, agent)
            caller = self.server.caller("--wav", SHORT, agent=agent["id"])
            code, _ = caller.finish()
            self.assertEqual(code, 0, caller.problem())
        instance = caller.first("started")["instanceId"]
        wait_until("the instance is finished", lambda: self.server.status(instance) == "Finished")
        replay = self.server.replay(instance)
        self.assertEqual(replay.returncode, 0, replay.stderr)
        return offered, found, "".join(s["text"] for s in caller.messages(1002))

    def test_a_tool_of_a_child_process_is_called_and_its_result_spoken(self):
        offered, found, said = self.call([{"name": "here"}], [("here__get-sum", {"a": 2, "b": 40})])
        self.assertIn("here__echo", offered)
        self.assertEqual(found, ["The sum of 2 and 40 is 42."])
        self.assertIn("The sum of 2 and 40 is 42.", said)

    def test_a_child_process_gets_no_secrets_of_the_server(self):
        _, found, _ = self.call([{"name": "here"}], [("here__get-env", {})], lambda _: "I have seen it.")
        self.assertIn("SHOWN", found[0])
        self.assertNotIn("an-admin-token-of-the-test", found[0])

    def test_a_tool_is_called_over_http_and_only_those_that_are_allowed_are_offered(self):
        server = {"name": "far", "url": f"http://127.0.0.1:{self.port}/mcp", "tools": ["echo"]}
        calls = [("far__echo", {"message": "aloud"}), ("far__get-sum", {"a": 1, "b": 1})]
        offered, found, said = self.call([server], calls, lambda results: results[0])
        self.assertEqual(offered, ["far__echo"])
        self.assertEqual(found[0], "Echo: aloud")
        self.assertIn("there is no tool", found[1])
        self.assertIn("Echo: aloud", said)

    def test_tools_of_several_servers_are_called_at_once(self):
        servers = [{"name": "here"}, {"name": "far", "url": f"http://127.0.0.1:{self.port}/mcp"}]
        calls = [("here__echo", {"message": "one"}), ("far__echo", {"message": "two"})]
        _, found, _ = self.call(servers, calls)
        self.assertEqual(found, ["Echo: one", "Echo: two"])

    def test_failures_are_results_and_the_call_goes_on(self):
        calls = [("here__get-sum", {"a": "x"}), ("gone__anything", {}), ("nothing", {})]
        _, found, said = self.call([{"name": "here"}, {"name": "gone"}], calls, lambda _: "I cannot tell.")
        self.assertTrue(all(result.startswith("Error: ") for result in found), found)
        self.assertIn("I cannot tell.", said)

    def test_a_slow_tool_is_waited_for_with_words(self):
        # The result comes while the filler plays (from 4 s on): `ringline call` takes the end of the agent's words for the end of
        # its answer and would hang up.
        calls = [("here__trigger-long-running-operation", {"duration": 5, "steps": 2})]
        _, found, said = self.call([{"name": "here"}], calls)
        self.assertIn("completed", found[0])
        self.assertIn("One moment", said)

    def test_programs_and_private_addresses_are_not_taken_from_outside(self):
        for server, words in (
            ({"name": "sh"}, "mcp.commands"),
            ({"name": "far", "url": "http://10.0.0.1/mcp"}, "may not connect"),
            ({"name": "a b"}, "letters"),
        ):
            status, answer = self.admin({"mcp_servers": [server]})
            self.assertEqual(status, 400, answer)
            self.assertIn(words, answer["message"])
        status, answer = self.admin({"mcp_servers": [{"name": "sh", "command": "/bin/sh"}]})
        self.assertEqual((status, answer["code"]), (400, "invalid_field"), answer)


if __name__ == "__main__":
    unittest.main()
