"""The specification's tables (server-api §3 to §5, §15), with its section numbers; test_conformance goes through them.

ANSWERS: an answer's fields with type and format. LIMITS: a parameter's documented range, its borders and what lies one
beyond. CONFIGURATION: the same for the fields inside AgentConfig. MISSING: what cannot be left out. REFUSED: an operation's
own errors.
"""

import base64
import json
import re

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
    "StartAIAgentInstance": ("§4.2", {"InstanceId": HEX}),
    "StopAIAgentInstance": ("§4.3", {}),
    "UpdateAIAgentInstance": ("§4.4", {}),
    "DescribeAIAgentInstance": ("§4.5", {"Instance": {**INSTANCE, **TIMES, "SessionId": TEXT}}),
    "ListAIAgentInstance": ("§4.6", {"Instances": [INSTANCE]}),
    "GetAIAgentConcurrency": ("§4.7", {"ActiveCount": COUNT}),
    "SendAIAgentSpeech": ("§4.8", {}),
    "SendAIAgentText": ("§4.9", {}),
    "SendAIAgentDataChannelMessage": ("§4.10", {}),
    "TakeoverAIAgentCall": ("§4.11", {"ChannelId": HEX, "HumanAgentUserId": HEX, "Token": Envelope()}),
    "ListAIAgentDialogues": ("§4.13", {"Dialogues": [{
        "DialogueId": FILLED, "RoundId": FILLED, "Producer": re.compile("user|agent"), "Text": FILLED,
        "Source": re.compile("call"), "Type": re.compile("greeting|normal|speech"), "Time": MILLISECONDS,
    }]}),
    "DeleteAIAgentDialogue": ("§4.14", {}),
    "SetAIAgentVoiceprint": ("§4.17", {"VoiceprintId": re.compile("table")}),
    "ClearAIAgentVoiceprint": ("§4.18", {}),
    "ListAIAgentVoiceprints": ("§4.19", {"Voiceprints": [{"VoiceprintId": FILLED, **TIMES}], "TotalCount": COUNT}),
    "SetNotifyConfig": ("§4.23", {}),
    "DescribeNotifyConfig": ("§4.23", {
        "EnableNotify": bool, "CallbackUrl": URL, "EventTypes": re.compile("agent_start,agent_stop"), "Token": FILLED,
        "EnableAudioRecording": bool, "AudioOssPath": FILLED,
    }),
    "StartRtcRobotInstance": ("§4.24", {"InstanceId": HEX}),
    "UpdateRtcRobotInstance": ("§4.24", {}),
    "StopRtcRobotInstance": ("§4.24", {}),
    "DescribeRtcRobotInstance": ("§4.24", {
        "Status": re.compile("Executing|Finished"), "ChannelId": FILLED, "UserId": FILLED, "AuthToken": EMPTY, "UserData": TEXT,
        "Config": {"EnableVoiceInterrupt": bool, "Greeting": TEXT, "VoiceId": TEXT},
    }),
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
    ("§4.1, §11.1", "GenerateAIAgentCall", "SessionId", ["s", "s" * 64], ["s" * 65, "s 1"]),
    ("§4.2", "StartAIAgentInstance", "RuntimeConfig", [], ["[]", "{", "{}", '{"VoiceChat":{"ChannelId":"c"}}']),
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
    ("§4.11", "TakeoverAIAgentCall", "HumanAgentUserId", ["h", "h" * 64], ["h" * 65, "h 1"]),
    ("§1.3, §4.11", "TakeoverAIAgentCall", "RequireToken", ["true", "False"], ["perhaps"]),
    ("§4.13", "ListAIAgentDialogues", "StartTime", ["0", "1767225600000"], ["x", "-1"]),
    ("§4.13", "ListAIAgentDialogues", "Order", ["ASC", "DESC"], ["UP"]),
    ("§4.13", "ListAIAgentDialogues", "PageNumber", ["1", "2"], ["0", "x"]),
    ("§4.13, §15", "ListAIAgentDialogues", "PageSize", ["1", "100"], ["0", "101"]),
    ("§4.13", "ListAIAgentDialogues", "RoundLimit", ["1", "10"], ["0", "-1", "all"]),
    ("§4.17, §15", "SetAIAgentVoiceprint", "VoiceprintId", ["v", "v" * 127, "中" * 127], ["v" * 128]),
    ("§4.17", "SetAIAgentVoiceprint", "Input", [], ["[]", "{", '{"Type":"url"}', '{"Type":"tape","Data":"http://a.example/"}',
                                                   '{"Format":"mp3","Data":"http://a.example/"}']),
    ("§4.18, §15", "ClearAIAgentVoiceprint", "VoiceprintId", ["", "nobody", "v" * 127], ["v" * 128]),
    ("§4.18", "ClearAIAgentVoiceprint", "RegistrationMode", ["", "Explicit", "Implicit"], ["explicit", "Both"]),
    ("§4.19, §15", "ListAIAgentVoiceprints", "VoiceprintId", ["nobody", "v" * 127], ["v" * 128]),
    ("§4.19", "ListAIAgentVoiceprints", "RegistrationMode", ["", "Explicit", "Implicit"], ["Both"]),
    ("§4.19", "ListAIAgentVoiceprints", "PageNumber", ["1", "2"], ["0", "x"]),
    ("§4.19, §15", "ListAIAgentVoiceprints", "PageSize", ["1", "100"], ["0", "101"]),
    ("§4.23", "SetNotifyConfig", "EnableNotify", ["true", "True", "false", "False"], ["perhaps"]),
    ("§4.23", "SetNotifyConfig", "EnableAudioRecording", ["", "true", "False"], ["perhaps"]),
    ("§4.23", "SetNotifyConfig", "CallbackUrl", ["https://a.example/x?y=1"], ["ftp://a.example", "http://10.0.0.1/", "a"]),
    ("§4.23, §9.3", "SetNotifyConfig", "EventTypes", ["", "agent_start", "agent_start, agent_stop,error"], ["agent start"]),
    ("§4.24", "StartRtcRobotInstance", "ChannelId", [], ["c" * 65, "c 1"]),
    ("§4.24", "StartRtcRobotInstance", "UserId", [], ["u" * 65, "u 1"]),
    ("§4.24", "StartRtcRobotInstance", "AuthToken", [], ["garbage"]),
    ("§4.24", "StartRtcRobotInstance", "Config", ["", "{}", '{"Unknown":1}'], ["[]", "{"]),
    ("§4.24", "UpdateRtcRobotInstance", "Config", ["", "{}", '{"Greeting":"Hi"}'], ["[]", "{"]),
    ("§4.26", "ListSmartVoiceGroups", "VoiceType", ["", "CosyVoice"], ["Tenor"]),
]

RULE = {"Word": "w", "Pronunciation": "p" * 9, "Type": "replacement"}
PHRASES = [{"Text": "m" * 100, "Probability": 0.4}, {"Text": "n", "Probability": 0.6}]
PENDING = {"WaitTime": 500, "Mode": "random", "Messages": [{"Text": "m"}]}
IDLE = {"WaitTime": 5000, "MaxRepeats": 0}

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
    "AsrConfig.VadLevel": ([0, 11, "11"], [-1, 12]),
    "AsrConfig.VadDuration": ([0, 200, 2000], [199, 2001, -1]),
    "TtsConfig.SpeechRate": ([0.5, 1, 2.0, "1.5"], [0.49, 2.01]),
    "TtsConfig.PronunciationRules": ([[RULE] * 20], [[RULE] * 21, [{**RULE, "Word": "w" * 10}], [{**RULE, "Type": "ipa"}]]),
    "TtsConfig.VoiceId": ([], ["v" * 65]),
    "LlmConfig.LlmHistoryLimit": ([0, 30], [-1]),
    "LlmConfig.OutputMinLength": ([0, 100], [-1, 101]),
    "LlmConfig.OutputMaxDelay": ([0, 1000, 10000, "1000"], [-1, 999, 10001]),
    "LlmConfig.LlmCompleteReply": ([True, False], ["perhaps"]),
    "LlmConfig.HistorySyncWithTTS": ([True, False], ["perhaps"]),
    "LlmConfig.LlmHistory": ([[{"Role": "user", "Content": "Hi"}], []], [[{"Role": "user"}], "text"]),
    "InterruptConfig.EnableVoiceInterrupt": ([True, False], [7]),
    "InterruptConfig.NoInterruptMode": (["cache", "discard"], ["keep"]),
    "VoiceprintConfig.UseVoiceprint": ([True, "False"], ["perhaps"]),
    "VoiceprintConfig.VoiceprintId": (["v" * 127], ["v" * 128]),
    "VoiceprintConfig.RegistrationMode": (["Explicit", "Implicit"], ["Both"]),
    "AmbientSoundConfig.Volume": ([0, 100], [-1, 101]),
    "VcrConfig.StillFrameMotion.CallbackDelay": ([200, 5000], [199, 5001]),
    "AutoSpeechConfig.LlmPending": (
        [{**PENDING, "WaitTime": 500}, {**PENDING, "WaitTime": 10000, "Mode": "sequence"}, {**PENDING, "Messages": PHRASES}],
        [{**PENDING, "WaitTime": 499}, {**PENDING, "WaitTime": 10001}, {**PENDING, "Mode": "all"},
         {**PENDING, "Messages": [{"Text": "m"}] * 11}, {**PENDING, "Messages": [{"Text": "m", "Probability": 0.5}]}],
    ),
    "AutoSpeechConfig.UserIdle": (
        [{**IDLE, "WaitTime": 5000}, {**IDLE, "WaitTime": 600000, "MaxRepeats": 10}],
        [{**IDLE, "WaitTime": 4999}, {**IDLE, "WaitTime": 600001}, {**IDLE, "MaxRepeats": 11},
         {**IDLE, "Messages": [{"Text": "m"}] * 11}, {**IDLE, "Messages": [{"Text": "m" * 101}]}],
    ),
    "TurnDetectionConfig.Mode": (["Normal", "Semantic"], ["Manual"]),
    "TurnDetectionConfig.SemanticWaitDuration": ([-1, 0, 10000], [-2, 10001]),
    "TurnDetectionConfig.Eagerness": (["Low", "Medium", "High"], ["Highest"]),
}

ROBOT = {"RobotId": "r", "ChannelId": "c", "UserId": "u", "AuthToken": "t"}

#: (operation, what is given, what is then missing)
MISSING = [
    ("GenerateAIAgentCall", {}, "AIAgentId"), ("StartAIAgentInstance", {"RuntimeConfig": "{}"}, "AIAgentId"),
    ("StartAIAgentInstance", {"AIAgentId": "a"}, "RuntimeConfig"), ("TakeoverAIAgentCall", {}, "InstanceId"),
    ("SetAIAgentVoiceprint", {"VoiceprintId": "v"}, "Input"), ("DescribeNotifyConfig", {}, "AIAgentId"),
    ("SetNotifyConfig", {"EnableNotify": "true"}, "AIAgentId"), ("SetNotifyConfig", {"AIAgentId": "a"}, "EnableNotify"),
    *(("StartRtcRobotInstance", {k: v for k, v in ROBOT.items() if k != name}, name) for name in ROBOT),
    ("UpdateRtcRobotInstance", {"Config": "{}"}, "InstanceId"), ("StopRtcRobotInstance", {}, "InstanceId"),
    ("DescribeRtcRobotInstance", {}, "InstanceId"), ("StopAIAgentInstance", {}, "InstanceId"),
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

NOBODY = "0" * 32
RUNTIME_OF_NOBODY = json.dumps({"ChannelId": "c", "AgentUserId": "u", "AuthToken": "t"})
#: (status, code, operation, parameters): what an operation itself refuses, beside LIMITS and MISSING.
REFUSED = [
    *((404, "AgentNotFound", operation, {"AIAgentId": NOBODY, **params}) for operation, params in (
        ("GenerateAIAgentCall", {}), ("StartAIAgentInstance", {"RuntimeConfig": RUNTIME_OF_NOBODY}), ("ListAIAgentInstance", {}),
        ("GetAIAgentConcurrency", {}), ("SetNotifyConfig", {"EnableNotify": "false"}), ("DescribeNotifyConfig", {}),
    )),
    (404, "AgentNotFound", "StartRtcRobotInstance", {**ROBOT, "RobotId": NOBODY}),
    *((404, "InstanceNotFound", operation, {"InstanceId": NOBODY, **params}) for operation, params in (
        ("StopAIAgentInstance", {}), ("UpdateAIAgentInstance", {}), ("DescribeAIAgentInstance", {}),
        ("SendAIAgentSpeech", {"Text": "x"}), ("SendAIAgentText", {"Text": "x"}),
        ("SendAIAgentDataChannelMessage", {"Message": "{}"}), ("TakeoverAIAgentCall", {}), ("StopRtcRobotInstance", {}),
        ("UpdateRtcRobotInstance", {}), ("DescribeRtcRobotInstance", {}),
    )),
    (404, "ResourceNotFound", "DeleteAIAgentDialogue", {"SessionId": "none", "DialogueId": "none"}),
    (404, "ResourceNotFound", "DeleteAIAgentDialogue", {"SessionId": "none", "DialogueId": "none", "NodeId": "n"}),
    *((404, "InvalidApi.NotFound", operation, {}) for operation in (
        "ForwardAIAgentCall", "GenerateMessageChatToken", "SendMessageChatText", "StartAIAgentOutboundCall",
        "ListAIAgentPhoneNumber", "SubmitAIAgentVideoAuditTask", "ActiveAiRtcLicense", "GetAiRtcAuthCodeList",
        "GetAiRtcLicenseInfoList", "DescribeAIAgent",
    )),
]
