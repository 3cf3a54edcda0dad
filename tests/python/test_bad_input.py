"""Bad input gets a clear error or is ignored, and the call next to it does not notice."""

import base64
import json
import unittest

from harness import LONG, SHORT, Server, wait_until

JOIN = "/rtc/v1/calls"
OFFER = "\r\n".join(
    [
        "v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0",
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32), "a=setup:actpass", "a=ice-ufrag:abcd",
        "a=ice-pwd:" + "p" * 24, "m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=mid:0",
        "a=sendrecv", "a=rtcp-mux", "a=rtpmap:111 opus/48000/2", "",
    ]
)


def changed(token, **fields):
    """The token's envelope with other contents and the old signature."""
    envelope = json.loads(base64.b64decode(token))
    return base64.b64encode(json.dumps({**envelope, **fields}).encode()).decode()


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        # The call next to everything below.
        cls.neighbour = cls.server.caller("--wav", LONG, "--wav", SHORT, "--user", "neighbour")

    @classmethod
    def tearDownClass(cls):
        code, _ = cls.neighbour.finish()
        cls.server.__exit__()
        assert code == 0, f"the call next to it noticed: {cls.neighbour.problem()}"

    def join(self, **body):
        status, answer = self.server.post(JOIN, body)
        return status, answer["code"] if isinstance(answer, dict) else answer

    def test_tokens_that_are_wrong_expired_or_for_another_are_refused(self):
        token = self.server.start_call()["rtc_auth_token"]
        other = self.server.start_call(user_id="somebody-else")
        envelope = json.loads(base64.b64decode(other["rtc_auth_token"]))
        self.assertEqual(self.join(token="nonsense", sdp=OFFER), (401, "InvalidToken"))
        self.assertEqual(self.join(token="", sdp=OFFER), (401, "InvalidToken"))
        self.assertEqual(self.join(token=changed(token, userid="mallory"), sdp=OFFER), (401, "InvalidToken"))
        self.assertEqual(self.join(token=changed(token, channelid=envelope["channelid"]), sdp=OFFER), (401, "InvalidToken"))
        self.assertEqual(self.join(token=token, sdp=OFFER, channelId=envelope["channelid"]), (403, "Forbidden"))
        self.assertEqual(self.join(token=token, sdp=OFFER, userId="mallory"), (403, "Forbidden"))
        short = self.server.start_call(expire=1)["rtc_auth_token"]
        answer = wait_until("the token expires", lambda: (r := self.join(token=short, sdp="v=0\r\n"))[1] == "TokenExpired" and r)
        self.assertEqual(answer, (401, "TokenExpired"))

    def test_a_token_for_a_channel_without_a_call_is_not_found(self):
        _, answer = self.server.post("/api/v2/aiagent/getRtcAuthToken", {"user_id": "alice", "channel_id": "empty-room"})
        self.assertEqual(answer["code"], 200)
        self.assertEqual(self.join(token=answer["rtc_auth_token"], sdp=OFFER), (404, "ChannelNotFound"))

    def test_another_user_with_a_valid_token_for_the_channel_is_refused(self):
        call = self.server.start_call()
        channel = call["channel_id"]
        _, answer = self.server.post("/api/v2/aiagent/getRtcAuthToken", {"user_id": "mallory", "channel_id": channel})
        self.assertEqual(self.join(token=answer["rtc_auth_token"], sdp=OFFER), (403, "Forbidden"))

    def test_offers_that_are_no_offers_are_refused(self):
        token = self.server.start_call()["rtc_auth_token"]
        self.assertEqual(self.join(token=token, sdp="hello")[0], 400)
        self.assertEqual(self.join(token=token, sdp="v=0\r\nm=audio what"), (400, "InvalidSdp"))
        self.assertEqual(self.join(token=token, sdp=OFFER.replace("m=audio", "m=video")), (400, "InvalidSdp"))
        self.assertEqual(self.join(token=token, sdp=OFFER.replace("opus", "speex")), (400, "InvalidSdp"))
        status, _ = self.server.post(JOIN, {"token": token, "sdp": "v=0\r\n" + "a" * 1_000_000})
        self.assertEqual(status, 413)
        status, _ = self.server.post(JOIN, b"{not json")
        self.assertEqual(status, 400)
        status, _ = self.server.post(JOIN, {"token": token})
        self.assertEqual(status, 400)
        # After all that the same token still joins.
        self.assertEqual(self.server.post(JOIN, {"token": token, "sdp": OFFER})[0], 201)

    def test_a_call_with_impossible_parameters_is_refused_by_name(self):
        for fields, word in [
            ({"user_id": "u" * 300}, "UserId"),
            ({"expire": -1}, "Expire"),
            ({"agent_config": '{"AsrConfig":{"AsrMaxSilence":"loud"}}'}, "AsrConfig.AsrMaxSilence"),
            ({"agent_config": '{"Greeting":{"a":1}}'}, "Greeting"),
            ({"agent_config": "{"}, "AgentConfig"),
        ]:
            answer = self.server.start_call(**fields)
            self.assertEqual((answer["code"], answer["error_code"]), (400, "InvalidParameter"), answer)
            self.assertIn(word, answer["message"])
        self.assertEqual(self.server.start_call(ai_agent_id="nobody")["error_code"], "AgentNotFound")

    def test_leaving_and_restarting_need_the_calls_own_token(self):
        call, other = self.server.start_call(), self.server.start_call(user_id="somebody-else")
        resource = f"{JOIN}/{call['ai_agent_instance_id']}"
        bearer = {"authorization": f"Bearer {other['rtc_auth_token']}"}
        self.assertEqual(self.server.post(resource, b"", "DELETE", bearer)[0], 403)
        self.assertEqual(self.server.post(resource, b"", "DELETE")[0], 401)
        status, _ = self.server.post(resource, {"token": other["rtc_auth_token"], "sdp": OFFER}, "PATCH")
        self.assertEqual(status, 403)
        status, answer = self.server.post(resource, {"token": call["rtc_auth_token"], "sdp": OFFER}, "PATCH")
        self.assertEqual(status, 400, "there is nothing to restart yet")
        self.assertIn("join", answer["message"])

    def test_what_is_not_there_is_not_found(self):
        self.assertEqual(self.server.post("/nowhere", {})[0], 405)
        self.assertEqual(self.server.post("/", {})[1]["Code"], "IncompleteSignature")


if __name__ == "__main__":
    unittest.main()
