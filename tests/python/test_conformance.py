"""Every operation, field by field (server-api §3 and §4): the tables below are the specification's, with its section numbers.

ANSWERS: an answer's fields with type and format. LIMITS: a parameter's documented range, its borders and what lies one
beyond. CONFIGURATION: the same for the fields inside AgentConfig. MISSING: what cannot be left out. Requests travel by the
official SDK where it can send them, else signed by our own code.
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
from harness import Server, wait_until
from test_operations import Operations

HEX = re.compile(r"[0-9a-f]{32}")
UUID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")
GMT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00")
STATUS = re.compile("Created|Executing|Finished")
TEXT = re.compile(".*", re.DOTALL)
FILLED = re.compile(".+", re.DOTALL)
URL = re.compile(r"https?://\S+")
EMPTY = re.compile("")
#: Unix milliseconds of this century.
MILLISECONDS = range(1_700_000_000_000, 4_000_000_000_000)
COUNT = range(0, 1_000_000)


class Envelope:
    """Base64 of a JSON object with these keys (server-api §11.1)."""

    fields = {"appid": str, "channelid": str, "userid": str, "nonce": str, "timestamp": int, "token": str}

    def check(self, value):
        envelope = json.loads(base64.b64decode(value, validate=True))
        wrong = [name for name, kind in self.fields.items() if type(envelope.get(name)) is not kind]
        return not wrong and re.fullmatch("[0-9a-f]{64}", envelope["token"])


RUNTIME = {"ChannelId": HEX, "AgentUserId": HEX}
INSTANCE = {
    "Status": STATUS, "AgentConfig": dict, "TemplateConfig": dict, "RuntimeConfig": RUNTIME, "CallLogUrl": URL,
    "UserData": TEXT,
}
TIMES = {"GmtCreate": GMT, "GmtModified": GMT}
#: Operation → (section, the answer's fields). A field in OURS is sent beside the documented ones, one in UNUSED is not.
ANSWERS = {
    "GenerateAIAgentCall": ("§4.1", {
        "InstanceId": HEX, "ChannelId": HEX, "AIAgentUserId": HEX, "UserId": FILLED, "Token": Envelope(), "AvatarUserId": EMPTY,
    }),
    "StopAIAgentInstance": ("§4.3", {}),
    "UpdateAIAgentInstance": ("§4.4", {}),
    "DescribeAIAgentInstance": ("§4.5", {"Instance": {**INSTANCE, **TIMES, "SessionId": TEXT}}),
    "ListAIAgentInstance": ("§4.6", {"Instances": [INSTANCE]}),
    "GetAIAgentConcurrency": ("§4.7", {"ActiveCount": COUNT}),
    "SendAIAgentSpeech": ("§4.8", {}),
    "SendAIAgentText": ("§4.9", {}),
    "SendAIAgentDataChannelMessage": ("§4.10", {}),
    "ListAIAgentDialogues": ("§4.13", {"Dialogues": [{
        "DialogueId": FILLED, "RoundId": FILLED, "Producer": re.compile("user|agent"), "Text": FILLED,
        "Source": re.compile("call"), "Type": re.compile("greeting|normal|speech"), "Time": MILLISECONDS,
    }]}),
    "DeleteAIAgentDialogue": ("§4.14", {}),
    "ListSmartVoiceGroups": ("§4.26", {"VoiceGroups": [{"Type": FILLED, "VoiceList": [{"Voice": FILLED, "Name": FILLED}]}]}),
}
#: Proposed in §4.6: without them an item cannot be told from the next.
OURS = {"Instances": {"InstanceId", "SessionId", "GmtCreate", "GmtModified"}}
#: Documented, and never sent: telephone and messaging, or nothing here has it.
UNUSED = {
    "Instance": {"CallInfo"}, "RuntimeConfig": {"VoiceChat", "AvatarChat3d", "VisionChat", "AuthToken"},
    "Dialogues": {"ReasoningText", "NodeId", "Extend", "AttachedFileList"},
    "VoiceList": {"Desc", "Tag", "VoiceType", "VoiceUrl", "SupportSampleRate", "Remark", "VoiceSource"},
}

#: (section, operation, parameter, values that are taken, values that are refused)
LIMITS = [
    ("§4.1, §15", "GenerateAIAgentCall", "UserId", ["u", "a-Z_9", "u" * 64], ["u" * 65, "u 1"]),
    ("§4.1", "GenerateAIAgentCall", "Expire", ["0", "1", "3600", "604800"], ["-1", "604801", "soon", "1.5"]),
    ("§4.1", "GenerateAIAgentCall", "AgentConfig", ["{}", '{"Unknown":1}', "null"], ["[]", "3", "{", '"text"']),
    ("§4.1", "GenerateAIAgentCall", "TemplateConfig", ["{}", '{"VoiceChat":"{}"}'], ["[]", "3", "{"]),
    ("§4.1", "GenerateAIAgentCall", "ChatSyncConfig", ['{"IMAIAgentId":"a","ReceiverId":"r"}'], ["[]", "text"]),
    ("§4.4", "UpdateAIAgentInstance", "AgentConfig", ["{}"], ["[]", "{"]),
    ("§4.6, §15", "ListAIAgentInstance", "PageNumber", ["1", "100"], ["0", "101", "x"]),
    ("§4.6, §15", "ListAIAgentInstance", "PageSize", ["0", "100"], ["-1", "101"]),
    ("§1.4, §4.6", "ListAIAgentInstance", "StartTime", ["2026-01-01T00:00:00Z"], ["yesterday", "1767225600"]),
    ("§1.4, §4.6", "ListAIAgentInstance", "EndTime", ["2026-01-01T00:00:00Z"], ["2026-13-01T00:00:00Z"]),
    ("§4.8, §15", "SendAIAgentSpeech", "Text", ["x" * 1024, "中" * 1024], ["x" * 1025]),
    ("§1.3, §4.8", "SendAIAgentSpeech", "EnableInterrupt", ["true", "True", "false", "False"], ["perhaps"]),
    ("§4.8", "SendAIAgentSpeech", "Type", ["Text"], ["Video"]),
    ("§4.9", "SendAIAgentText", "Text", ["x"], [" "]),
    ("§4.10, §15", "SendAIAgentDataChannelMessage", "Message", ["{}", json.dumps("m" * 8190)], ["{", json.dumps("m" * 8191)]),
    ("§4.13", "ListAIAgentDialogues", "StartTime", ["0", "1767225600000"], ["x", "-1"]),
    ("§4.13", "ListAIAgentDialogues", "Order", ["ASC", "DESC"], ["UP"]),
    ("§4.13", "ListAIAgentDialogues", "PageNumber", ["1", "2"], ["0", "x"]),
    ("§4.13, §15", "ListAIAgentDialogues", "PageSize", ["1", "100"], ["0", "101"]),
    ("§4.13", "ListAIAgentDialogues", "RoundLimit", ["1", "10"], ["0", "-1", "all"]),
]

#: Path inside AgentConfig → (values that are taken, values that are refused): §5.1 and §15.
CONFIGURATION = {
    "Volume": ([0, 400, "100"], [-1, 401]),
    "MaxIdleTime": ([1, 600, "600"], ["for ever", -1]),
    "UserOnlineTimeout": ([1, 60], [-1]),
    "UserOfflineTimeout": ([0, 5], [-1]),
    "EnablePushToTalk": ([True, "False"], None),
    "GracefulShutdown": ([True, False, "true"], ["perhaps"]),
    "AsrConfig.AsrMaxSilence": ([200, 1200], [199, 1201]),
    "AsrConfig.AsrHotWords": ([["w"] * 128, ["w" * 10], []], [["w"] * 129, "word", [1]]),
    "AsrConfig.VadDuration": ([0, 200, 2000], [199, 2001, -1]),
    "TtsConfig.SpeechRate": ([0.5, 1, 2.0, "1.5"], [0.49, 2.01]),
    "TtsConfig.VoiceId": ([], ["v" * 65]),
    "LlmConfig.LlmHistoryLimit": ([0, 30], [-1]),
    "LlmConfig.LlmCompleteReply": ([True, False], ["perhaps"]),
    "LlmConfig.HistorySyncWithTTS": ([True, False], ["perhaps"]),
    "LlmConfig.LlmHistory": ([[{"Role": "user", "Content": "Hi"}], []], [[{"Role": "user"}], "text"]),
    "InterruptConfig.EnableVoiceInterrupt": ([True, False], [7]),
    "InterruptConfig.NoInterruptMode": (["cache", "discard"], ["keep"]),
    "TurnDetectionConfig.Mode": (["Normal", "Semantic"], ["Manual"]),
    "TurnDetectionConfig.SemanticWaitDuration": ([-1, 0, 10000], [-2, 10001]),
    "TurnDetectionConfig.Eagerness": (["Low", "Medium", "High"], ["Highest"]),
}

#: (operation, what is given, what is then missing)
MISSING = [
    ("GenerateAIAgentCall", {}, "AIAgentId"), ("StopAIAgentInstance", {}, "InstanceId"),
    ("UpdateAIAgentInstance", {"UserData": "x"}, "InstanceId"), ("DescribeAIAgentInstance", {}, "InstanceId"),
    ("ListAIAgentInstance", {}, "AIAgentId"), ("GetAIAgentConcurrency", {}, "AIAgentId"),
    ("SendAIAgentSpeech", {"Text": "x"}, "InstanceId"), ("SendAIAgentSpeech", {"InstanceId": "i"}, "Text"),
    ("SendAIAgentText", {"Text": "x"}, "InstanceId"), ("SendAIAgentText", {"InstanceId": "i"}, "Text"),
    ("SendAIAgentDataChannelMessage", {"Message": "{}"}, "InstanceId"),
    ("SendAIAgentDataChannelMessage", {"InstanceId": "i"}, "Message"),
    ("ListAIAgentDialogues", {"StartTime": "0", "EndTime": "1"}, "SessionId"),
    ("ListAIAgentDialogues", {"SessionId": "s", "EndTime": "1"}, "StartTime"),
    ("ListAIAgentDialogues", {"SessionId": "s", "StartTime": "0"}, "EndTime"),
    ("DeleteAIAgentDialogue", {"DialogueId": "d"}, "SessionId"), ("DeleteAIAgentDialogue", {"SessionId": "s"}, "DialogueId"),
]


class Conformance(Operations):
    """One caller on the line for all of them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        config = json.dumps({"Greeting": "Hello."})
        cls.caller = cls.server.caller("--wav", cls.quiet, "--agent-config", config, "--session", "table", "--patience", "90")
        cls.instance = cls.caller.until("started")["instanceId"]
        wait_until("the user is there", lambda: cls.server.status(cls.instance) == "Executing")

    @classmethod
    def tearDownClass(cls):
        cls.caller.process.terminate()
        cls.caller.process.communicate(timeout=20)
        super().tearDownClass()

    def working(self, operation):
        """Parameters with which the operation succeeds."""
        agent, instance = {"AIAgentId": self.server.agent}, {"InstanceId": self.instance}
        session = {"SessionId": "table"}
        return {
            "GenerateAIAgentCall": agent,
            "ListAIAgentInstance": agent,
            "GetAIAgentConcurrency": agent,
            "SendAIAgentSpeech": {**instance, "Text": "Yes.", "EnableInterrupt": "false"},
            "SendAIAgentText": {**instance, "Text": "Yes."},
            "SendAIAgentDataChannelMessage": {**instance, "Message": "{}"},
            "ListAIAgentDialogues": {**session, "StartTime": "0", "EndTime": str(int(time.time() * 1000) + 60_000)},
            "ListSmartVoiceGroups": {},
        }.get(operation, instance)

    def succeed(self, operation, params):
        status, body = self.raw(operation, params)
        self.assertEqual(status, 200, f"{operation} {str(params)[:200]}: {body}")
        if operation == "GenerateAIAgentCall":
            self.addCleanup(self.raw, "StopAIAgentInstance", {"InstanceId": body["InstanceId"]})
        return body

    def invalid(self, name, operation, params):
        """Refused by a message that names the parameter."""
        status, body = self.raw(operation, params)
        problem = f"{operation} {name} {str(params)[:200]}: {str(body)[:300]}"
        self.assertEqual((status, body.get("Code")), (400, "InvalidParameter"), problem)
        self.assertIn(name, body["Message"])
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
        if operation in ("StopAIAgentInstance", "UpdateAIAgentInstance"):
            params = {"InstanceId": self.generate().instance_id}
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
        for operation, params in (*controls, ("SendAIAgentSpeech", {"Text": "x"}), ("UpdateAIAgentInstance", {})):
            status, body = self.raw(operation, {"InstanceId": instance, **params})
            self.assertEqual((status, body["Code"]), (400, "InstanceFinished"), body)

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
