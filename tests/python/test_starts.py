"""The ways a call starts besides GenerateAIAgentCall: on the caller's own channel, by joining, and under older names.

Tokens are made here from the specification (server-api §11.1), with the app id and key the server tells at its start.
"""

import base64
import hashlib
import json
import threading
import time
import unittest

import acs3
from harness import SHORT, Server, wait_until

GREETED = {"Greeting": "Good day to you."}


class Starts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.key = (cls.server.ready["access_key_id"], cls.server.ready["access_key_secret"])
        cls.channels = iter(f"room-{n}" for n in range(1000))

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        cls.server.__exit__()
        assert code == 0, f"SIGTERM must drain and exit 0, not {code}"

    # -- what the tests are made of

    def token(self, channel, user, life=3600, key=None, app=None):
        app, key = app or self.server.ready["rtc_app_id"], key or self.server.ready["rtc_app_key"]
        expires = int(time.time()) + life
        text = f"{app}{key}{channel}{user}{expires}"
        envelope = {"appid": app, "channelid": channel, "userid": user, "nonce": "", "timestamp": expires}
        envelope["token"] = hashlib.sha256(text.encode()).hexdigest()
        return base64.b64encode(json.dumps(envelope).encode()).decode()

    def raw(self, action, params, **how):
        return acs3.send(acs3.signed_request(self.server.url, *self.key, action, params, **how))

    def start(self, channel, agent_user="agent-9", runtime=None, **params):
        runtime = runtime or {
            "ChannelId": channel, "AgentUserId": agent_user, "AuthToken": self.token(channel, agent_user, 7 * 86400)
        }
        params = {"AIAgentId": self.server.agent, "RuntimeConfig": json.dumps(runtime),
                  "AgentConfig": json.dumps(GREETED), **params}
        return self.raw("StartAIAgentInstance", params)

    def app(self, operation, body):
        status, answer = self.server.post(operation, body)
        self.assertEqual(status, 200)
        return answer

    def describe(self, instance):
        return self.raw("DescribeAIAgentInstance", {"InstanceId": instance})[1]["Instance"]

    def stop(self, instance):
        self.assertEqual(self.raw("StopAIAgentInstance", {"InstanceId": instance})[0], 200)
        wait_until("the instance is finished", lambda: self.server.status(instance) == "Finished")

    def joins(self, token, *args, agent=None):
        """A `ringline call` with that token; greeted and done, or refused."""
        caller = self.server.joiner(token, *args, agent=agent)
        code, _ = caller.finish()
        return code, caller

    def offer(self, token, agent=None, **params):
        """The answer to a join whose SDP is never looked at, because it is refused before."""
        body = {"token": token, "sdp": "v=0\r\n"}
        if agent:
            request = {"agentId": agent, "region": "cn-shanghai", "action": "GenerateAIAgentCall"}
            body["agent"] = {**request, "params": json.dumps({"AIAgentId": agent, "Expire": 86400, **params})}
        return self.server.post("/rtc/v1/calls", body)


class OwnChannel(Starts):
    def test_an_agent_on_the_callers_channel_greets_whoever_joins_first(self):
        channel = next(self.channels)
        status, answer = self.start(channel, UserData="u", SessionId="s-own")
        self.assertEqual((status, sorted(answer)), (200, ["InstanceId", "RequestId"]))
        instance = answer["InstanceId"]
        runtime = self.describe(instance)["RuntimeConfig"]
        self.assertEqual(runtime, {"ChannelId": channel, "AgentUserId": "agent-9"})

        status, refused = self.offer(self.token(channel, "agent-9"))
        self.assertEqual((status, refused["code"]), (403, "Forbidden"), "the agent's own id cannot join")
        caller = self.server.joiner(self.token(channel, "alice"), "--wav", SHORT)
        caller.until("joined")
        status, refused = self.offer(self.token(channel, "bob"))
        self.assertEqual((status, refused["code"]), (403, "Forbidden"), "the first user is the call's")
        code, _ = caller.finish()
        self.assertEqual(code, 0, caller.problem())
        self.assertEqual(caller.first("started")["instanceId"], instance)
        said = "".join(m["text"] for m in caller.messages(1002) if m["sentenceId"] == 0)
        self.assertEqual(said.strip(), "Good day to you.")
        wait_until("the instance is finished", lambda: self.server.status(instance) == "Finished")
        self.assertEqual(self.server.replay(instance).returncode, 0)

    def test_the_runtime_may_be_nested_in_a_text(self):
        channel = next(self.channels)
        inner = {"ChannelId": channel, "AgentUserId": "a", "AuthToken": self.token(channel, "a")}
        for form in (inner, json.dumps(inner)):
            status, answer = self.start(channel, runtime={"VoiceChat": form})
            self.assertEqual(status, 200, answer)
            self.stop(answer["InstanceId"])

    def test_a_bad_token_is_an_invalid_parameter(self):
        channel = next(self.channels)
        bad = {
            "another key": self.token(channel, "a", key="wrong"),
            "another app": self.token(channel, "a", app="wrong"),
            "expired": self.token(channel, "a", life=-5),
            "too long a life": self.token(channel, "a", life=8 * 86400 + 1000),
            "another channel": self.token("elsewhere", "a"),
            "another user": self.token(channel, "b"),
            "garbage": "garbage",
        }
        for why, token in bad.items():
            status, answer = self.start(channel, runtime={"ChannelId": channel, "AgentUserId": "a", "AuthToken": token})
            self.assertEqual((status, answer["Code"]), (400, "InvalidParameter"), why)
            self.assertIn("RuntimeConfig.AuthToken", answer["Message"])

    def test_a_channel_takes_one_agent_at_a_time(self):
        channel = next(self.channels)
        first = self.start(channel)[1]["InstanceId"]
        status, answer = self.start(channel)
        self.assertEqual((status, answer["Code"]), (400, "ChannelBusy"))
        self.stop(first)
        status, answer = self.start(channel)
        self.assertEqual(status, 200, answer)
        self.stop(answer["InstanceId"])

    def test_the_app_servers_door_starts_on_a_channel_for_its_client(self):
        channel = next(self.channels)
        token = self.app("/api/v2/aiagent/getRtcAuthToken", {"user_id": "alice", "channel_id": channel})["rtc_auth_token"]
        body = {"ai_agent_id": self.server.agent, "user_id": "alice", "channel_id": channel, "region": "cn-shanghai",
                "template_config": "{}", "agent_config": json.dumps(GREETED)}
        answer = self.app("/api/v2/aiagent/startAIAgentInstanceWithChannel", body)
        self.assertEqual(sorted(answer), ["ai_agent_instance_id", "ai_agent_user_id", "code", "request_id"])
        again = self.app("/api/v1/aiagent/startAIAgentInstanceWithChannel", body)
        self.assertEqual((again["code"], again["error_code"]), (400, "ChannelBusy"))
        self.assertEqual(self.offer(self.token(channel, "bob"))[0], 403)
        code, caller = self.joins(token)
        self.assertEqual(code, 0, caller.problem())
        self.assertEqual(caller.first("started")["instanceId"], answer["ai_agent_instance_id"])


class ByJoining(Starts):
    def test_a_client_starts_its_call_with_a_channel_that_only_its_token_knows(self):
        answer = self.app("/api/v2/aiagent/getRtcAuthToken", {"user_id": "alice"})
        self.assertNotIn("channel_id", answer)
        config = json.dumps(GREETED)
        code, caller = self.joins(answer["rtc_auth_token"], "--agent-config", config, "--session", "s-join",
                                  agent=self.server.agent)
        self.assertEqual(code, 0, caller.problem())
        started = caller.first("started")
        self.assertEqual(started["agentReply"]["code"], "200")
        self.assertTrue(started["agentReply"]["requestId"])
        data = json.loads(started["agentReply"]["data"])
        channel = json.loads(base64.b64decode(answer["rtc_auth_token"]))["channelid"]
        self.assertEqual((data["InstanceId"], data["ChannelId"]), (started["instanceId"], channel))
        self.assertEqual(self.describe(started["instanceId"])["RuntimeConfig"]["AgentUserId"], data["AIAgentUserId"])
        self.assertEqual(self.describe(started["instanceId"])["SessionId"], "s-join")
        self.assertEqual("".join(m["text"] for m in caller.messages(1002)).strip(), "Good day to you.")

    def test_the_client_may_choose_the_agents_id_but_not_its_own(self):
        channel = next(self.channels)
        token = self.token(channel, "alice")
        status, answer = self.offer(token, self.server.agent, AIAgentUserId="alice")
        self.assertEqual((status, answer["code"], answer["agentReply"]["code"]), (422, "AgentRefused", "InvalidParameter"))
        # The call starts before the description is looked at, and waits for a client that can make one.
        status, answer = self.offer(token, self.server.agent, AIAgentUserId="agent-7")
        self.assertEqual((status, answer["code"]), (400, "InvalidSdp"))
        status, answer = self.start(channel)
        self.assertEqual(answer["Code"], "ChannelBusy")
        code, caller = self.joins(token, agent=self.server.agent)
        self.assertEqual(code, 0, caller.problem())
        self.assertEqual(json.loads(caller.first("started")["agentReply"]["data"])["AIAgentUserId"], "agent-7")

    def test_a_repeated_join_joins_the_running_call(self):
        token = self.token(next(self.channels), "alice")
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(self.offer(token, self.server.agent))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([answer["code"] for _, answer in answers], ["InvalidSdp"] * 8)
        first = self.server.joiner(token, "--wav", SHORT, agent=self.server.agent)
        instance = first.until("started")["instanceId"]
        second = self.server.joiner(token, agent=self.server.agent)
        self.assertEqual(second.until("started")["instanceId"], instance)
        second.finish()
        first.finish()
        runtime = {"AIAgentId": self.server.agent, "PageSize": "100"}
        listed = self.raw("ListAIAgentInstance", runtime)[1]["Instances"]
        channel = json.loads(base64.b64decode(token))["channelid"]
        real = [i for i in listed if i["RuntimeConfig"]["ChannelId"] == channel and i["Status"] != "Finished"]
        self.assertLessEqual(len(real), 1)
        self.assertEqual(self.offer(self.token(channel, "bob"), self.server.agent)[1]["code"],
                         "Forbidden" if real else "InvalidSdp")

    def test_what_the_operation_refuses_comes_back_under_its_code(self):
        def reply(agent, **params):
            status, answer = self.offer(self.token(next(self.channels), "alice"), agent, **params)
            self.assertEqual((status, answer["code"]), (422, "AgentRefused"))
            return answer["agentReply"]

        unknown = reply("nobody")
        self.assertEqual((unknown["code"], unknown["message"]), ("AgentNotFound", "The specified agentId is not found."))
        self.assertNotIn("data", unknown)
        self.assertEqual(reply(self.server.agent, AgentConfig='{"Volume":401}')["code"], "InvalidParameter")
        self.assertEqual(reply(self.server.agent, AgentConfig="[")["code"], "InvalidParameter")

    def test_a_token_that_is_not_ours_starts_nothing(self):
        channel = next(self.channels)
        for token, status, code in [
            (self.token(channel, "alice", key="wrong"), 401, "InvalidToken"),
            (self.token(channel, "alice", life=-5), 401, "TokenExpired"),
            (self.token(channel, "alice", app="other"), 401, "InvalidToken"),
        ]:
            got, answer = self.offer(token, self.server.agent)
            self.assertEqual((got, answer["code"]), (status, code))
        self.assertEqual(self.offer(self.token(channel, "alice"))[1]["code"], "ChannelNotFound")

    def test_somebody_else_or_another_agent_is_not_let_into_a_running_call(self):
        channel = next(self.channels)
        instance = self.start(channel)[1]["InstanceId"]
        self.offer(self.token(channel, "alice"))
        caller = self.server.joiner(self.token(channel, "alice"), "--wav", SHORT)
        caller.until("joined")
        self.assertEqual(self.offer(self.token(channel, "bob"), self.server.agent)[1]["code"], "Forbidden")
        self.assertEqual(self.offer(self.token(channel, "alice"), "nobody")[1]["agentReply"]["code"], "AgentNotFound")
        caller.finish()
        wait_until("the instance is finished", lambda: self.server.status(instance) == "Finished")


class OlderNames(Starts):
    def test_a_robot_is_started_changed_described_and_stopped_by_get_and_post(self):
        for method in ("GET", "POST"):
            channel = next(self.channels)
            config = {"Greeting": "Hello.", "VoiceId": "v1", "EnableVoiceInterrupt": False, "UserOnlineTimeout": 30}
            params = {"RobotId": self.server.agent, "ChannelId": channel, "UserId": "robot",
                      "AuthToken": self.token(channel, "robot"), "UserData": "u", "Config": json.dumps(config)}
            status, answer = self.raw("StartRtcRobotInstance", params, method=method)
            self.assertEqual((status, sorted(answer)), (200, ["InstanceId", "RequestId"]), answer)
            instance = {"InstanceId": answer["InstanceId"]}
            status, answer = self.raw("DescribeRtcRobotInstance", instance, method=method)
            self.assertEqual(status, 200, answer)
            answer.pop("RequestId")
            shown = {"EnableVoiceInterrupt": False, "Greeting": "Hello.", "VoiceId": "v1"}
            self.assertEqual(answer, {"Status": "Executing", "ChannelId": channel, "UserId": "robot", "AuthToken": "",
                                      "UserData": "u", "Config": shown})
            update = {**instance, "Config": json.dumps({"EnableVoiceInterrupt": True})}
            status, answer = self.raw("UpdateRtcRobotInstance", update, method=method)
            self.assertEqual((status, list(answer)), (200, ["RequestId"]))
            described = self.describe(instance["InstanceId"])["AgentConfig"]
            self.assertTrue(described["InterruptConfig"]["EnableVoiceInterrupt"])
            self.assertEqual(described["UserOnlineTimeout"], 30)
            status, answer = self.raw("StopRtcRobotInstance", instance, method=method)
            self.assertEqual((status, list(answer)), (200, ["RequestId"]))
            finished = lambda: self.raw("DescribeRtcRobotInstance", instance)[1]["Status"] == "Finished"
            wait_until("the robot is finished", finished)

    def test_the_first_releases_app_server_paths(self):
        at = "/api/v1/imsRobot/"
        body = {"user_id": "alice", "config": json.dumps({"Greeting": "Good day to you."})}
        answer = self.app(at + "startRobot", body)
        names = ["channel_id", "code", "request_id", "robot_instance_id", "robot_user_id", "rtc_auth_token"]
        self.assertEqual(sorted(answer), names)
        instance = answer["robot_instance_id"]
        change = {"robot_instance_id": instance, "config": json.dumps({"Volume": 50})}
        self.assertTrue(self.app(at + "updateRobot", change)["result"])
        self.assertEqual(self.describe(instance)["AgentConfig"]["Volume"], 50)
        code, caller = self.joins(answer["rtc_auth_token"])
        self.assertEqual(code, 0, caller.problem())
        self.assertTrue(self.app(at + "stopRobot", {"robot_instance_id": instance})["result"])
        self.assertEqual(self.app(at + "getRtcAuthToken", {"user_id": "u", "channel_id": "c"})["channel_id"], "c")
        self.assertEqual(self.app(at + "stopRobot", {})["code"], 500)


if __name__ == "__main__":
    unittest.main()
