"""The lines of the specification that official client code branches on (marked *client-relied*), and what client-sdk §4 says
a server must send. Each test names its line.

`Forbidden.SubscriptionRequired` (server-api §3.3) is never this server's own: there is nothing to subscribe to. That such a
code would reach the clients of the app-server door as `error_code` is a test of crates/protocol (tests/app_server.rs,
`a_code_that_clients_branch_on_passes_through_as_it_is`).
"""

import json
import struct
import unittest
import urllib.error
import urllib.request
import wave
from pathlib import Path

from alibabacloud_ice20201109 import models
from files import ALLOWED, Files, tone
from harness import SHORT, wait_until
from test_operations import Operations

#: client-sdk §4.3: message type → every field of its data. 9001 to 9003 are ours.
FIELDS = {
    1000: {"code", "message"},
    1001: {"state"},
    1002: {"text", "end", "sentenceId"},
    1003: {"text", "end", "sentenceId", "voiceprint"},
    1004: {"enable"},
    1005: {"voiceId"},
    1010: {"reason", "message"},
    1011: {"message"},
    1016: {"reason"},
    1017: {"text", "sentenceId"},
    9001: {"sentenceId", "endpointing", "transcript", "firstText", "firstSegment", "firstAudio", "playout", "total"},
    9002: {"reason"},
    9003: {"userId", "online", "audio", "video", "role"},
}
TYPES = {
    "code": int, "message": str, "state": int, "text": str, "end": bool, "sentenceId": int, "voiceprint": int, "enable": bool,
    "voiceId": str, "reason": int, "userId": str, "online": bool, "audio": bool, "video": bool, "role": str,
}


class ClientRelied(Operations):
    config = ALLOWED

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.files = Files({"/before.wav": tone(2), "/short.wav": tone(2), "/long.wav": tone(61)})

    @classmethod
    def tearDownClass(cls):
        cls.files.stop()
        super().tearDownClass()

    def app_server(self, operation, version="v2", **body):
        status, answer = self.server.post(f"/api/{version}/aiagent/{operation}", body)
        self.assertEqual(status, 200, answer)
        return answer

    def test_agent_not_found(self):
        """server-api §3.3: `AgentNotFound`, 404, "The specified agentId is not found.": Web, iOS and Android map it to their
        own error, from the app server's `error_code` (§13.1)."""
        request = models.GenerateAIAgentCallRequest(aiagent_id="0" * 32)
        message = self.refused(404, "AgentNotFound", self.sdk.generate_aiagent_call, request)
        self.assertEqual(message, "The specified agentId is not found.")
        for version in ("v1", "v2"):
            answer = self.app_server("generateAIAgentCall", version, ai_agent_id="0" * 32, user_id="u", template_config="{}")
            self.assertEqual((answer["code"], answer["error_code"]), (404, "AgentNotFound"))
            self.assertEqual(answer["message"], "The specified agentId is not found.")
            self.assertTrue(answer["request_id"])

    def test_invalid_audio_duration(self):
        """server-api §3.3: `InvalidAudioDuration`: Web branches on it, from the app server's `error_code` (§13.2)."""
        for version in ("v1", "v2"):
            for path in ("/short.wav", "/long.wav"):
                given = json.dumps({"Type": "oss", "Data": self.files.url(path), "Format": "wav"})
                answer = self.app_server(
                    "setAIAgentVoiceprint", version, user_id="u", voiceprint_id="u_17", input=given, region="cn-shanghai"
                )
                self.assertEqual((answer["code"], answer["error_code"]), (400, "InvalidAudioDuration"))
                self.assertTrue(answer["message"] and answer["request_id"])
                self.assertNotIn("voiceprint_id", answer)

    def test_audio_before_the_greeting_which_still_follows(self):
        """server-api §5.1: `PreConnectAudioUrl`, an audio file played before the greeting, which still follows."""
        out = Path(self.directory.name) / "heard.wav"
        config = json.dumps({"Greeting": "Good day to you all.", "PreConnectAudioUrl": self.files.url("/before.wav")})
        caller = self.server.caller("--agent-config", config, "--out", out)
        self.assertEqual(caller.finish()[0], 0, caller.problem())
        self.assertIn("/before.wav", self.files.asked)
        said = "".join(data["text"] for data in caller.messages(1002))
        self.assertEqual(" ".join(said.split()), "Good day to you all.")
        # The file is 2 s; the greeting, which has a sound of its own, comes on top.
        self.assertGreater(loud_seconds(out), 2.5)

    def test_the_merged_voice_list_is_described(self):
        """server-api §4.5: Android and Web read `AgentConfig.TtsConfig.VoiceIdList` of the merged configuration; the Web demo
        from the text `agent_config` (§13.2)."""
        voices = ["ava:Ava", "ben:Ben"]
        tts = models.AIAgentConfigTtsConfig(voice_id_list=voices)
        instance = self.generate(agent_config=models.AIAgentConfig(tts_config=tts)).instance_id
        self.addCleanup(self.stop, instance)
        self.update(instance, agent_config=models.AIAgentConfig(tts_config=models.AIAgentConfigTtsConfig(speech_rate=1.5)))
        described = self.describe(instance).agent_config
        self.assertEqual((described.tts_config.voice_id_list, described.tts_config.speech_rate), (voices, 1.5))
        # What the agent itself says and nobody changed is in it, too.
        own = self.raw("DescribeAIAgentInstance", {"InstanceId": self.generate().instance_id})[1]["Instance"]["AgentConfig"]
        self.assertTrue(own["Greeting"] and own["LlmConfig"]["LlmSystemPrompt"])
        self.assertEqual(described.greeting, own["Greeting"])
        answer = self.app_server("describeAIAgentInstance", user_id="u", ai_agent_instance_id=instance, region="cn-shanghai")
        self.assertEqual(json.loads(answer["agent_config"])["TtsConfig"]["VoiceIdList"], voices)

    def test_no_messaging_token_without_an_app_sign(self):
        """server-api §4.15: a token counts only with `app_id`, `app_sign` and `token`, so `AppSign` must never be empty.
        Messaging is not offered: there is no answer without it, at either door."""
        status, body = self.raw("GenerateMessageChatToken", {"AIAgentId": self.server.agent, "UserId": "u"})
        self.assertEqual((status, body["Code"]), (404, "InvalidApi.NotFound"))
        answer = self.app_server("generateMessageChatToken", ai_agent_id=self.server.agent, user_id="u")
        self.assertEqual((answer["code"], answer["error_code"]), (404, "InvalidApi.NotFound"))
        self.assertLessEqual(set(answer), {"code", "error_code", "message", "request_id"})

    def test_failures_of_the_app_server_are_told_in_the_body(self):
        """server-api §13.1: clients take HTTP 403 for a bad login and look at `error_code` of HTTP 200; null members are left
        out."""
        for operation, body, code in (
            ("describeAIAgentInstance", {"user_id": "u", "ai_agent_instance_id": "0" * 32}, "InstanceNotFound"),
            ("stopAIAgentInstance", {"ai_agent_instance_id": "0" * 32}, "InstanceNotFound"),
            ("generateAIAgentCall", {"ai_agent_id": self.server.agent, "user_id": "u", "expire": 604801}, "InvalidParameter"),
        ):
            answer = self.app_server(operation, **body)
            self.assertEqual(answer["error_code"], code, answer)
            self.assertTrue(400 <= answer["code"] < 500 and answer["message"] and answer["request_id"], answer)
            self.assertNotIn(None, answer.values())

    def test_every_message_has_data_with_every_field_and_comes_from_the_agents_user_id(self):
        """client-sdk §4.1: `data` is always there, the sender's id is the agent's user id, or Web drops the message;
        §4.3: servers should always send every field."""
        config = '{"Greeting":"Hello.","LlmConfig":{"LlmCompleteReply":true}}'
        caller = self.server.caller("--wav", SHORT, "--wav", self.quiet, "--agent-config", config, "--user", "person")
        self.addCleanup(caller.hang_up)
        instance = caller.until("started")["instanceId"]
        agent = self.describe(instance).runtime_config.agent_user_id
        self.until_message(caller, 1017)
        self.until_message(caller, 1001, lambda data: data["state"] == 1)
        self.say(instance, "A text that takes the agent several seconds to say from its beginning to its end.")
        self.until_message(caller, 1001, lambda data: data["state"] == 3)
        self.say(instance, "Now.")
        self.until_message(caller, 1016)
        interrupt = models.AIAgentConfigInterruptConfig(enable_voice_interrupt=False)
        voice = models.AIAgentConfigTtsConfig(voice_id="other")
        self.update(instance, agent_config=models.AIAgentConfig(interrupt_config=interrupt, tts_config=voice))
        self.until_message(caller, 1005)
        self.message(instance, '{"a":1}')
        self.until_message(caller, 1011)
        messages = [e["message"] for e in caller.events if e["event"] == "message" and "type" in e["message"]]
        seen, last = set(), 0
        for message in messages:
            kind, data = message["type"], message["data"]
            seen.add(kind)
            self.assertEqual(set(data), FIELDS[kind], f"{kind} has other fields")
            for field, value in data.items():
                self.assertIs(type(value), TYPES.get(field, int), f"{kind}.{field} is {value!r}")
            self.assertEqual((message["senderId"], message["receiverId"]), (agent, "person"))
            self.assertGreater(message["seqId"], last)
            last = message["seqId"]
        self.assertLessEqual({1001, 1002, 1003, 1004, 1005, 1011, 1016, 1017}, seen)

    def test_a_message_of_the_app_server_reaches_the_client_letter_for_letter(self):
        """server-api §4.10: Web parses `data.message` of 1011 as JSON."""
        caller, instance = self.on_the_line()
        text = ' {"b":1.50,"a":"中\\u0041","b":2} '
        self.message(instance, text)
        self.assertEqual(self.until_message(caller, 1011), {"message": text})

    def test_subtitles_replace_for_the_user_and_append_for_the_agent(self):
        """client-sdk §6.1: user text is whole in each notice, agent text a piece; `end` closes a sentence; one id per
        question, and the answer has its question's."""
        caller = self.server.caller("--wav", SHORT, "--agent-config", '{"Greeting":""}')
        self.assertEqual(caller.finish()[0], 0, caller.problem())
        user = caller.messages(1003)
        self.assertEqual([m["end"] for m in user], [False] * (len(user) - 1) + [True])
        self.assertEqual(user[-1]["text"], "Hello, who am I talking to?")
        for earlier, later in zip(user, user[1:]):
            self.assertGreaterEqual(len(later["text"]), len(earlier["text"]))
        agent = caller.messages(1002)
        self.assertEqual({m["sentenceId"] for m in user + agent}, {user[0]["sentenceId"]})
        self.assertEqual([m["end"] for m in agent], [False] * (len(agent) - 1) + [True])
        instance = caller.first("started")["instanceId"]
        wait_until("the call is over", lambda: self.server.status(instance) == "Finished")
        session = self.describe(instance).session_id
        answer = next(d.text for d in self.dialogues(session) if d.producer == "agent")
        self.assertEqual(" ".join("".join(m["text"] for m in agent).split()), " ".join(answer.split()))

    def test_an_idle_agent_says_that_it_leaves(self):
        """client-sdk §4.3, server-api §14: no interaction for MaxIdleTime → 1010 with reason 2001, then the agent leaves."""
        config = '{"Greeting":"Hello.","MaxIdleTime":2}'
        caller = self.server.caller("--wav", self.quiet, "--agent-config", config)
        self.addCleanup(caller.hang_up)
        instance = caller.until("started")["instanceId"]
        leave = self.until_message(caller, 1010)
        self.assertEqual(leave["reason"], 2001)
        self.assertIs(type(leave["message"]), str)
        wait_until("the instance is finished", lambda: self.server.status(instance) == "Finished")

    def test_cors_as_browsers_need_it(self):
        """server-api §13.1: OPTIONS → 204; origin, headers, methods."""
        request = urllib.request.Request(
            f"{self.server.url.rstrip('/')}/api/v2/aiagent/generateAIAgentCall", method="OPTIONS",
            headers={"origin": "https://app.example", "access-control-request-method": "POST",
                     "access-control-request-headers": "authorization,content-type"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            self.assertEqual(answer.status, 204)
            self.assertIn(answer.headers["access-control-allow-origin"], ("*", "https://app.example"))
            allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
            self.assertLessEqual({"authorization", "content-type"}, allowed)
            methods = {name.strip() for name in answer.headers["access-control-allow-methods"].split(",")}
            self.assertLessEqual({"POST", "GET", "PATCH", "DELETE", "PUT"}, methods)


def loud_seconds(path):
    """Seconds of a WAV file in which something is heard, in stretches of 20 ms."""
    with wave.open(str(path)) as file:
        rate, data = file.getframerate(), file.readframes(file.getnframes())
    samples = struct.unpack(f"<{len(data) // 2}h", data)
    size = rate // 50
    return sum(max(map(abs, samples[n:n + size])) > 500 for n in range(0, len(samples) - size, size)) / 50


if __name__ == "__main__":
    unittest.main()
