"""The timers that end a call nobody takes part in (server-api §14), and what stops them. The idle timer and the limit of
concurrent calls are in test_client_relied and test_conformance.
"""

import json
import tempfile
import unittest
from pathlib import Path

import acs3
from harness import Server, wait_until
from test_operations import quiet_wav


class Lifecycle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.directory = tempfile.TemporaryDirectory(prefix="ringline-test-")
        cls.quiet = Path(cls.directory.name) / "quiet.wav"
        quiet_wav(cls.quiet, 60)

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        cls.server.__exit__()
        cls.directory.cleanup()
        assert code == 0, f"SIGTERM must drain and exit 0, not {code}"

    def start(self, **config):
        answer = self.server.start_call(agent_config=json.dumps({"Greeting": "", **config}))
        return answer["ai_agent_instance_id"], answer["rtc_auth_token"]

    def joined(self, token):
        caller = self.server.joiner(token, "--wav", self.quiet)
        self.addCleanup(caller.hang_up)
        caller.until("joined")
        return caller

    def leave(self, instance, token):
        bearer = {"authorization": f"Bearer {token}"}
        status, _ = self.server.post(f"/rtc/v1/calls/{instance}", {}, method="DELETE", headers=bearer)
        self.assertEqual(status, 204)

    def reason(self, instance):
        state = lambda: self.server.get(f"/api/ringline/v1/calls/{instance}")
        wait_until("the instance is finished", lambda: state()["status"] == "Finished")
        return state()["endReason"]

    def test_a_call_whose_user_never_joins_ends_after_user_online_timeout(self):
        instance, token = self.start(UserOnlineTimeout=1)
        self.assertEqual(self.server.status(instance), "Created")
        self.assertEqual(self.reason(instance), "user_never_joined")
        status, answer = self.server.post("/rtc/v1/calls", {"token": token, "sdp": "v=0\r\n"})
        self.assertEqual((status, answer["code"]), (404, "ChannelNotFound"))

    def test_a_user_who_leaves_and_stays_away_ends_the_call_after_user_offline_timeout(self):
        instance, token = self.start(UserOfflineTimeout=1)
        self.joined(token)
        wait_until("it is executing", lambda: self.server.status(instance) == "Executing")
        self.leave(instance, token)
        self.assertEqual(self.reason(instance), "user_left")

    def test_a_user_who_returns_in_time_goes_on_with_the_call(self):
        instance, token = self.start(UserOfflineTimeout=2)
        self.joined(token)
        self.leave(instance, token)
        again = self.joined(token)
        self.assertEqual(again.first("started")["instanceId"], instance)
        # Saying this takes longer than the absence may last.
        text = "One two three four five six seven eight nine ten. " * 3
        key = (self.server.ready["access_key_id"], self.server.ready["access_key_secret"])
        say = acs3.signed_request(self.server.url, *key, "SendAIAgentSpeech", {"InstanceId": instance, "Text": text})
        self.assertEqual(acs3.send(say)[0], 200)
        while again.until("message")["message"].get("data") != {"state": 3}:
            pass
        began = again.events[-1]["t"]
        while again.until("message")["message"].get("data") != {"state": 1}:
            pass
        self.assertGreater(again.events[-1]["t"] - began, 2500)
        self.assertEqual(self.server.status(instance), "Executing")
        self.leave(instance, token)
        self.assertEqual(self.reason(instance), "user_left")
        self.assertEqual(self.server.replay(instance).returncode, 0)


if __name__ == "__main__":
    unittest.main()
