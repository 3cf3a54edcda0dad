"""The operations on running and finished calls, called with the official Python SDK while a real caller is on the line.

Wants the SDK (tests/python/requirements.txt). Models are scripted.
"""

import base64
import json
import math
import struct
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
import wave
from pathlib import Path

import acs3
from alibabacloud_ice20201109 import models
from alibabacloud_ice20201109.client import Client
from alibabacloud_tea_openapi import utils_models
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from harness import SHORT, Server, loudness, wait_until

AGENT_TEXT, USER_TEXT = 1002, 1003


def quiet_wav(path, seconds):
    """Silence and one click at its end, too short to be speech: keeps a caller on the line without a word."""
    rate = 24000
    click = [int(8000 * math.sin(n / 3)) for n in range(rate // 50)]
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes(bytes(2 * rate * seconds) + struct.pack(f"<{len(click)}h", *click))


class Operations(unittest.TestCase):
    #: What differs in the server's configuration.
    config = ""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="ringline-test-")
        config = Path(cls.directory.name) / "config.toml"
        config.write_text(cls.config)
        cls.server = Server(args=("--config", config))
        cls.quiet = Path(cls.directory.name) / "quiet.wav"
        quiet_wav(cls.quiet, 60)
        ready = cls.server.ready
        url = urllib.parse.urlsplit(ready["url"])
        cls.key = (ready["access_key_id"], ready["access_key_secret"])
        config = dict(access_key_id=cls.key[0], access_key_secret=cls.key[1], endpoint=url.netloc, protocol=url.scheme)
        cls.sdk = Client(utils_models.Config(**config))
        #: Signs in the older scheme.
        cls.old_sdk = Client(utils_models.Config(signature_algorithm="v2", **config))

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        cls.server.__exit__()
        cls.directory.cleanup()
        assert code == 0, f"SIGTERM must drain and exit 0, not {code}"

    # -- what the tests are made of

    def on_the_line(self, greeting="Hello.", *arguments):
        """A caller who says nothing, once the agent has greeted and listens; with the instance id."""
        config = json.dumps({"Greeting": greeting})
        caller = self.server.caller("--wav", self.quiet, "--agent-config", config, "--patience", "60", *arguments)
        self.addCleanup(caller.hang_up)
        instance = caller.until("started")["instanceId"]
        self.until_message(caller, 1001, lambda data: data["state"] == 1)
        return caller, instance

    def until_message(self, caller, kind, check=lambda data: True):
        """Reads on until a data-channel message of that type that fits; its data."""
        while True:
            message = caller.until("message")["message"]
            if message.get("type") == kind and check(message["data"]):
                return message["data"]

    def sentence(self, caller, since):
        """The agent's next whole sentence after `since` events: its text, read on until its end."""
        self.until_message(caller, AGENT_TEXT, lambda data: data["end"])
        data = [e["message"]["data"] for e in caller.events[since:] if e.get("message", {}).get("type") == AGENT_TEXT]
        return "".join(d["text"] for d in data if d["sentenceId"] == data[-1]["sentenceId"]).strip()

    def generate(self, **fields):
        request = models.GenerateAIAgentCallRequest(aiagent_id=self.server.agent, **fields)
        return self.sdk.generate_aiagent_call(request).body

    def stop(self, instance):
        self.sdk.stop_aiagent_instance(models.StopAIAgentInstanceRequest(instance_id=instance))
        wait_until("the instance is finished", lambda: self.server.status(instance) == "Finished")

    def describe(self, instance):
        request = models.DescribeAIAgentInstanceRequest(instance_id=instance)
        return self.sdk.describe_aiagent_instance(request).body.instance

    def say(self, instance, text, **fields):
        request = models.SendAIAgentSpeechRequest(instance_id=instance, text=text, **fields)
        answer = self.sdk.send_aiagent_speech(request)
        self.assertEqual(answer.status_code, 200)
        self.assertTrue(answer.body.request_id)

    def ask(self, instance, text):
        self.sdk.send_aiagent_text(models.SendAIAgentTextRequest(instance_id=instance, text=text))

    def message(self, instance, text):
        request = models.SendAIAgentDataChannelMessageRequest(instance_id=instance, message=text)
        self.sdk.send_aiagent_data_channel_message(request)

    def update(self, instance, **fields):
        self.sdk.update_aiagent_instance(models.UpdateAIAgentInstanceRequest(instance_id=instance, **fields))

    def dialogues(self, session, **fields):
        request = models.ListAIAgentDialoguesRequest(
            session_id=session, start_time=0, end_time=int(time.time() * 1000) + 60_000, **fields
        )
        return self.sdk.list_aiagent_dialogues(request).body.dialogues

    def raw(self, action, params, **how):
        return acs3.send(acs3.signed_request(self.server.url, *self.key, action, params, **how))

    def refused(self, status, code, call, *arguments, **fields):
        with self.assertRaises(AlibabaCloudException) as raised:
            call(*arguments, **fields)
        self.assertEqual((raised.exception.status_code, raised.exception.code), (status, code), str(raised.exception))
        return raised.exception.data["Message"]

    def fetch(self, url):
        """Status and body of a plain GET."""
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


class Speaking(Operations):
    def test_a_speech_is_heard_as_a_subtitle_and_stored_as_speech(self):
        caller, instance = self.on_the_line()
        since = len(caller.events)
        self.say(instance, "The shop closes soon.")
        self.assertEqual(self.sentence(caller, since), "The shop closes soon.")
        session = self.describe(instance).session_id
        wait_until("both entries are stored", lambda: len(self.dialogues(session)) == 2)
        speech, greeting = self.dialogues(session)
        self.assertEqual((speech.producer, speech.type, speech.source), ("agent", "speech", "call"))
        self.assertEqual((speech.text, greeting.text, greeting.type), ("The shop closes soon.", "Hello.", "greeting"))
        self.assertLess(greeting.time, speech.time)

    def test_a_speech_cuts_the_agent_with_reason_4_unless_it_is_told_to_wait(self):
        caller, instance = self.on_the_line()
        self.say(instance, "A first text that takes the agent several seconds to say from its beginning to its end.")
        self.until_message(caller, 1001, lambda data: data["state"] == 3)
        self.say(instance, "Patience.", enable_interrupt=False)
        self.until_message(caller, AGENT_TEXT, lambda data: "Patience" in data["text"])
        self.assertEqual(caller.messages(1016), [], "a text that was told to wait cut the agent")
        self.until_message(caller, AGENT_TEXT, lambda data: data["end"])

        self.say(instance, "A second text that takes the agent several seconds to say from its beginning to its end.")
        self.until_message(caller, 1001, lambda data: data["state"] == 3)
        self.say(instance, "Now.")
        self.assertEqual(self.until_message(caller, 1016), {"reason": 4})
        self.until_message(caller, AGENT_TEXT, lambda data: "Now." in data["text"])

    def test_a_text_is_asked_in_the_users_place_and_cuts_the_agent_with_reason_5(self):
        caller, instance = self.on_the_line()
        since = len(caller.events)
        self.ask(instance, "What can you do?")
        user = self.until_message(caller, USER_TEXT, lambda data: data["end"])
        self.assertEqual(user["text"], "What can you do?")
        self.until_message(caller, AGENT_TEXT, lambda data: data["text"].startswith("I listen"))
        self.ask(instance, "Tell me something long, please.")
        self.assertEqual(self.until_message(caller, 1016), {"reason": 5})
        self.until_message(caller, AGENT_TEXT, lambda data: data["text"].startswith("Gladly"))
        asked = [e["message"]["data"]["text"] for e in caller.events[since:] if e.get("message", {}).get("type") == USER_TEXT]
        self.assertEqual(asked[-1], "Tell me something long, please.")

    def test_a_message_reaches_the_client_letter_for_letter(self):
        caller, instance = self.on_the_line()
        odd = ' {"b":1.50, "a":"中 *~+", "b":2} '
        self.message(instance, odd)
        self.assertEqual(self.until_message(caller, 1011), {"message": odd})
        self.stop(instance)
        replay = self.server.replay(instance)
        self.assertEqual(replay.returncode, 0, replay.stderr)

    def test_what_cannot_be_said_or_sent_is_refused_by_name(self):
        instance = self.generate().instance_id
        self.addCleanup(self.stop, instance)
        url = "http://127.0.0.1:9/a.wav"
        self.assertIn("Text", self.refused(400, "InvalidParameter", self.say, instance, url, type="AudioUrl"))
        self.assertIn("Type", self.refused(400, "InvalidParameter", self.say, instance, url, type="Video"))
        self.assertIn("Text", self.refused(400, "InvalidParameter", self.say, instance, "x" * 1025))
        self.assertIn("Message", self.refused(400, "InvalidParameter", self.message, instance, "{oops"))
        self.assertIn("Message", self.refused(400, "InvalidParameter", self.message, instance, json.dumps("x" * 8191)))
        for action, name in (("SendAIAgentSpeech", "Text"), ("SendAIAgentText", "Text"), ("SendAIAgentDataChannelMessage", "Message")):
            status, body = self.raw(action, {"InstanceId": instance})
            self.assertEqual((status, body["Code"]), (400, f"Missing{name}"), body)

    def test_before_the_user_is_there_only_a_speech_can_wait(self):
        instance = self.generate().instance_id
        self.addCleanup(self.stop, instance)
        self.refused(400, "InstanceNotConnected", self.ask, instance, "Hello?")
        self.refused(400, "InstanceNotConnected", self.message, instance, "{}")
        self.say(instance, "Later.")

    def test_a_finished_or_unknown_instance_takes_nothing(self):
        instance = self.generate().instance_id
        self.stop(instance)
        for unknown, status, code in ((instance, 400, "InstanceFinished"), ("0" * 32, 404, "InstanceNotFound")):
            self.refused(status, code, self.say, unknown, "Hello.")
            self.refused(status, code, self.ask, unknown, "Hello.")
            self.refused(status, code, self.message, unknown, "{}")
            self.refused(status, code, self.update, unknown, user_data="x")


class Updating(Operations):
    def interrupt(self, enable):
        return models.AIAgentConfig(interrupt_config=models.AIAgentConfigInterruptConfig(enable_voice_interrupt=enable))

    def test_an_update_changes_the_running_call_and_the_client_is_told(self):
        caller, instance = self.on_the_line()
        self.update(instance, agent_config=self.interrupt(False), user_data='{"k":2}')
        self.assertEqual(self.until_message(caller, 1004), {"enable": False})
        voice = models.AIAgentConfig(tts_config=models.AIAgentConfigTtsConfig(voice_id="other"))
        self.update(instance, agent_config=voice)
        self.assertEqual(self.until_message(caller, 1005), {"voiceId": "other"})
        described = self.describe(instance)
        self.assertEqual((described.agent_config.greeting, described.user_data), ("Hello.", '{"k":2}'))
        self.assertIs(described.agent_config.interrupt_config.enable_voice_interrupt, False)
        self.assertEqual(described.agent_config.tts_config.voice_id, "other")
        self.assertEqual(len(caller.messages(1004)), 1, "what did not change was told, too")
        self.stop(instance)
        self.assertEqual(self.describe(instance).agent_config.tts_config.voice_id, "other")

    def test_a_template_changes_a_running_call_too(self):
        caller, instance = self.on_the_line()
        voice_chat = models.AIAgentTemplateConfigVoiceChat(enable_voice_interrupt=False)
        self.update(instance, template_config=models.AIAgentTemplateConfig(voice_chat=voice_chat))
        self.assertEqual(self.until_message(caller, 1004), {"enable": False})

    def test_with_volume_0_nothing_is_heard(self):
        for volume in (100, 0):
            caller, instance = self.on_the_line("")
            self.update(instance, agent_config=models.AIAgentConfig(volume=volume))
            self.say(instance, "A text of some length.")
            self.until_message(caller, AGENT_TEXT, lambda data: data["end"])
            self.stop(instance)
            track = self.server.recording(instance, "agent")
            wait_until("the agent's track", track.exists)
            caller.finish(30)
            level = loudness(track)
            self.assertTrue(level < -70 if volume == 0 else level > -45, f"volume {volume} gave {level} dBFS")

    def test_an_update_that_cannot_be_is_refused_and_changes_nothing(self):
        body = self.generate(agent_config=models.AIAgentConfig(volume=80))
        self.addCleanup(self.stop, body.instance_id)
        wrong = models.AIAgentConfig(volume=401, greeting="changed")
        self.assertIn("Volume", self.refused(400, "InvalidParameter", self.update, body.instance_id, agent_config=wrong))
        config = self.describe(body.instance_id).agent_config
        self.assertEqual(config.volume, 80)
        self.assertNotEqual(config.greeting, "changed")


class Records(Operations):
    def test_the_call_log_of_a_finished_call_is_right(self):
        caller = self.server.caller("--wav", SHORT, "--agent-config", '{"Greeting":"Good day."}')
        code, _ = caller.finish()
        self.assertEqual(code, 0, caller.problem())
        instance = caller.first("started")["instanceId"]
        wait_until("the instance is finished", lambda: self.server.status(instance) == "Finished")
        status, log = self.fetch(self.describe(instance).call_log_url)
        self.assertEqual(status, 200, log)
        self.assertEqual((log["instanceId"], set(log)), (instance, {"instanceId", "startTime", "dialog"}))
        self.assertAlmostEqual(log["startTime"], time.time(), delta=120)
        said = [(entry["id"], entry["role"], entry["type"], entry["text"]) for entry in log["dialog"]]
        answer = next(text for *_, text in reversed(said))
        self.assertEqual(said[:2], [(1, "agent", "greeting", "Good day."), (2, "user", "normal", "Hello, who am I talking to?")])
        self.assertEqual(said[2][:3], (3, "agent", "normal"))
        self.assertTrue(answer.startswith("Hi there!"), answer)
        begins = [entry["begin"] for entry in log["dialog"]]
        self.assertEqual(begins, sorted(begins))
        self.assertTrue(0 <= begins[0] < 5 and begins[2] < 60, begins)

    def test_a_call_log_is_there_from_the_start_and_only_at_its_signed_address(self):
        first, second = self.generate().instance_id, self.generate().instance_id
        for instance in (first, second):
            self.addCleanup(self.stop, instance)
        url = self.describe(first).call_log_url
        self.assertEqual(self.fetch(url)[1]["dialog"], [])
        expires = int(urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["expires"][0])
        self.assertAlmostEqual(expires, time.time() + 86400, delta=60)
        for wrong in (
            url.replace(first, second),
            url.replace(str(expires), str(expires + 1)),
            url[:-1] + ("0" if url[-1] != "0" else "1"),
            url.split("&")[0],
            url.split("?")[0],
        ):
            status, body = self.fetch(wrong)
            self.assertEqual((status, body["Code"]), (403, "Forbidden"), wrong)

    def test_a_second_call_of_a_session_knows_the_first(self):
        first = self.server.caller("--wav", SHORT, "--session", "continued")
        self.assertEqual(first.finish()[0], 0, first.problem())
        wait_until("the first answer is stored", lambda: len(self.dialogues("continued")) == 3)
        second = self.server.caller("--wav", SHORT, "--session", "continued")
        self.assertEqual(second.finish()[0], 0)
        instance = second.first("started")["instanceId"]
        wait_until("the instance is finished", lambda: self.server.status(instance) == "Finished")
        replay = self.server.replay(instance, "--verbose")
        self.assertEqual(replay.returncode, 0, replay.stderr)
        outputs = [json.loads(line) for line in replay.stdout.splitlines() if line.startswith("        {")]
        prompt = next(output["messages"] for output in outputs if output["type"] == "generate")
        texts = [(message["role"], message["text"][:20]) for message in prompt]
        question = ("user", "Hello, who am I talking to?"[:20])
        self.assertEqual([role for role, _ in texts], ["system", "assistant", "user", "assistant", "assistant", "user"])
        self.assertEqual((texts[2], texts[5]), (question, question))
        self.assertTrue(texts[3][1].startswith("Hi there!"), texts)

    def test_dialogues_are_listed_by_page_order_and_round_and_deleted(self):
        caller, instance = self.on_the_line()
        for text in ("What can you do?", "Thank you, goodbye."):
            self.ask(instance, text)
            self.until_message(caller, AGENT_TEXT, lambda data: data["end"])
        session = self.describe(instance).session_id
        wait_until("five entries are stored", lambda: len(self.dialogues(session)) == 5)
        newest = self.dialogues(session)
        oldest = self.dialogues(session, order="ASC")
        self.assertEqual([d.dialogue_id for d in oldest], [d.dialogue_id for d in reversed(newest)])
        self.assertEqual([d.producer for d in oldest], ["agent", "user", "agent", "user", "agent"])
        self.assertEqual([d.text for d in oldest if d.producer == "user"], ["What can you do?", "Thank you, goodbye."])
        self.assertEqual([oldest[n].round_id for n in (1, 3)], [oldest[n].round_id for n in (2, 4)])
        page = self.dialogues(session, order="ASC", page_number=2, page_size=2)
        self.assertEqual([d.dialogue_id for d in page], [d.dialogue_id for d in oldest[2:4]])
        last = self.dialogues(session, order="ASC", round_limit="1", page_size=1)
        self.assertEqual([d.dialogue_id for d in last], [d.dialogue_id for d in oldest[3:]])
        request = models.ListAIAgentDialoguesRequest(session_id=session, start_time=oldest[1].time, end_time=oldest[1].time)
        self.assertEqual([d.text for d in self.sdk.list_aiagent_dialogues(request).body.dialogues], ["What can you do?"])

        delete = models.DeleteAIAgentDialogueRequest(session_id=session, dialogue_id=oldest[0].dialogue_id)
        self.sdk.delete_aiagent_dialogue(delete)
        self.assertEqual([d.dialogue_id for d in self.dialogues(session)], [d.dialogue_id for d in newest[:-1]])
        self.refused(404, "ResourceNotFound", self.sdk.delete_aiagent_dialogue, delete)
        node = models.DeleteAIAgentDialogueRequest(session_id=session, dialogue_id=oldest[1].dialogue_id, node_id="n")
        self.refused(404, "ResourceNotFound", self.sdk.delete_aiagent_dialogue, node)
        self.assertEqual(len(self.dialogues(session)), 4)

    def test_instances_are_listed_newest_first_and_counted_while_they_run(self):
        def count():
            request = models.GetAIAgentConcurrencyRequest(aiagent_id=self.server.agent)
            return self.sdk.get_aiagent_concurrency(request).body.active_count

        def listed(**fields):
            status, body = self.raw("ListAIAgentInstance", {"AIAgentId": self.server.agent, **fields})
            self.assertEqual(status, 200, body)
            return body["Instances"]

        before = count()
        first = self.generate(user_data="first", session_id="listed").instance_id
        time.sleep(0.002)  # two creation times
        second = self.generate(user_data="second").instance_id
        self.assertEqual(count(), before + 2)
        self.assertEqual([i["InstanceId"] for i in listed(PageSize="2")], [second, first])
        self.assertEqual([i["InstanceId"] for i in listed(PageSize="1", PageNumber="2")], [first])
        self.assertEqual(listed(PageSize="0"), [])
        self.assertEqual(listed(EndTime="2020-01-01T00:00:00Z"), [])
        now = acs3.utc(time.time() - 60)
        self.assertIn(first, [i["InstanceId"] for i in listed(StartTime=now, PageSize="100")])
        self.stop(first)
        self.stop(second)
        self.assertEqual(count(), before)
        request = models.ListAIAgentInstanceRequest(aiagent_id=self.server.agent, page_size=2)
        newest = self.sdk.list_aiagent_instance(request).body.instances
        self.assertEqual([(i.status, i.user_data) for i in newest], [("Finished", "second"), ("Finished", "first")])
        self.assertEqual(self.fetch(newest[0].call_log_url)[0], 200)
        self.assertEqual(newest[0].runtime_config.channel_id, self.describe(second).runtime_config.channel_id)
        for action in ("ListAIAgentInstance", "GetAIAgentConcurrency"):
            status, body = self.raw(action, {"AIAgentId": "0" * 32})
            self.assertEqual((status, body["Code"]), (404, "AgentNotFound"), body)

    def test_voices_are_listed_by_language(self):
        """The one operation that the SDK sends by GET, with either signature."""
        known = [(v["id"], v["name"], v["language"]) for v in self.server.get("/api/ringline/v1/info")["voices"]]
        self.assertTrue(known)
        for sdk in (self.sdk, self.old_sdk):
            groups = sdk.list_smart_voice_groups(models.ListSmartVoiceGroupsRequest()).body.voice_groups
            listed = [(voice.voice, voice.name, group.type) for group in groups for voice in group.voice_list]
            self.assertEqual(sorted(listed), sorted(known))
        cosy = models.ListSmartVoiceGroupsRequest(voice_type="CosyVoice")
        self.assertEqual(self.sdk.list_smart_voice_groups(cosy).body.voice_groups, [])


class Doors(Operations):
    def test_every_operation_can_be_got_and_posted(self):
        """server-api §1.1: both methods for every operation."""
        for method in ("GET", "POST"):
            status, body = self.raw("GenerateAIAgentCall", {"AIAgentId": self.server.agent}, method=method)
            self.assertEqual(status, 200, body)
            status, body = self.raw("StopAIAgentInstance", {"InstanceId": body["InstanceId"]}, method=method)
            self.assertEqual(status, 200, body)
            status, body = self.raw("NoSuchAction", {}, method=method)
            self.assertEqual((status, body["Code"]), (404, "InvalidApi.NotFound"))

    def test_a_get_that_is_no_operation_is_the_page(self):
        for path in ("/", "/?agent=x"):
            with urllib.request.urlopen(self.server.url + path, timeout=10) as page:
                self.assertTrue(page.headers["content-type"].startswith("text/html"))
        status, body = self.fetch(self.server.url + "/?Action=StopAIAgentInstance")
        self.assertEqual((status, body["Code"]), (400, "IncompleteSignature"))

    def test_the_app_server_starts_describes_changes_and_stops_an_instance(self):
        def post(operation, **body):
            status, answer = self.server.post(f"/api/v2/aiagent/{operation}", body)
            self.assertEqual(status, 200, answer)
            return answer

        started = post("startAIAgentInstance", user_id="bob", workflow_type="VoiceChat", expire=60, template_config="{}")
        self.assertEqual(started["code"], 200, started)
        token = json.loads(base64.b64decode(started["rtc_auth_token"]))
        self.assertEqual((token["channelid"], token["userid"]), (started["channel_id"], "bob"))
        self.assertAlmostEqual(token["timestamp"], time.time() + 86400, delta=60)
        instance = started["ai_agent_instance_id"]

        changed = post("updateAIAgentInstance", ai_agent_instance_id=instance, template_config='{"VoiceChat":{"Volume":50}}',
                       agent_config='{"LlmConfig":{"LlmSystemPrompt":"A secret."}}', user_data="d")
        self.assertEqual((changed["code"], changed["result"]), (200, True), changed)
        described = post("describeAIAgentInstance", user_id="bob", ai_agent_instance_id=instance)
        self.assertEqual((described["code"], described["status"], described["user_data"]), (200, "Created", "d"))
        self.assertEqual(json.loads(described["agent_config"])["Volume"], 50)
        self.assertEqual(json.loads(described["template_config"]), {"VoiceChat": {"Volume": 50}})
        self.assertEqual(json.loads(described["runtime_config"])["ChannelId"], started["channel_id"])
        self.assertNotIn("secret", described["agent_config"], "this door asks for no credentials")
        self.assertEqual(self.describe(instance).agent_config.llm_config.llm_system_prompt, "A secret.")
        self.assertEqual(self.fetch(described["call_log_url"])[0], 200)

        stopped = post("stopAIAgentInstance", ai_agent_instance_id=instance)
        self.assertEqual((stopped["code"], stopped["result"]), (200, True))
        wait_until("the instance is finished", lambda: self.server.status(instance) == "Finished")
        late = post("updateAIAgentInstance", ai_agent_instance_id=instance, template_config="{}")
        self.assertEqual((late["code"], late["error_code"]), (400, "InstanceFinished"))
        for operation in ("stopAIAgentInstance", "updateAIAgentInstance", "describeAIAgentInstance", "describeAIAgent"):
            self.assertEqual(post(operation)["code"], 500)

    def test_the_app_server_describes_an_agent(self):
        body = {"user_id": "bob", "ai_agent_id": self.server.agent, "region": "cn-shanghai"}
        _, answer = self.server.post("/api/v2/aiagent/describeAIAgent", body)
        agent = json.loads(answer["ai_agent"])
        self.assertEqual((answer["code"], agent["AIAgentId"], agent["InboundPhoneNumbers"]), (200, self.server.agent, []))
        _, answer = self.server.post("/api/v2/aiagent/describeAIAgent", {**body, "ai_agent_id": "0" * 32})
        self.assertEqual((answer["code"], answer["error_code"]), (404, "AgentNotFound"))


if __name__ == "__main__":
    unittest.main()
