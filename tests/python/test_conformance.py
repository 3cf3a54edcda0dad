"""Every operation, field by field (server-api §3 and §4), on success and on the error path; the specification's tables are in
conformance_tables. Requests travel by the official SDK where it can send them, else signed by our own code.
"""

import base64
import json
import re
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import acs3
from alibabacloud_ice20201109 import models
from conformance_tables import ANSWERS, CONFIGURATION, LIMITS, MISSING, OURS, REFUSED, UNUSED, UUID, Envelope
from files import ALLOWED, Files, tone
from harness import Server, wait_until
from test_operations import Operations

#: The error envelope (server-api §3.2); `Recommend` is there for every code we send.
ENVELOPE = {"RequestId", "HostId", "Code", "Message", "Recommend"}

class Conformance(Operations):
    """One caller on the line for all of them, and an agent of its own whose callbacks may be set."""

    config = ALLOWED

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.files = Files({"/voice.wav": tone(6)})
        #: As the server's own ids.
        cls.ids = iter(f"{n:032x}" for n in range(1000))
        admin = {"authorization": f"Bearer {cls.server.ready['admin_token']}"}
        status, body = cls.server.post("/api/ringline/v1/admin/agents", {"id": "told", "name": "Told"}, headers=admin)
        assert status == 201, body
        config = json.dumps({"Greeting": "Hello."})
        cls.caller = cls.server.caller("--wav", cls.quiet, "--agent-config", config, "--session", "table", "--patience", "90")
        cls.instance = cls.caller.until("started")["instanceId"]
        wait_until("the user is there", lambda: cls.server.status(cls.instance) == "Executing")

    @classmethod
    def tearDownClass(cls):
        cls.caller.hang_up()
        cls.files.stop()
        super().tearDownClass()

    def token(self, channel, user):
        answer = self.server.post("/api/v2/aiagent/getRtcAuthToken", {"user_id": user, "channel_id": channel})[1]
        return answer["rtc_auth_token"]

    def started(self, operation, params):
        """The instance of a call that ends with the test."""
        status, body = self.raw(operation, params)
        self.assertEqual(status, 200, body)
        self.addCleanup(self.raw, "StopAIAgentInstance", {"InstanceId": body["InstanceId"]})
        return {"InstanceId": body["InstanceId"]}

    def working(self, operation):
        """Parameters with which the operation succeeds."""
        agent, instance = {"AIAgentId": self.server.agent}, {"InstanceId": self.instance}
        session = {"SessionId": "table"}
        if operation in ("StopAIAgentInstance", "UpdateAIAgentInstance", "TakeoverAIAgentCall"):
            fresh = self.started("GenerateAIAgentCall", agent)
            return {**fresh, "RequireToken": "true"} if operation == "TakeoverAIAgentCall" else fresh
        if operation == "StartAIAgentInstance":
            channel, user = next(self.ids), next(self.ids)
            runtime = {"ChannelId": channel, "AgentUserId": user, "AuthToken": self.token(channel, user)}
            return {**agent, "RuntimeConfig": json.dumps(runtime)}
        if operation == "StartRtcRobotInstance":
            channel, user = next(self.ids), next(self.ids)
            config = {"Greeting": "Hi.", "VoiceId": "v", "EnableVoiceInterrupt": True}
            return {"RobotId": self.server.agent, "ChannelId": channel, "UserId": user, "UserData": "u",
                    "AuthToken": self.token(channel, user), "Config": json.dumps(config)}
        if "RtcRobot" in operation:
            return self.started("StartRtcRobotInstance", self.working("StartRtcRobotInstance"))
        voice = json.dumps({"Type": "url", "Data": self.files.url("/voice.wav"), "Format": "wav"})
        return {
            "GenerateAIAgentCall": agent,
            "ListAIAgentInstance": agent,
            "GetAIAgentConcurrency": agent,
            "SendAIAgentSpeech": {**instance, "Text": "Yes.", "EnableInterrupt": "false"},
            "SendAIAgentText": {**instance, "Text": "Yes."},
            "SendAIAgentDataChannelMessage": {**instance, "Message": "{}"},
            "ListAIAgentDialogues": {**session, "StartTime": "0", "EndTime": str(int(time.time() * 1000) + 60_000)},
            "ListSmartVoiceGroups": {},
            "SetAIAgentVoiceprint": {"VoiceprintId": "table", "Input": voice},
            "ClearAIAgentVoiceprint": {"VoiceprintId": "nobody"},
            "ListAIAgentVoiceprints": {},
            "SetNotifyConfig": {
                "AIAgentId": "told", "EnableNotify": "true", "CallbackUrl": "https://a.example/told", "Token": "t",
                "EventTypes": "agent_start,agent_stop", "EnableAudioRecording": "false", "AudioOssPath": "oss://bucket/path",
            },
            "DescribeNotifyConfig": {"AIAgentId": "told"},
        }.get(operation, instance)

    def succeed(self, operation, params):
        status, body = self.raw(operation, params)
        self.assertEqual(status, 200, f"{operation} {str(params)[:200]}: {body}")
        if "InstanceId" in body:
            self.addCleanup(self.raw, "StopAIAgentInstance", {"InstanceId": body["InstanceId"]})
        return body

    def invalid(self, name, operation, params):
        """Refused by a message that names the parameter."""
        status, body = self.raw(operation, params)
        problem = f"{operation} {name} {str(params)[:200]}: {str(body)[:300]}"
        self.assertEqual((status, body.get("Code")), (400, "InvalidParameter"), problem)
        self.assertIn(name, body["Message"])
        self.assertEqual(set(body), ENVELOPE, problem)
        self.assertTrue(UUID.fullmatch(body["RequestId"]) and body["HostId"], problem)


class Tables(Conformance):
    def compare(self, value, kind, path):
        # `A.Items[3]` is an item of Items.
        name = re.sub(r"\[\d+\]$", "", path).split(".")[-1]
        if isinstance(kind, dict):
            self.assertIsInstance(value, dict, path)
            more = OURS.get(name, set())
            self.assertEqual(set(value), set(kind) | more, f"{path} has other fields than documented")
            for field, inner in kind.items():
                self.compare(value[field], inner, f"{path}.{field}")
        elif isinstance(kind, list):
            self.assertIsInstance(value, list, path)
            self.assertTrue(value, f"{path} is empty and shows nothing")
            for n, item in enumerate(value):
                self.compare(item, kind[0], f"{path}[{n}]")
        elif isinstance(kind, type):
            self.assertIs(type(value), kind, f"{path} is {value!r}")
        elif isinstance(kind, range):
            self.assertTrue(type(value) is int and value in kind, f"{path} is {value!r}")
        elif isinstance(kind, Envelope):
            self.assertTrue(kind.check(value), f"{path} is {value!r}")
        else:
            self.assertTrue(isinstance(value, str) and kind.fullmatch(value), f"{path} is {value!r}, not {kind.pattern}")

    def answered(self, operation):
        """A successful answer."""
        params = self.working(operation)
        # What they answer with must be there.
        before = {"DescribeNotifyConfig": "SetNotifyConfig", "ListAIAgentVoiceprints": "SetAIAgentVoiceprint"}.get(operation)
        if before:
            self.succeed(before, self.working(before))
        if operation == "ListAIAgentDialogues":
            wait_until("something was said", lambda: self.raw(operation, params)[1]["Dialogues"])
        if operation == "DeleteAIAgentDialogue":
            listed = wait_until("something was said", lambda: self.dialogues("table"))
            params = {"SessionId": "table", "DialogueId": listed[0].dialogue_id}
        return self.succeed(operation, params)

    def test_every_answer_has_the_documented_fields_with_their_types_and_formats(self):
        # The one that deletes comes last.
        for operation, (section, fields) in sorted(ANSWERS.items(), key=lambda item: item[0].startswith("Delete")):
            with self.subTest(f"server-api {section} {operation}"):
                body = self.answered(operation)
                self.compare(body, {**fields, "RequestId": UUID}, operation)

    def test_the_sdk_finds_every_field_of_every_answer(self):
        """What the SDK's own classes make of an answer is all of it, but for what is ours; and what they know beyond it is
        what we never send."""
        for operation in sorted(ANSWERS, key=lambda name: name.startswith("Delete")):
            with self.subTest(operation):
                body = self.answered(operation)
                copy = getattr(models, f"{operation}ResponseBody")().from_map(json.loads(json.dumps(body)))
                self.same(body, copy, operation)

    def same(self, value, copy, path):
        """`copy` is an object of the SDK's, a list of them, or a plain value."""
        name = path.split(".")[-1]
        if isinstance(value, list):
            for one, other in zip(value, copy, strict=True):
                self.same(one, other, path)
        elif not hasattr(copy, "to_map"):
            self.assertEqual(copy, value, path)
        elif name not in ("AgentConfig", "TemplateConfig"):  # these echo what callers send
            attributes = {wire_name(attribute): attribute for attribute in vars(copy)}
            self.assertEqual(set(value) - set(attributes), OURS.get(name, set()), f"{path} has what the SDK doesn't know")
            self.assertEqual(set(attributes) - set(value), UNUSED.get(name, set()), f"{path} lacks what the SDK knows")
            for field in set(value) & set(attributes):
                self.same(value[field], getattr(copy, attributes[field]), f"{path}.{field}")

    def test_documented_limits_hold_at_their_borders_and_are_named_beyond(self):
        for section, operation, name, taken, refused in LIMITS:
            for value in taken:
                with self.subTest(f"server-api {section} {operation}", **{name: value[:40]}):
                    self.succeed(operation, {**self.working(operation), name: value})
            for value in refused:
                with self.subTest(f"server-api {section} {operation} refuses", **{name: value[:40]}):
                    self.invalid(name, operation, {**self.working(operation), name: value})

    def test_documented_limits_inside_a_configuration_hold_too(self):
        """server-api §5.1, at the start and in a running call."""
        operations = ("GenerateAIAgentCall", "UpdateAIAgentInstance")
        running = {"InstanceId": self.generate().instance_id}
        self.addCleanup(self.raw, "StopAIAgentInstance", running)
        for path, (taken, refused) in CONFIGURATION.items():
            for operation in operations:
                base = self.working(operation) if operation == "GenerateAIAgentCall" else running
                for value in taken:
                    with self.subTest(f"{operation} {path}", value=str(value)[:40]):
                        self.succeed(operation, {**base, "AgentConfig": nested(path, value)})
                for value in refused or []:
                    with self.subTest(f"{operation} refuses {path}", value=str(value)[:40]):
                        self.invalid(path, operation, {**base, "AgentConfig": nested(path, value)})

    def test_what_is_mandatory_is_named_when_it_is_missing(self):
        """server-api §3.3: `Missing<Name>`, "<Name> is mandatory for this action."; an empty value is none."""
        for operation, given, name in MISSING:
            for params in (given, {**given, name: ""}):
                with self.subTest(operation, params=params):
                    status, body = self.raw(operation, params)
                    self.assertEqual((status, body["Code"]), (400, f"Missing{name}"), body)
                    self.assertEqual(body["Message"], f"{name} is mandatory for this action.")
                    self.assertEqual(set(body), ENVELOPE)

    def test_what_an_operation_refuses_has_its_status_code_and_the_whole_envelope(self):
        """server-api §3.2, §3.3, §4"""
        for status, code, operation, params in REFUSED:
            with self.subTest(f"{operation} {code}", params=params):
                got, body = self.raw(operation, params)
                self.assertEqual((got, body.get("Code")), (status, code), body)
                self.assertEqual(set(body), ENVELOPE)
                for field in ENVELOPE:
                    self.assertTrue(isinstance(body[field], str) and body[field], f"{field} is {body[field]!r}")
                self.assertRegex(body["RequestId"], f"^{UUID.pattern}$")
                self.assertTrue(body["Recommend"].endswith(f"/errors/{code}"), body["Recommend"])

    def test_defaults_are_the_documented_ones(self):
        """server-api §4.1 Expire 3600; §4.6 ten items; §4.13 twenty, the newest first."""
        before = int(time.time())
        token = self.succeed("GenerateAIAgentCall", self.working("GenerateAIAgentCall"))["Token"]
        life = json.loads(base64.b64decode(token))["timestamp"] - before
        self.assertTrue(3600 <= life < 3660, life)
        for _ in range(11):
            self.succeed("GenerateAIAgentCall", self.working("GenerateAIAgentCall"))
        self.assertEqual(len(self.succeed("ListAIAgentInstance", {"AIAgentId": self.server.agent})["Instances"]), 10)


class Errors(Conformance):
    def answer(self, request):
        """Status, headers and body."""
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.headers, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, json.load(error)

    def signed(self, action="StopAIAgentInstance", params=None, **how):
        return acs3.signed_request(self.server.url, *self.key, action, params or {"InstanceId": "i"}, **how)

    def v1(self, **changes):
        """An unsigned request of the older scheme."""
        params = {
            "Action": "StopAIAgentInstance", "Version": "2020-11-09", "Format": "JSON", "AccessKeyId": self.key[0],
            "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0", "SignatureNonce": f"n{time.time_ns()}",
            "Timestamp": acs3.utc(time.time()), "Signature": "c2lnbmF0dXJl", "InstanceId": "i", **changes,
        }
        kept = {k: v for k, v in params.items() if v is not None}
        return urllib.request.Request(f"{self.server.url.rstrip('/')}/?{urllib.parse.urlencode(kept)}", b"", method="POST")

    def test_every_common_error_has_its_status_code_and_envelope(self):
        """server-api §3.2, §3.3"""
        used = self.signed()
        self.answer(used)
        tampered = self.signed()
        tampered.full_url += "1"
        other_method = self.signed()
        other_method.method = "PUT"
        host = urllib.parse.urlsplit(self.server.url).netloc
        for status, code, request in (
            (400, "MissingInstanceId", self.signed("StopAIAgentInstance", {"x": "y"})),
            (400, "InvalidParameter", self.signed("GenerateAIAgentCall", {"AIAgentId": self.server.agent, "Expire": "-1"})),
            (400, "SignatureDoesNotMatch", tampered),
            (400, "SignatureDoesNotMatch", self.v1()),
            (400, "SignatureNonceUsed", used),
            (400, "InvalidTimeStamp.Format", self.signed(date="2026-01-01")),
            (400, "InvalidTimeStamp.Expired", self.signed(date=acs3.utc(time.time() - 1000))),
            (400, "InvalidTimeStamp.Expired", self.v1(Timestamp=acs3.utc(time.time() + 1000))),
            (400, "InvalidSignatureMethod", self.v1(SignatureMethod="MD5")),
            (400, "IncompleteSignature", acs3.post_json(self.server.url, {})),
            (400, "IncompleteSignature", self.v1(Signature=None)),
            (404, "InvalidAccessKeyId.NotFound", self.v1(AccessKeyId="nobody")),
            (404, "InvalidApi.NotFound", self.signed("NoSuchAction")),
            (404, "InvalidApi.NotFound", self.signed(version="2020-11-10")),
            (400, "UnsupportedHTTPMethod", other_method),
            (404, "AgentNotFound", self.signed("GenerateAIAgentCall", {"AIAgentId": "0" * 32})),
            (404, "InstanceNotFound", self.signed("DescribeAIAgentInstance", {"InstanceId": "0" * 32})),
            (404, "ResourceNotFound", self.signed("DeleteAIAgentDialogue", {"SessionId": "none", "DialogueId": "none"})),
        ):
            with self.subTest(code, url=request.full_url[:80]):
                got, headers, body = self.answer(request)
                self.assertEqual((got, body.get("Code")), (status, code), body)
                self.assertTrue(headers["content-type"].startswith("application/json"), headers["content-type"])
                self.assertRegex(body["RequestId"], f"^{UUID.pattern}$")
                self.assertEqual(headers["x-acs-request-id"], body["RequestId"])
                self.assertEqual(body["HostId"], host)
                self.assertTrue(body["Message"])
                self.assertIsNone(headers["x-acs-retry-after"], "SDKs take that for throttling")

    def test_a_finished_instance_is_told_from_one_whose_user_has_not_come(self):
        """server-api §3.3: InstanceFinished on a control operation; ours: InstanceNotConnected before somebody hears."""
        instance = self.generate().instance_id
        controls = (("SendAIAgentText", {"Text": "x"}), ("SendAIAgentDataChannelMessage", {"Message": "{}"}))
        for operation, params in controls:
            status, body = self.raw(operation, {"InstanceId": instance, **params})
            self.assertEqual((status, body["Code"]), (400, "InstanceNotConnected"), body)
        self.stop(instance)
        more = (("SendAIAgentSpeech", {"Text": "x"}), ("UpdateAIAgentInstance", {}), ("UpdateRtcRobotInstance", {}),
                ("TakeoverAIAgentCall", {}))
        for operation, params in (*controls, *more):
            status, body = self.raw(operation, {"InstanceId": instance, **params})
            self.assertEqual((status, body["Code"]), (400, "InstanceFinished"), body)

    def test_a_second_human_or_agent_is_refused(self):
        """Ours: TakeoverInProgress (server-api §4.11), ChannelBusy (§4.2)."""
        takeover = self.working("TakeoverAIAgentCall")
        first = self.succeed("TakeoverAIAgentCall", {**takeover, "HumanAgentUserId": "helga"})
        self.assertEqual(first["HumanAgentUserId"], "helga")
        again = self.succeed("TakeoverAIAgentCall", {"InstanceId": takeover["InstanceId"]})
        self.assertEqual((again["HumanAgentUserId"], "Token" in again), ("helga", False), "the same takeover, without a token")
        status, body = self.raw("TakeoverAIAgentCall", {**takeover, "HumanAgentUserId": "hugo"})
        self.assertEqual((status, body["Code"]), (400, "TakeoverInProgress"), body)
        start = self.working("StartAIAgentInstance")
        self.succeed("StartAIAgentInstance", start)
        status, body = self.raw("StartAIAgentInstance", start)
        self.assertEqual((status, body["Code"]), (400, "ChannelBusy"), body)

    def test_one_call_more_than_there_may_be_is_refused_at_both_doors(self):
        """server-api §3.3: ConcurrencyLimitExceeded"""
        with tempfile.TemporaryDirectory() as directory:
            config = Path(directory) / "one.toml"
            config.write_text("[media]\nmax_calls = 1\n")
            with Server(args=("--config", config)) as server:
                key = (server.ready["access_key_id"], server.ready["access_key_secret"])

                def start():
                    request = acs3.signed_request(server.url, *key, "GenerateAIAgentCall", {"AIAgentId": server.agent})
                    return acs3.send(request)

                self.assertEqual(start()[0], 200)
                status, body = start()
                self.assertEqual((status, body["Code"]), (400, "ConcurrencyLimitExceeded"), body)
                answer = server.start_call()
                self.assertEqual((answer["code"], answer["error_code"]), (400, "ConcurrencyLimitExceeded"), answer)


def wire_name(attribute):
    """`aiagent_user_id` → `AIAgentUserId`"""
    words = "".join(word[:1].upper() + word[1:] for word in attribute.split("_"))
    return words.replace("Aiagent", "AIAgent")


def nested(path, value):
    """JSON text of an object with `value` at the dotted path."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return json.dumps(value)


if __name__ == "__main__":
    unittest.main()
