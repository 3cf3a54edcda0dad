"""The registry of voiceprints (server-api §4.17-§4.19, §13.2), called with the official Python SDK and through the app-server
door. Wants the SDK (tests/python/requirements.txt).
"""

import json
import tempfile
import threading
import unittest
import urllib.parse
from pathlib import Path

from alibabacloud_ice20201109 import models
from alibabacloud_ice20201109.client import Client
from alibabacloud_tea_openapi import utils_models
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException, ThrottlingException
from files import ALLOWED, Files, tone, voice
from harness import Server, wait_until

GMT = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}\+00:00$"


class Voiceprints(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="ringline-test-")
        config = Path(cls.directory.name) / "config.toml"
        config.write_text(ALLOWED)
        cls.server = Server(args=("--config", config))
        cls.sdk = cls.client(cls.server)
        cls.files = Files({
            "/good.wav": tone(6),
            "/held/good.wav": tone(6),
            "/stereo.wav": tone(6, rate=44100, channels=2),
            "/short.wav": tone(4.9),
            "/long.wav": tone(60.1),
            "/page.wav": b"<html>no</html>",
            "/large.wav": bytes(17 << 20),
        })

    @classmethod
    def tearDownClass(cls):
        cls.files.stop()
        code = cls.server.stop()
        cls.server.__exit__()
        cls.directory.cleanup()
        assert code == 0, f"SIGTERM must drain and exit 0, not {code}"

    @staticmethod
    def client(server):
        ready = server.ready
        url = urllib.parse.urlsplit(ready["url"])
        return Client(utils_models.Config(
            access_key_id=ready["access_key_id"], access_key_secret=ready["access_key_secret"],
            endpoint=url.netloc, protocol=url.scheme,
        ))

    # -- what the tests are made of

    def set(self, voiceprint, url, kind="oss", sdk=None, **more):
        fields = dict(type=kind, data=url, format="wav") | more
        request = models.SetAIAgentVoiceprintRequest(
            voiceprint_id=voiceprint, input=models.SetAIAgentVoiceprintRequestInput(**fields)
        )
        return (sdk or self.sdk).set_aiagent_voiceprint(request).body

    def clear(self, voiceprint, mode=None):
        request = models.ClearAIAgentVoiceprintRequest(voiceprint_id=voiceprint, registration_mode=mode)
        return self.sdk.clear_aiagent_voiceprint(request).body

    def list(self, **fields):
        return self.sdk.list_aiagent_voiceprints(models.ListAIAgentVoiceprintsRequest(**fields)).body

    def listed(self, **fields):
        return [voiceprint.voiceprint_id for voiceprint in self.list(**fields).voiceprints]

    def refused(self, code, call, *arguments, **fields):
        with self.assertRaises(AlibabaCloudException) as caught:
            call(*arguments, **fields)
        self.assertEqual((caught.exception.status_code, caught.exception.code), (400, code))
        return caught.exception.message

    def fresh(self):
        for voiceprint in self.listed(page_size=100):
            self.clear(voiceprint)
        self.assertEqual(self.list().total_count, 0)

    # -- facts

    def test_a_voiceprint_is_registered_listed_replaced_and_forgotten(self):
        self.fresh()
        body = self.set("alice_1", self.files.url("/good.wav?Expires=1&Signature=x"))
        self.assertEqual(body.voiceprint_id, "alice_1")
        self.assertTrue(body.request_id)
        first = self.list()
        self.assertEqual((first.total_count, len(first.voiceprints)), (1, 1))
        self.assertTrue(first.request_id)
        self.assertRegex(first.voiceprints[0].gmt_create, GMT)
        self.assertEqual(first.voiceprints[0].gmt_create, first.voiceprints[0].gmt_modified)
        self.set("alice_1", self.files.url("/stereo.wav"), kind="url")
        again = self.list(voiceprint_id="alice_1").voiceprints[0]
        self.assertEqual(again.gmt_create, first.voiceprints[0].gmt_create, "replaced, not made anew")
        self.assertGreater(again.gmt_modified, again.gmt_create)
        self.assertTrue(self.clear("alice_1").request_id)
        self.assertEqual(self.listed(), [])
        self.clear("alice_1")

    def test_an_id_is_made_where_none_is_given(self):
        self.fresh()
        voiceprint = self.set(None, self.files.url("/good.wav")).voiceprint_id
        self.assertEqual(self.listed(), [voiceprint])

    def test_listings_come_in_pages_by_mode(self):
        self.fresh()
        for number in range(3):
            self.set(f"v{number}", self.files.url("/good.wav"))
        self.assertEqual(self.listed(), ["v0", "v1", "v2"])
        page = self.list(page_number=2, page_size=2)
        self.assertEqual(([v.voiceprint_id for v in page.voiceprints], page.total_count), (["v2"], 3))
        self.assertEqual(self.listed(voiceprint_id="v1"), ["v1"])
        self.assertEqual(self.listed(voiceprint_id="v9"), [])
        self.assertEqual(self.listed(registration_mode="Implicit"), [])
        self.clear("v1", "Implicit")
        self.assertEqual(self.listed(voiceprint_id="v1"), ["v1"], "only its other mode was cleared")
        for fields in ({"page_size": 101}, {"page_size": 0}, {"page_number": 0}, {"registration_mode": "Both"}):
            self.refused("InvalidParameter", self.list, **fields)

    def test_audio_of_the_wrong_length_has_a_code_of_its_own(self):
        for path in ("/short.wav", "/long.wav"):
            self.refused("InvalidAudioDuration", self.set, "bob", self.files.url(path))
        self.assertEqual(self.listed(voiceprint_id="bob"), [])

    def test_one_registration_too_many_at_once_is_throttled_and_told_when_to_come_back(self):
        """server-api §3.2, appendix A: `x-acs-retry-after` makes the SDK raise its ThrottlingException."""
        done = []
        held = self.files.url("/held/good.wav")
        threads = [threading.Thread(target=lambda n=n: done.append(self.set(f"held{n}", held))) for n in range(4)]
        for thread in threads:
            thread.start()
        wait_until("four are under way", lambda: self.files.asked.count("/held/good.wav") == 4)
        with self.assertRaises(ThrottlingException) as caught:
            self.set("fifth", self.files.url("/good.wav"))
        self.assertEqual((caught.exception.status_code, caught.exception.code), (400, "Throttling"))
        self.assertEqual(caught.exception.retry_after, 1000)
        # The app server's door has no header: the code tells.
        given = json.dumps({"Type": "oss", "Data": self.files.url("/good.wav"), "Format": "wav"})
        request = {"user_id": "u", "voiceprint_id": "fifth", "input": given}
        status, body = self.server.post("/api/v2/aiagent/setAIAgentVoiceprint", request)
        self.assertEqual((status, body["code"], body["error_code"]), (200, 400, "Throttling"))
        self.files.released.set()
        for thread in threads:
            thread.join(30)
        self.assertEqual(len(done), 4, "those under way were not disturbed")
        self.set("fifth", self.files.url("/good.wav"))

    def test_what_cannot_be_used_is_said(self):
        for path, word in (("/none.wav", "404"), ("/moved", "302"), ("/page.wav", "WAV"), ("/large.wav", "bytes")):
            message = self.refused("InvalidParameter", self.set, "bob", self.files.url(path))
            self.assertIn("Input.Data", message)
            self.assertIn(word, message)
        self.assertIn("oss://", self.refused("InvalidParameter", self.set, "bob", "oss://bucket/a.wav"))
        url = self.files.url("/good.wav")
        self.assertIn("Input.Format", self.refused("InvalidParameter", self.set, "bob", url, format="mp3"))
        self.assertIn("Input.Type", self.refused("InvalidParameter", self.set, "bob", url, kind="file"))
        self.assertIn("VoiceprintId", self.refused("InvalidParameter", self.set, "b" * 128, url))
        self.refused("MissingInput", self.sdk.set_aiagent_voiceprint, models.SetAIAgentVoiceprintRequest(voiceprint_id="bob"))
        self.assertEqual(self.listed(voiceprint_id="bob"), [])

    def test_nothing_is_fetched_from_this_machine_unless_the_operator_allows_it(self):
        asked = len(self.files.asked)
        with Server() as server:
            sdk = self.client(server)
            for host in ("127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"):
                url = self.files.url("/good.wav?Signature=secret", host)
                message = self.refused("InvalidParameter", self.set, "bob", url, sdk=sdk)
                self.assertIn("may not connect", message)
                self.assertNotIn("secret", message)
            self.assertNotIn("secret", server.log())
        self.assertEqual(len(self.files.asked), asked)

    def test_the_app_servers_names_do_the_same(self):
        self.fresh()
        given = json.dumps({"Type": "oss", "Data": self.files.url("/good.wav"), "Format": "wav"})
        request = {"user_id": "carol", "region": "cn-shanghai", "voiceprint_id": "carol_17", "input": given}
        status, body = self.server.post("/api/v2/aiagent/setAIAgentVoiceprint", request)
        self.assertEqual((status, body["code"], body["voiceprint_id"]), (200, 200, "carol_17"))
        self.assertEqual(self.listed(), ["carol_17"])
        request["input"] = given.replace("good", "short")
        status, body = self.server.post("/api/v2/aiagent/setAIAgentVoiceprint", request)
        self.assertEqual((status, body["code"], body["error_code"]), (200, 400, "InvalidAudioDuration"))
        request = {"user_id": "carol", "voiceprint_id": "carol_17", "registration_mode": "Explicit"}
        status, body = self.server.post("/api/v2/aiagent/clearAIAgentVoiceprint", request)
        self.assertEqual((status, body["code"]), (200, 200))
        self.assertEqual(self.listed(), [])
        status, body = self.server.post("/api/v1/aiagent/clearAIAgentVoiceprint", {"user_id": "carol"})
        self.assertEqual((status, body["code"]), (200, 500))

    def call(self, pitches, voiceprint, *args):
        """A call whose turns have these pitches; its caller, after a while in which the last was not answered, or all were."""
        turns = []
        for number, pitch in enumerate(pitches):
            turn = Path(self.directory.name) / f"turn{number}.wav"
            turn.write_bytes(voice(2.5, pitch))
            turns += ["--wav", turn]
        config = json.dumps({"VoiceprintConfig": {"UseVoiceprint": True, **voiceprint}})
        caller = self.server.caller("--agent-config", config, "--patience", "15", *turns, *args)
        caller.finish()
        replay = self.server.replay(caller.first("started")["instanceId"])
        self.assertEqual(replay.returncode, 0, replay.stderr)
        return caller

    def results(self, caller):
        return [message["voiceprint"] for message in caller.messages(1003) if message["end"]]

    def test_only_the_registered_voice_is_answered(self):
        self.files.files["/low.wav"] = voice(6, 120)
        self.set("low", self.files.url("/low.wav"))
        caller = self.call([122, 250], {"VoiceprintId": "low"})
        self.assertEqual(self.results(caller), [2, 3], caller.problem())
        answered = {message["sentenceId"] for message in caller.messages(1002)} - {0}
        self.assertEqual(answered, {1}, "the other voice was answered")

    def test_the_first_speaker_is_learnt_known_in_the_next_call_and_forgotten_on_demand(self):
        learning = {"VoiceprintId": "first", "RegistrationMode": "Implicit"}
        caller = self.call([120, 122, 250], learning)
        self.assertEqual(self.results(caller), [1, 2, 3], caller.problem())
        self.assertEqual(self.listed(voiceprint_id="first", registration_mode="Implicit"), ["first"])
        self.assertEqual(self.results(self.call([250], learning)), [3])
        caller = self.call([250], learning, "--send", '{"type":1110,"data":{}}')
        self.assertEqual(len(caller.messages(1009)), 1)
        self.assertEqual(self.results(caller), [1], "anybody is answered")
        caller = self.call([250], learning, "--send", '{"type":1109,"data":{"enable":false}}')
        self.assertEqual((caller.messages(1008), self.results(caller)), ([{"enable": False}], [0]))


if __name__ == "__main__":
    unittest.main()
