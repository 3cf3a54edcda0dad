"""The admin API from end to end: agents and access keys made by it, and what they do in calls; and the file of agents at start.

Wants the official Python SDK (tests/python/requirements.txt). Models are scripted; an agent's own language model is a small
OpenAI-compatible server here.
"""

import base64
import http.server
import json
import os
import subprocess
import tempfile
import threading
import unittest
import urllib.parse
from pathlib import Path

from alibabacloud_ice20201109 import models
from alibabacloud_ice20201109.client import Client
from alibabacloud_tea_openapi import utils_models
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from harness import BIN, ROOT, SHORT, Server, wait_until

ADMIN = "/api/ringline/v1/admin"


class LanguageModel(http.server.ThreadingHTTPServer):
    """Answers every chat with one sentence, and keeps what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Chat)
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"


class Chat(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, self.headers["authorization"], body["model"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for choice in ({"delta": {"content": "My own model says so."}}, {"delta": {}, "finish_reason": "stop"}):
            self.wfile.write(f"data: {json.dumps({'choices': [{'index': 0, **choice}]})}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_):
        pass


class Admin(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="ringline-test-")
        config = Path(cls.directory.name) / "ringline.toml"
        config.write_text('[outward]\nallow = ["127.0.0.0/8"]\n')
        cls.server = Server(args=["--config", config])
        cls.token = cls.server.ready["admin_token"]

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        cls.server.__exit__()
        cls.directory.cleanup()
        assert code == 0, f"SIGTERM must drain and exit 0, not {code}"

    # -- what the tests are made of

    def admin(self, method, path, body=None, token=None):
        """(HTTP status, JSON or text)"""
        headers = {"authorization": f"Bearer {token or self.token}"}
        return self.server.post(ADMIN + path, b"" if body is None else body, method, headers)

    def make(self, **fields):
        status, agent = self.admin("POST", "/agents", {"name": "Test", **fields})
        self.assertEqual(status, 201, agent)
        return agent

    def refused(self, answer, status, code, field=None):
        self.assertEqual((answer[0], answer[1]["code"], answer[1].get("field")), (status, code, field), answer[1])
        self.assertTrue(answer[1]["message"])

    def sdk(self, key=None):
        ready = self.server.ready
        url = urllib.parse.urlsplit(ready["url"])
        key = key or {"id": ready["access_key_id"], "secret": ready["access_key_secret"]}
        return Client(
            utils_models.Config(
                access_key_id=key["id"], access_key_secret=key["secret"], endpoint=url.netloc, protocol=url.scheme
            )
        )

    def generate(self, agent, sdk=None, **fields):
        request = models.GenerateAIAgentCallRequest(aiagent_id=agent, user_id="alice", **fields)
        call = (sdk or self.sdk()).generate_aiagent_call(request).body
        self.addCleanup(self.stop, call.instance_id)
        return call

    def stop(self, instance):
        self.sdk().stop_aiagent_instance(models.StopAIAgentInstanceRequest(instance_id=instance))
        wait_until("the instance is finished", lambda: self.server.status(instance) == "Finished")

    def describe(self, instance):
        request = models.DescribeAIAgentInstanceRequest(instance_id=instance)
        return self.sdk().describe_aiagent_instance(request).body.instance

    def fails(self, code, call):
        with self.assertRaises(AlibabaCloudException) as caught:
            call()
        self.assertEqual(caught.exception.code, code)

    # -- signing in

    def test_without_the_token_nothing_is_told(self):
        for token in ("wrong", self.token + "x", self.token[:-1], " "):
            self.refused(self.admin("GET", "/agents", token=token), 401, "unauthorized")
        self.refused(self.server.post(ADMIN + "/agents", b"", "GET"), 401, "unauthorized")
        self.refused(self.server.post(ADMIN + "/nowhere", b"", "GET"), 401, "unauthorized")
        basic = {"authorization": "Basic " + base64.b64encode(self.token.encode()).decode()}
        self.refused(self.server.post(ADMIN + "/agents", b"", "GET", basic), 401, "unauthorized")

    def test_what_is_not_there_is_told_as_json(self):
        self.refused(self.admin("GET", "/nowhere"), 404, "not_found")
        self.refused(self.admin("PUT", "/agents"), 405, "method_not_allowed")
        for method, body in (("GET", None), ("PUT", {"name": "a"}), ("PATCH", {}), ("DELETE", None)):
            self.refused(self.admin(method, "/agents/none", body), 404, "agent_not_found")
        self.refused(self.admin("PATCH", "/access_keys/none", {}), 404, "access_key_not_found")

    def test_the_document_is_the_committed_one(self):
        status, document = self.server.post(ADMIN + "/openapi.json", b"", "GET")
        self.assertEqual(status, 200)
        self.assertEqual(document, json.loads((ROOT / "docs" / "admin-openapi.json").read_text()))

    # -- agents

    def test_an_agent_is_made_called_changed_and_deleted(self):
        config = {"Greeting": "Hi.", "AsrConfig": {"AsrMaxSilence": 700}, "LlmConfig": {"LlmHistory": []}}
        agent = self.make(id="desk", type="AvatarChat3D", config=config, settings={"voices": ["a", "b"]})
        self.assertEqual((agent["id"], agent["type"]), ("desk", "AvatarChat3D"))
        self.assertEqual(agent["config"], {"Greeting": "Hi.", "AsrConfig": {"AsrMaxSilence": 700}}, "as it is stored")
        self.assertEqual(self.admin("GET", "/agents/desk"), (200, agent))
        self.refused(self.admin("POST", "/agents", {"id": "desk", "name": "Other"}), 409, "agent_exists")

        template = '{"VoiceChat": {"Volume": 1}, "AvatarChat3D": {"Volume": 30}}'
        call = self.generate("desk", template_config=models.AIAgentTemplateConfig().from_map(json.loads(template)))
        described = self.describe(call.instance_id).agent_config
        self.assertEqual(described.greeting, "Hi.")
        self.assertEqual(described.volume, 30, "the part of the agent's type")
        self.assertEqual(described.asr_config.asr_max_silence, 700)
        self.assertEqual(described.tts_config.voice_id_list, ["a", "b"])

        status, changed = self.admin("PATCH", "/agents/desk", {"config": {"Greeting": "Hello.", "AsrConfig": None}})
        self.assertEqual((status, changed["config"]), (200, {"Greeting": "Hello."}))
        self.assertEqual(changed["settings"], agent["settings"])
        self.assertEqual(self.describe(self.generate("desk").instance_id).agent_config.greeting, "Hello.")
        self.assertEqual(self.describe(call.instance_id).agent_config.greeting, "Hi.", "a running call keeps its own")

        status, replaced = self.admin("PUT", "/agents/desk", {"name": "Desk"})
        self.assertEqual((status, replaced["type"], replaced["config"]), (200, "VoiceChat", {}))
        self.assertEqual(replaced["created"], agent["created"])
        self.assertEqual(self.admin("DELETE", "/agents/desk"), (204, ""))
        self.refused(self.admin("DELETE", "/agents/desk"), 404, "agent_not_found")
        self.fails("AgentNotFound", lambda: self.generate("desk"))
        self.assertEqual(self.server.status(call.instance_id), "Created", "its calls go on")

    def test_what_cannot_be_is_named(self):
        for body, code, field in (
            (b"{", "invalid_json", None),
            (b"[]", "invalid_field", "body"),
            ({}, "invalid_field", "body"),
            ({"name": ""}, "invalid_field", "name"),
            ({"name": "a", "id": "a b"}, "invalid_field", "id"),
            ({"name": "a", "type": "Voice"}, "invalid_field", "type"),
            ({"name": "a", "config": {"Volume": 401}}, "invalid_field", "config.Volume"),
            ({"name": "a", "config": {"AsrConfig": "{"}}, "invalid_field", "config.AsrConfig"),
            ({"name": "a", "settings": {"voice": []}}, "invalid_field", "settings.voice"),
            ({"name": "a", "settings": {"voices": ["v"] * 2}}, "invalid_field", "settings.voices[1]"),
            ({"name": "a", "settings": {"callbacks": {"url": "ftp://a"}}}, "invalid_field", "settings.callbacks.url"),
            ({"name": "a", "settings": {"app": {"id": "a"}}}, "invalid_field", "settings.app.key"),
        ):
            self.refused(self.admin("POST", "/agents", body), 400, code, field)
        private = {"name": "a", "settings": {"providers": {"llm": {"base_url": "http://10.0.0.1/v1", "model": "m"}}}}
        self.refused(self.admin("POST", "/agents", private), 400, "invalid_field", "settings.providers.llm.base_url")
        self.refused(self.admin("POST", "/agents", b" " * 300_000), 413, "too_large")
        self.refused(self.admin("GET", "/agents?limit=101"), 400, "invalid_field", "limit")
        self.assertEqual(self.admin("GET", "/agents?page=2")[0], 400)

    def test_secrets_are_written_and_never_read(self):
        settings = {"callbacks": {"token": "hush-1"}, "app": {"id": "app", "key": "hush-2"}}
        settings["providers"] = {"llm": {"base_url": "https://llm.example/v1", "model": "m", "api_key": "hush-3"}}
        agent = self.make(settings=settings)
        path = f"/agents/{agent['id']}"
        _, read = self.admin("GET", path)
        self.assertEqual(read, agent)
        self.assertNotIn("hush", json.dumps(read))
        self.assertNotIn("hush", json.dumps(self.admin("GET", "/agents")))
        self.assertTrue(read["settings"]["app"]["key_set"] and read["settings"]["callbacks"]["token_set"])
        status, again = self.admin("PUT", path, read)
        self.assertEqual((status, again), (200, read), "what was read can be written; secrets stay")
        status, without = self.admin("PATCH", path, {"settings": {"callbacks": {"token": ""}, "app": None}})
        self.assertEqual((status, without["settings"]["callbacks"]["token_set"]), (200, False))
        self.assertIsNone(without["settings"]["app"])
        self.assertTrue(without["settings"]["providers"]["llm"]["api_key_set"])

    def test_lists_come_by_pages(self):
        made = {self.make(id=f"page-{n}")["id"] for n in range(5)}
        seen, after = [], ""
        while after is not None:
            status, page = self.admin("GET", f"/agents?limit=2&after={after}" if after else "/agents?limit=2")
            self.assertEqual(status, 200, page)
            self.assertLessEqual(len(page["agents"]), 2)
            seen += [agent["id"] for agent in page["agents"]]
            after = page["next"]
        self.assertEqual(seen, sorted(set(seen)))
        self.assertTrue(made < set(seen))

    # -- what settings do in calls

    def test_an_app_of_its_own_makes_the_tokens_of_an_agents_calls(self):
        agent = self.make(settings={"app": {"id": "their-app", "key": "their-key"}})["id"]
        caller = self.server.caller("--wav", SHORT, agent=agent)
        code, _ = caller.finish()
        self.assertEqual(code, 0, caller.problem())
        call = self.generate(agent)
        envelope = json.loads(base64.b64decode(call.token))
        self.assertEqual(envelope["appid"], "their-app")
        other = self.generate(self.server.agent)
        ours = json.loads(base64.b64decode(other.token))
        self.assertNotEqual(ours["appid"], "their-app")
        forged = base64.b64encode(json.dumps({**envelope, "appid": ours["appid"]}).encode()).decode()
        status, answer = self.server.post("/rtc/v1/calls", {"token": forged, "sdp": "v=0"})
        self.assertEqual((status, answer["code"]), (401, "InvalidToken"))

    def test_a_language_model_of_its_own_answers_and_recording_can_be_off(self):
        with LanguageModel() as model:
            self.addCleanup(model.shutdown)
            llm = {"base_url": model.base_url, "model": "theirs", "api_key": "k"}
            settings = {"providers": {"llm": llm}, "recording": {"enabled": False}}
            agent = self.make(settings=settings)["id"]
            caller = self.server.caller("--wav", SHORT, agent=agent)
            code, _ = caller.finish()
            self.assertEqual(code, 0, caller.problem())
            model.shutdown()
        self.assertEqual(set(model.asked), {("/v1/chat/completions", "Bearer k", "theirs")})
        said = "".join(data["text"] for data in caller.messages(1002))
        self.assertIn("My own model says so.", said)
        instance = caller.first("started")["instanceId"]
        wait_until("the instance is finished", lambda: self.server.status(instance) == "Finished")
        self.assertFalse(self.server.recording(instance, "user").exists())

    # -- access keys

    def test_a_key_may_call_what_it_is_allowed_while_it_is_active(self):
        self.refused(self.admin("POST", "/access_keys", {"operations": ["Fly"]}), 400, "invalid_field", "operations[0]")
        status, key = self.admin("POST", "/access_keys", {"operations": ["GenerateAIAgentCall"]})
        self.assertEqual((status, key["active"], key["operations"]), (201, True, ["GenerateAIAgentCall"]))
        path = f"/access_keys/{key['id']}"
        self.assertEqual(self.admin("GET", path), (200, {k: v for k, v in key.items() if k != "secret"}), "shown once")
        sdk = self.sdk(key)
        instance = self.generate(self.server.agent, sdk).instance_id
        describe = lambda: sdk.describe_aiagent_instance(models.DescribeAIAgentInstanceRequest(instance_id=instance))
        self.fails("Forbidden", describe)
        self.assertEqual(self.admin("PATCH", path, {"operations": None})[1]["operations"], None)
        describe()
        self.assertEqual(self.admin("PATCH", path, {"active": False})[1]["active"], False)
        self.fails("InvalidAccessKeyId.Inactive", describe)
        self.assertEqual(self.admin("PATCH", path, {"active": True})[1]["operations"], None, "what is left out stays")
        describe()
        _, keys = self.admin("GET", "/access_keys?limit=100")
        self.assertIn(key["id"], [listed["id"] for listed in keys["access_keys"]])
        self.assertNotIn(key["secret"], json.dumps(keys))


class AtStart(unittest.TestCase):
    """`ringline serve --agents FILE` and the token of the environment."""

    def test_a_file_makes_agents_at_every_start(self):
        with tempfile.TemporaryDirectory(prefix="ringline-test-") as directory:
            data, file = Path(directory) / "data", Path(directory) / "agents.toml"
            data.mkdir()

            def start(text):
                file.write_text(text)
                return Server(data=data, args=["--agents", file])

            agent = '[[agents]]\nid = "filed"\nname = "{}"\n[agents.config]\nGreeting = "Hi"\n'
            with start(agent.format("One")) as server:
                admin = {"authorization": f"Bearer {server.ready['admin_token']}"}
                read = lambda server, id="filed": server.post(f"{ADMIN}/agents/{id}", b"", "GET", admin)
                first = read(server)[1]
                self.assertEqual((first["name"], first["config"]), ("One", {"Greeting": "Hi"}))
            with start(agent.format("One")) as server:
                self.assertEqual(read(server)[1], first, "unchanged, and the token is the same")
            with start(agent.format("Two")) as server:
                self.assertEqual((read(server)[1]["name"], read(server)[1]["created"]), ("Two", first["created"]))
            with start("agents = []") as server:
                self.assertEqual(read(server)[1]["name"], "Two", "left alone")
            file.write_text(agent.format("Three") + "Volume = 401\n")
            command = [BIN, "serve", "--data", data, "--models", "scripted", "--agents", file]
            wrong = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=60)
            self.assertEqual(wrong.returncode, 1)
            for part in ("agents.toml", "`filed`", "config.Volume"):
                self.assertIn(part, wrong.stderr)

    def test_the_token_of_the_environment_counts(self):
        token = "an operator's own token"
        os.environ["RINGLINE_ADMIN_TOKEN"] = token
        try:
            with Server() as server:
                self.assertEqual(server.ready["admin_token"], token)
                headers = {"authorization": f"Bearer {token}"}
                self.assertEqual(server.post(ADMIN + "/agents", b"", "GET", headers)[0], 200)
        finally:
            del os.environ["RINGLINE_ADMIN_TOKEN"]


if __name__ == "__main__":
    unittest.main()
