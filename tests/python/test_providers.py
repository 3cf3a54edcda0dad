"""Agents with providers of their own for every node, and what a call does when providers fail.

The providers are small servers here; the call's own models are scripted.
"""

import json
import tempfile
import unittest
from pathlib import Path

from harness import SHORT, Server, wait_until
from services import Services

ADMIN = "/api/ringline/v1/admin"


class Providers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="ringline-test-")
        config = Path(cls.directory.name) / "ringline.toml"
        config.write_text('[outward]\nallow = ["127.0.0.0/8"]\n')
        cls.server = Server(args=["--config", config])

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        cls.server.__exit__()
        cls.directory.cleanup()
        assert code == 0, f"SIGTERM must drain and exit 0, not {code}"

    def make(self, providers, config=None):
        """An agent with these providers; its id."""
        agent = {"name": "Test", "config": config or {}, "settings": {"providers": providers}}
        headers = {"authorization": f"Bearer {self.server.ready['admin_token']}"}
        status, agent = self.server.post(f"{ADMIN}/agents", agent, "POST", headers)
        self.assertEqual(status, 201, agent)
        return agent["id"]

    def call(self, agent, *wavs):
        caller = self.server.caller(*[arg for wav in wavs for arg in ("--wav", wav)], agent=agent)
        code, _ = caller.finish()
        return code, caller

    def replays(self, caller):
        instance = caller.first("started")["instanceId"]
        wait_until("the instance is finished", lambda: self.server.status(instance) == "Finished")
        replay = self.server.replay(instance)
        self.assertEqual(replay.returncode, 0, replay.stderr)

    def test_an_agents_own_providers_listen_think_and_speak(self):
        with Services() as services:
            agent = self.make({
                "asr": [{"provider": "openai", "url": f"{services.url}/v1", "model": "ears", "api_key": "k-asr"}],
                "llm": {"base_url": f"{services.url}/v1", "model": "mind", "api_key": "k-llm"},
                "tts": [{"provider": "self_hosted", "url": f"{services.url}/tts", "sample_rate": 16000, "api_key": "k-tts"}],
            }, {"AsrConfig": {"AsrLanguageId": "en"}, "TtsConfig": {"VoiceId": "their-voice"}})
            code, caller = self.call(agent, SHORT)
            self.assertEqual(code, 0, caller.problem())
        self.assertEqual([s["text"] for s in caller.messages(1003) if s["end"]], ["Is anybody there?"])
        self.assertIn("I am.", "".join(s["text"] for s in caller.messages(1002)))
        form = services.bodies("/v1/audio/transcriptions")[0]
        self.assertIn(b'name="model"\r\n\r\nears', form)
        self.assertIn(b'name="language"\r\n\r\nen', form)
        chat = services.bodies("/v1/chat/completions")[0]
        spoken = next(body for body in services.bodies("/tts") if body["Text"] == "I am.")
        extend = json.loads(spoken["ExtendData"])
        self.assertEqual(spoken["VoiceId"], "their-voice")
        self.assertEqual(spoken["Token"], "k-tts")
        self.assertEqual(extend["InstanceId"], caller.first("started")["instanceId"])
        self.assertEqual(extend["SentenceId"], chat["extendData"]["sentenceId"], "speech and answer name one question")
        keys = {path.split("?")[0]: headers.get("authorization") for path, headers, _ in services.asked}
        self.assertEqual(keys["/v1/audio/transcriptions"], "Bearer k-asr")
        self.assertEqual(keys["/v1/chat/completions"], "Bearer k-llm")
        self.replays(caller)

    def test_how_an_answer_is_said_reaches_the_client_and_a_self_hosted_voice(self):
        chat = lambda messages, tools: 'I am. <ringline_emotion value="sad"/>But I was asleep.'
        with Services(chat=chat) as services:
            agent = self.make({
                "llm_fallback": [{"provider": "openai", "url": f"{services.url}/v1", "model": "m"}],
                "tts": [{"provider": "self_hosted", "url": f"{services.url}/tts", "sample_rate": 16000}],
            })
            code, caller = self.call(agent, SHORT)
            self.assertEqual(code, 0, caller.problem())
        said = {body["Text"]: json.loads(body["ExtendData"]).get("Emotion") for body in services.bodies("/tts")}
        self.assertEqual((said["I am."], said["But I was asleep."]), (None, "sad"))
        question = next(s["sentenceId"] for s in caller.messages(1003) if s["end"])
        self.assertEqual(caller.messages(1014), [{"emotion": "sad", "sentenceId": question}])
        self.assertNotIn("ringline_emotion", "".join(s["text"] for s in caller.messages(1002)))
        self.replays(caller)

    def test_what_a_call_is_configured_with_reaches_its_providers(self):
        with Services() as services:
            there = {"provider": "openai", "url": f"{services.url}/v1", "model": "m"}
            config = {
                "Greeting": "Hello.",
                "AsrConfig": {"AsrHotWords": ["Ringline"]},
                "TtsConfig": {"SpeechRate": 1.5},
                "LlmConfig": {
                    "LlmSystemPrompt": "Be a lighthouse.",
                    "LlmHistory": [{"Role": "user", "Content": "Earlier?"}, {"Role": "assistant", "Content": "Yes."}],
                    "LlmHistoryLimit": 1,
                    "OpenAIExtraQuery": "tenant=a",
                },
            }
            agent = self.make({"asr": [there], "llm_fallback": [there], "tts": [there]}, config)
            code, caller = self.call(agent, SHORT, SHORT, SHORT)
            self.assertEqual(code, 0, caller.problem())
        self.assertIn(b'name="prompt"\r\n\r\nRingline', services.bodies("/v1/audio/transcriptions")[0])
        self.assertEqual({body["speed"] for body in services.bodies("/v1/audio/speech")}, {1.5})
        self.assertTrue(all("tenant=a" in path for path, _, _ in services.asked if "chat" in path))
        first, *_, last = services.bodies("/v1/chat/completions")
        seed = [("system", "Be a lighthouse."), ("user", "Earlier?"), ("assistant", "Yes.")]
        self.assertEqual([(m["role"], m["content"]) for m in first["messages"]][:3], seed)
        asked = [m["content"] for m in last["messages"] if m["role"] == "user"]
        self.assertEqual(asked, ["Earlier?"] + ["Is anybody there?"] * 2, "one turn before the question, of two")

    def test_the_next_of_each_list_stands_in_for_one_that_fails(self):
        with Services() as services:
            broken = {"provider": "openai", "url": f"{services.url}/broken", "model": "m"}
            there = {"provider": "openai", "url": f"{services.url}/v1", "model": "m"}
            agent = self.make({"asr": [broken, there], "llm_fallback": [broken, {"provider": "scripted"}], "tts": [broken, there]})
            code, caller = self.call(agent, SHORT)
            self.assertEqual(code, 0, caller.problem())
            self.assertTrue(services.bodies("/v1/audio/speech"))
        self.assertEqual([s["text"] for s in caller.messages(1003) if s["end"]], ["Is anybody there?"])
        self.assertIn("You said", "".join(s["text"] for s in caller.messages(1002)))
        instance = caller.first("started")["instanceId"]
        fell = [line for line in self.server.log().splitlines() if instance in line and "another provider" in line]
        for stage in ("Recognition", "Generation", "Synthesis"):
            self.assertTrue(any(stage in line and "500" in line for line in fell), f"{stage}: {fell}")
        self.replays(caller)

    def test_a_user_who_is_not_understood_is_asked_to_say_it_again(self):
        with Services() as services:
            deaf = {"provider": "openai", "url": f"{services.url}/broken", "model": "m"}
            agent = self.make({"asr": [deaf]}, {"AutoSpeechConfig": {"AsrFailed": {"Text": "Pardon me?"}}})
            caller = self.server.caller("--wav", SHORT, agent=agent)
            caller.finish()
        self.assertEqual({error["code"] for error in caller.messages(1000)}, {4005})
        self.assertIn("Pardon me?", "".join(s["text"] for s in caller.messages(1002)))
        self.replays(caller)

    def test_what_a_provider_lacks_is_said_in_words(self):
        headers = {"authorization": f"Bearer {self.server.ready['admin_token']}"}
        for node, provider, field, words in (
            ("llm_fallback", {"provider": "openai", "url": "https://a.example/v1"}, "llm_fallback[0].model", "must be set"),
            ("asr", {"provider": "self_hosted", "url": "https://a.example"}, "asr[0].url", "wss://"),
            ("asr", {"provider": "self_hosted", "url": "ws://10.0.0.1/asr"}, "asr[0].url", "may not connect"),
            ("tts", {"provider": "models", "voices": ["a"]}, "tts[0].voices", "leave it out"),
            ("tts", {"provider": "openai", "url": "https://a.example", "model": "m", "api_key_env": "HOME"},
             "tts[0].api_key_env", "_API_KEY"),
        ):
            body = {"name": "a", "settings": {"providers": {node: [provider]}}}
            status, answer = self.server.post(f"{ADMIN}/agents", body, "POST", headers)
            self.assertEqual((status, answer["field"]), (400, f"settings.providers.{field}"), answer)
            self.assertIn(words, answer["message"])


if __name__ == "__main__":
    unittest.main()
