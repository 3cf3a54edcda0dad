"""The OpenAPI as its official Python SDK sees it, and the app server's door beside it.

Only the endpoint and the credentials differ from what an app server of the vendor's would use.
"""

import base64
import json
import re
import time
import unittest
import urllib.parse

import acs3
from alibabacloud_ice20201109 import models
from alibabacloud_ice20201109.client import Client
from alibabacloud_tea_openapi import utils_models
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from darabonba.runtime import RuntimeOptions
from harness import Server

# Longest wait for an instance that was told to stop.
STOP_LIMIT = 20.0
UUID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")
GMT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00")
EXPIRE = 86400


#: What the server said when it was ready.
READY = {}
SERVER = None


def setUpModule():
    global SERVER
    SERVER = Server()
    READY.update(SERVER.ready)


def tearDownModule():
    code = SERVER.stop()
    SERVER.__exit__()
    assert code == 0, f"SIGTERM must drain and exit 0, not {code}"


def client(secret=None, key_id=None, algorithm=None):
    url = urllib.parse.urlsplit(READY["url"])
    return Client(
        utils_models.Config(
            access_key_id=key_id or READY["access_key_id"],
            access_key_secret=secret or READY["access_key_secret"],
            endpoint=url.netloc,
            protocol=url.scheme,
            signature_algorithm=algorithm,
        )
    )


def raw(action, params, **how):
    """Sends a request signed by our own code; status and body."""
    key = (READY["access_key_id"], READY["access_key_secret"])
    return acs3.send(acs3.signed_request(READY["url"], *key, action, params, **how))


def envelope(token):
    return json.loads(base64.b64decode(token, validate=True))


def leaves(value, path=()):
    """Every value of nested objects with its path."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    else:
        yield path, value


class OpenApiCase(unittest.TestCase):
    def refused(self, status, code, call, *arguments):
        """The SDK must raise with this status and code; the message comes back."""
        with self.assertRaises(AlibabaCloudException) as raised:
            call(*arguments)
        error = raised.exception
        self.assertEqual((error.status_code, error.code), (status, code), str(error))
        self.assertRegex(error.data["RequestId"], UUID)
        self.assertTrue(error.data["HostId"])
        return error.data["Message"]

    def generate(self, **fields):
        """Starts a call that is stopped when the test ends."""
        fields.setdefault("aiagent_id", READY["agent_id"])
        answer = client().generate_aiagent_call(models.GenerateAIAgentCallRequest(**fields))
        self.assertEqual(answer.status_code, 200)
        self.addCleanup(self.stop, answer.body.instance_id)
        return answer.body

    def stop(self, instance):
        return client().stop_aiagent_instance(models.StopAIAgentInstanceRequest(instance_id=instance))

    def describe(self, instance):
        request = models.DescribeAIAgentInstanceRequest(instance_id=instance)
        return client().describe_aiagent_instance(request).body.instance

    def described_json(self, instance):
        status, body = raw("DescribeAIAgentInstance", {"InstanceId": instance})
        self.assertEqual(status, 200, body)
        return body["Instance"]

    def until_finished(self, instance):
        limit = time.monotonic() + STOP_LIMIT
        while time.monotonic() < limit:
            described = self.describe(instance)
            if described.status == "Finished":
                return described
            time.sleep(0.1)
        self.fail(f"the instance is {described.status} {STOP_LIMIT} s after it was stopped")


class Calls(OpenApiCase):
    def test_a_call_is_started_with_every_field_of_the_answer(self):
        before = int(time.time())
        body = self.generate(
            user_id="alice", expire=EXPIRE, user_data='{"k":"中 *~+"}', session_id="sdk-session",
            agent_config=models.AIAgentConfig(greeting="Hello from the SDK."),
        )
        after = int(time.time())
        self.assertRegex(body.request_id, UUID)
        self.assertRegex(body.instance_id, "^[0-9a-f]{32}$")
        self.assertRegex(body.channel_id, "^[0-9a-f]{32}$")
        self.assertRegex(body.aiagent_user_id, "^[0-9a-f]{32}$")
        self.assertEqual(body.avatar_user_id, "")
        self.assertEqual(body.user_id, "alice")
        token = envelope(body.token)
        self.assertEqual((token["channelid"], token["userid"]), (body.channel_id, "alice"))
        self.assertTrue(token["appid"])
        self.assertRegex(token["token"], "^[0-9a-f]{64}$")
        self.assertGreaterEqual(token["timestamp"], before + EXPIRE)
        self.assertLessEqual(token["timestamp"], after + EXPIRE)
        self.assertTrue(token["rtcurl"].startswith(("http://", "https://")), token["rtcurl"])

    def test_a_user_id_is_made_up_when_none_is_given(self):
        first, second = self.generate(), self.generate()
        self.assertEqual(envelope(first.token)["userid"], first.user_id)
        self.assertTrue(first.user_id)
        self.assertNotEqual(first.channel_id, second.channel_id)
        self.assertNotEqual(first.instance_id, second.instance_id)

    def test_expire_zero_gives_an_hour(self):
        before = int(time.time())
        left = envelope(self.generate(expire=0).token)["timestamp"] - before
        self.assertGreaterEqual(left, 3600)
        self.assertLess(left, 3660)

    def test_a_new_instance_is_described_as_created(self):
        body = self.generate(
            user_data='{"k":"中"}', session_id="sdk-session",
            agent_config=models.AIAgentConfig(
                greeting="Hello from the SDK.", max_idle_time=123,
                asr_config=models.AIAgentConfigAsrConfig(asr_max_silence=600),
            ),
        )
        described = self.describe(body.instance_id)
        self.assertEqual(described.status, "Created")
        self.assertEqual(described.agent_config.greeting, "Hello from the SDK.")
        self.assertEqual(described.agent_config.max_idle_time, 123)
        self.assertEqual(described.agent_config.asr_config.asr_max_silence, 600)
        self.assertEqual(described.runtime_config.channel_id, body.channel_id)
        self.assertEqual(described.runtime_config.agent_user_id, body.aiagent_user_id)
        self.assertEqual((described.user_data, described.session_id), ('{"k":"中"}', "sdk-session"))
        self.assertRegex(described.gmt_create, GMT)
        self.assertRegex(described.gmt_modified, GMT)
        self.assertIsInstance(self.described_json(body.instance_id)["TemplateConfig"], dict)

    def test_what_a_request_leaves_out_keeps_the_agents_own_value(self):
        """The SDK sends empty arrays for everything it was not given; they must not wipe the agent's configuration."""
        plain = self.described_json(self.generate().instance_id)["AgentConfig"]
        self.assertGreater(len(plain), 1, "the demo agent has too little of its own to show anything")
        body = self.generate(
            agent_config=models.AIAgentConfig(
                greeting="Hello from the SDK.",
                llm_config=models.AIAgentConfigLlmConfig(llm_history_limit=7),
                tts_config=models.AIAgentConfigTtsConfig(),
            )
        )
        merged = self.described_json(body.instance_id)["AgentConfig"]
        expected = dict(leaves(plain)) | {("Greeting",): "Hello from the SDK.", ("LlmConfig", "LlmHistoryLimit"): 7}
        got = dict(leaves(merged))
        self.assertEqual({path: got.get(path) for path in expected}, expected)
        self.assertNotIn([], got.values())

    def test_an_explicitly_empty_greeting_is_kept(self):
        body = self.generate(agent_config=models.AIAgentConfig(greeting=""))
        self.assertEqual(self.described_json(body.instance_id)["AgentConfig"]["Greeting"], "")

    def test_a_template_counts_where_the_agent_configuration_says_nothing(self):
        template = models.AIAgentTemplateConfig(
            voice_chat=models.AIAgentTemplateConfigVoiceChat(greeting="lost", asr_max_silence=700)
        )
        body = self.generate(template_config=template, agent_config=models.AIAgentConfig(greeting="won"))
        config = self.describe(body.instance_id).agent_config
        self.assertEqual((config.greeting, config.asr_config.asr_max_silence), ("won", 700))

    def test_a_stopped_instance_finishes_and_may_be_stopped_again(self):
        instance = self.generate().instance_id
        first = self.stop(instance)
        self.assertEqual(first.status_code, 200)
        self.assertRegex(first.body.request_id, UUID)
        finished = self.until_finished(instance)
        self.assertGreaterEqual(finished.gmt_modified, finished.gmt_create)
        self.assertEqual(self.stop(instance).status_code, 200)
        self.assertEqual(self.describe(instance).status, "Finished")

    def test_the_older_signature_scheme_works_too(self):
        body = self.generate()
        request = models.DescribeAIAgentInstanceRequest(instance_id=body.instance_id)
        answer = client(algorithm="v2").describe_aiagent_instance(request).body
        self.assertEqual(answer.instance.status, "Created")

    def test_a_configuration_of_200_kb_in_the_query_arrives_whole(self):
        """server-api §1.2: long parameters live in the URL; request lines up to 256 KiB are accepted."""
        history = [models.AIAgentConfigLlmConfigLlmHistory(role="user", content=f"{n}: " + "word " * 380) for n in range(100)]
        config = models.AIAgentConfig(llm_config=models.AIAgentConfigLlmConfig(llm_history=history))
        for algorithm in (None, "v2"):
            with self.subTest(algorithm=algorithm):
                request = models.GenerateAIAgentCallRequest(aiagent_id=READY["agent_id"], agent_config=config)
                instance = client(algorithm=algorithm).generate_aiagent_call(request).body.instance_id
                self.addCleanup(self.stop, instance)
                stored = self.describe(instance).agent_config.llm_config.llm_history
                self.assertEqual([message.content for message in stored], [message.content for message in history])

    def test_a_request_line_beyond_the_limit_is_refused_with_an_envelope(self):
        for size in (300_000, 3_000_000):
            with self.subTest(size=size):
                status, body = raw("GenerateAIAgentCall", {"AIAgentId": READY["agent_id"], "UserData": "x" * size})
                self.assertEqual((status, body["Code"]), (414, "RequestTooLarge"))
                self.assertRegex(body["RequestId"], UUID)


class Refusals(OpenApiCase):
    def generate_refused(self, status, code, **fields):
        fields.setdefault("aiagent_id", READY["agent_id"])
        request = models.GenerateAIAgentCallRequest(**fields)
        return self.refused(status, code, client().generate_aiagent_call, request)

    def test_an_unknown_agent_is_not_found(self):
        message = self.generate_refused(404, "AgentNotFound", aiagent_id="0" * 32)
        self.assertEqual(message, "The specified agentId is not found.")

    def test_an_unknown_instance_is_not_found(self):
        for call, request in (
            (client().stop_aiagent_instance, models.StopAIAgentInstanceRequest(instance_id="0" * 32)),
            (client().describe_aiagent_instance, models.DescribeAIAgentInstanceRequest(instance_id="0" * 32)),
        ):
            self.refused(404, "InstanceNotFound", call, request)

    def test_a_missing_parameter_is_named(self):
        for action, name in (("GenerateAIAgentCall", "AIAgentId"), ("StopAIAgentInstance", "InstanceId")):
            status, body = raw(action, {})
            self.assertEqual((status, body["Code"]), (400, f"Missing{name}"), body)

    def test_a_parameter_with_an_impossible_value_is_named(self):
        for name, fields in (
            ("UserId", {"user_id": "u" * 300}),
            ("UserId", {"user_id": "not an id"}),
            ("Expire", {"expire": -1}),
            ("Expire", {"expire": 604801}),
            ("SessionId", {"session_id": "s" * 65}),
        ):
            self.assertIn(name, self.generate_refused(400, "InvalidParameter", **fields))

    def test_a_configuration_with_a_wrong_type_names_the_field(self):
        config, asr = models.AIAgentConfig, models.AIAgentConfigAsrConfig
        for name, wrong in (
            ("AsrConfig.AsrMaxSilence", config(asr_config=asr(asr_max_silence="soon"))),
            ("AsrConfig.AsrMaxSilence", config(asr_config=asr(asr_max_silence=50))),
            ("AsrConfig.AsrHotWords", config(asr_config=asr(asr_hot_words="word"))),
            ("MaxIdleTime", config(max_idle_time="for ever")),
            ("Greeting", config(greeting={"text": "hi"})),
            ("GracefulShutdown", config(graceful_shutdown="perhaps")),
        ):
            self.assertIn(name, self.generate_refused(400, "InvalidParameter", agent_config=wrong))
        for text in ("[]", "3", "{", '"text"'):
            status, body = raw("GenerateAIAgentCall", {"AIAgentId": READY["agent_id"], "AgentConfig": text})
            self.assertEqual((status, body["Code"]), (400, "InvalidParameter"), body)
            self.assertIn("AgentConfig", body["Message"])

    def test_an_unknown_action_or_version_is_not_found(self):
        params = utils_models.Params(
            action="NoSuchAction", version="2020-11-09", protocol="HTTPS", pathname="/", method="POST", auth_type="AK",
            style="RPC", req_body_type="formData", body_type="json",
        )
        request = utils_models.OpenApiRequest(query={})
        self.refused(404, "InvalidApi.NotFound", client().call_api, params, request, RuntimeOptions())
        status, body = raw("StopAIAgentInstance", {"InstanceId": "i"}, version="2020-11-10")
        self.assertEqual((status, body["Code"]), (404, "InvalidApi.NotFound"), body)

    def test_a_wrong_secret_does_not_match(self):
        request = models.DescribeAIAgentInstanceRequest(instance_id="i")
        wrong = client(secret="not the secret")
        message = self.refused(400, "SignatureDoesNotMatch", wrong.describe_aiagent_instance, request)
        self.assertIn("server string to sign is:ACS3-HMAC-SHA256\n", message)
        wrong = client(secret="not the secret", algorithm="v2")
        message = self.refused(400, "SignatureDoesNotMatch", wrong.describe_aiagent_instance, request)
        self.assertIn("server string to sign is:POST&%2F&", message)

    def test_an_unknown_key_is_not_found(self):
        request = models.DescribeAIAgentInstanceRequest(instance_id="i")
        unknown = client(key_id="nobody")
        self.refused(404, "InvalidAccessKeyId.NotFound", unknown.describe_aiagent_instance, request)

    def test_a_request_works_once(self):
        key = (READY["access_key_id"], READY["access_key_secret"])
        body = self.generate()
        request = acs3.signed_request(READY["url"], *key, "DescribeAIAgentInstance", {"InstanceId": body.instance_id})
        self.assertEqual(acs3.send(request)[0], 200)
        status, answer = acs3.send(request)
        self.assertEqual((status, answer["Code"]), (400, "SignatureNonceUsed"), answer)

    def test_a_nonce_is_not_used_up_by_a_request_that_was_refused(self):
        nonce, params = "ab" * 16 + str(time.time_ns()), {"InstanceId": self.generate().instance_id}
        forged = acs3.signed_request(
            READY["url"], READY["access_key_id"], "guess", "DescribeAIAgentInstance", params, nonce=nonce
        )
        status, answer = acs3.send(forged)
        self.assertEqual((status, answer["Code"]), (400, "SignatureDoesNotMatch"), answer)
        self.assertEqual(raw("DescribeAIAgentInstance", params, nonce=nonce)[0], 200)

    def test_a_date_outside_the_window_has_expired(self):
        for off in (-16 * 60, 16 * 60):
            status, body = raw("StopAIAgentInstance", {"InstanceId": "i"}, date=acs3.utc(time.time() + off))
            self.assertEqual((status, body["Code"]), (400, "InvalidTimeStamp.Expired"), body)
        status, body = raw("StopAIAgentInstance", {"InstanceId": "i"}, date="yesterday")
        self.assertEqual((status, body["Code"]), (400, "InvalidTimeStamp.Format"), body)

    def test_a_changed_parameter_does_not_match(self):
        key = (READY["access_key_id"], READY["access_key_secret"])
        request = acs3.signed_request(READY["url"], *key, "StopAIAgentInstance", {"InstanceId": "one"})
        request.full_url = request.full_url.replace("InstanceId=one", "InstanceId=two")
        status, body = acs3.send(request)
        self.assertEqual((status, body["Code"]), (400, "SignatureDoesNotMatch"), body)

    def test_no_signature_is_incomplete(self):
        status, body = acs3.send(acs3.post_json(READY["url"], {"Action": "GenerateAIAgentCall"}))
        self.assertEqual((status, body["Code"]), (400, "IncompleteSignature"), body)
        self.assertRegex(body["RequestId"], UUID)


class AppServer(OpenApiCase):
    """What the vendor's demo apps talk to: JSON in and out, HTTP 200 for everything."""

    def post(self, operation, body, version="v2"):
        status, answer = acs3.send(acs3.post_json(f"{READY['url'].rstrip('/')}/api/{version}/aiagent/{operation}", body))
        self.assertEqual(status, 200, answer)
        self.assertNotIn(None, answer.values())
        return answer

    def test_a_call_is_started_under_both_paths(self):
        for version in ("v2", "v1"):
            answer = self.post(
                "generateAIAgentCall",
                {"ai_agent_id": READY["agent_id"], "user_id": "bob", "expire": EXPIRE, "template_config": "{}",
                 "agent_config": '{"Greeting":"Hi"}', "region": "cn-shanghai"},
                version,
            )
            self.addCleanup(self.stop, answer["ai_agent_instance_id"])
            self.assertEqual((answer["code"], answer["ai_agent_id"]), (200, READY["agent_id"]))
            self.assertTrue(answer["request_id"] and answer["ai_agent_user_id"])
            token = envelope(answer["rtc_auth_token"])
            self.assertEqual((token["channelid"], token["userid"]), (answer["channel_id"], "bob"))
            described = self.describe(answer["ai_agent_instance_id"])
            self.assertEqual((described.status, described.agent_config.greeting), ("Created", "Hi"))

    def test_a_workflow_type_chooses_the_agent(self):
        answer = self.post("generateAIAgentCall", {"workflow_type": "VoiceChat", "user_id": "bob"})
        self.assertEqual(answer["code"], 200, answer)
        self.addCleanup(self.stop, answer["ai_agent_instance_id"])
        self.assertTrue(answer["ai_agent_id"])
        self.assertEqual(answer.get("workflow_type", "VoiceChat"), "VoiceChat")

    def test_a_failed_operation_is_answered_with_its_status_as_code(self):
        for code, error_code, fields in (
            (404, "AgentNotFound", {"ai_agent_id": "0" * 32}),
            (400, "InvalidParameter", {"expire": -1}),
            (400, "InvalidParameter", {"user_id": "u" * 300}),
            (400, "InvalidParameter", {"agent_config": '{"MaxIdleTime":"for ever"}'}),
        ):
            answer = self.post("generateAIAgentCall", {"ai_agent_id": READY["agent_id"], "user_id": "bob", **fields})
            self.assertEqual((answer["code"], answer["error_code"]), (code, error_code), answer)
            self.assertTrue(answer["message"] and answer["request_id"])
            self.assertNotIn("rtc_auth_token", answer)

    def test_a_request_that_is_none_is_answered_with_code_500(self):
        for body in (b"{oops", b"", [], {}, {"ai_agent_id": READY["agent_id"]}, {"user_id": "bob"}):
            answer = self.post("generateAIAgentCall", body)
            self.assertEqual(answer["code"], 500, answer)
            self.assertTrue(answer["msg"])
        self.assertEqual(self.post("getRtcAuthToken", {})["code"], 500)

    def test_a_channel_token_lasts_a_day_and_names_its_channel(self):
        before = int(time.time())
        answer = self.post("getRtcAuthToken", {"user_id": "alice", "channel_id": "room-1"})
        after = int(time.time())
        self.assertEqual((answer["code"], answer["channel_id"]), (200, "room-1"))
        token = envelope(answer["rtc_auth_token"])
        self.assertEqual((token["channelid"], token["userid"]), ("room-1", "alice"))
        self.assertEqual(token["timestamp"], answer["timestamp"])
        self.assertTrue(before + 86400 <= answer["timestamp"] <= after + 86400)

    def test_a_channel_that_is_not_named_stands_only_in_the_token(self):
        answer = self.post("getRtcAuthToken", {"user_id": "alice"})
        self.assertNotIn("channel_id", answer)
        self.assertTrue(envelope(answer["rtc_auth_token"])["channelid"])


if __name__ == "__main__":
    unittest.main()
