"""The OpenAPI as the vendor's old core SDK sees it (`aliyun-python-sdk-core`, CommonRequest): RPC V1 signatures by GET and
POST, parameters in the query and in a form body, errors as this SDK reads them (server-api §1.2, §2.3, §3.2).
"""

import json
import logging
import time
import unittest
import urllib.parse
from unittest import mock

from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest, RpcRequest
from aliyunsdkcore.utils import parameter_helper
from harness import Server

VERSION = "2020-11-09"
#: Phone calls, messaging chat, licences and video audit are not offered (server-api §4.12, §4.15, §4.16, §4.20 to §4.22, §4.26).
NOT_OFFERED = (
    "ForwardAIAgentCall", "StartAIAgentOutboundCall", "ListAIAgentPhoneNumber", "GenerateMessageChatToken",
    "SendMessageChatText", "SubmitAIAgentVideoAuditTask", "ActiveAiRtcLicense", "GetAiRtcAuthCodeList",
    "GetAiRtcLicenseInfoList",
)
#: Query or form body, GET or POST. A GET has no body.
WAYS = (("GET", "query"), ("POST", "query"), ("POST", "body"))


class CoreSdk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # It logs every refusal, as an error.
        logging.getLogger("aliyunsdkcore").setLevel(logging.CRITICAL)
        cls.server = Server()
        cls.sdk = cls.client()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    @classmethod
    def client(cls, key=None, secret=None):
        ready = cls.server.ready
        return AcsClient(
            key or ready["access_key_id"], secret or ready["access_key_secret"], "cn-shanghai",
            auto_retry=False, timeout=20,
        )

    def call(self, action, params=None, way=("POST", "query"), sdk=None, version=VERSION):
        """The parsed answer."""
        method, place = way
        request = CommonRequest(urllib.parse.urlsplit(self.server.url).netloc, version, action)
        request.set_protocol_type("http")
        request.set_method(method)
        for name, value in (params or {}).items():
            (request.add_query_param if place == "query" else request.add_body_params)(name, value)
        return json.loads((sdk or self.sdk).do_action_with_exception(request))

    def refused(self, status, code, *arguments, **options):
        with self.assertRaises(ServerException) as raised:
            self.call(*arguments, **options)
        error = raised.exception
        self.assertEqual((error.get_http_status(), error.get_error_code()), (status, code), str(error))
        self.assertTrue(error.get_request_id())
        return error.get_error_msg()

    def generate(self, way, **params):
        answer = self.call("GenerateAIAgentCall", {"AIAgentId": self.server.agent, **params}, way)
        self.addCleanup(self.call, "StopAIAgentInstance", {"InstanceId": answer["InstanceId"]})
        return answer

    def test_a_call_is_started_described_changed_and_stopped_every_way(self):
        config = json.dumps({"Greeting": "a b+c*d~e/f?g&h=i%j 中", "AsrConfig": {"AsrMaxSilence": 600}})
        for way in WAYS:
            with self.subTest(way):
                data = json.dumps({"k": f"{way} *~+&="})
                answer = self.generate(way, UserId="alice-1", Expire=86400, UserData=data, AgentConfig=config)
                fields = {"RequestId", "InstanceId", "ChannelId", "AIAgentUserId", "AvatarUserId", "UserId", "Token"}
                self.assertEqual(set(answer), fields)
                instance = {"InstanceId": answer["InstanceId"]}
                described = self.call("DescribeAIAgentInstance", instance, way)["Instance"]
                self.assertEqual((described["Status"], described["UserData"]), ("Created", data))
                self.assertEqual(described["AgentConfig"]["Greeting"], "a b+c*d~e/f?g&h=i%j 中")
                self.assertEqual(set(self.call("UpdateAIAgentInstance", {**instance, "UserData": "x"}, way)), {"RequestId"})
                self.assertEqual(self.call("DescribeAIAgentInstance", instance, way)["Instance"]["UserData"], "x")
                self.assertEqual(set(self.call("StopAIAgentInstance", instance, way)), {"RequestId"})

    def test_query_and_body_of_one_request_are_both_read_and_the_query_wins(self):
        """server-api §1.2: on a duplicate, the query wins."""
        request = CommonRequest(urllib.parse.urlsplit(self.server.url).netloc, VERSION, "GenerateAIAgentCall")
        request.set_protocol_type("http")
        request.set_method("POST")
        request.add_query_param("AIAgentId", self.server.agent)
        request.add_body_params("UserData", "from the body *~+")
        answer = json.loads(self.sdk.do_action_with_exception(request))
        instance = {"InstanceId": answer["InstanceId"]}
        described = self.call("DescribeAIAgentInstance", instance)["Instance"]
        self.assertEqual(described["UserData"], "from the body *~+")
        self.call("StopAIAgentInstance", instance)

    def test_a_wrong_secret_is_told_as_such(self):
        """server-api §2.3: the SDK finds the server's string to sign equal to its own and says InvalidAccessKeySecret. It
        compares for requests of a product's package (RpcRequest) alone; a CommonRequest shows the server's own words."""
        wrong = self.client(secret="not the secret")
        for method in ("GET", "POST"):
            request = RpcRequest("ICE", VERSION, "StopAIAgentInstance")
            request.set_endpoint(urllib.parse.urlsplit(self.server.url).netloc)
            request.set_protocol_type("http")
            request.set_method(method)
            request.add_query_param("InstanceId", "i 1*~+中")
            with self.assertRaises(ServerException) as raised:
                wrong.do_action_with_exception(request)
            error = raised.exception
            self.assertEqual((error.get_http_status(), error.get_error_code()), (400, "InvalidAccessKeySecret"), str(error))
        for way in WAYS:
            message = self.refused(400, "SignatureDoesNotMatch", "StopAIAgentInstance", {"InstanceId": "i 1*"}, way, wrong)
            self.assertIn(f"server string to sign is:{way[0]}&%2F&AccessKeyId", message)
            self.assertIn("i%25201%252A", message)

    def test_an_unknown_key_is_not_found(self):
        self.refused(404, "InvalidAccessKeyId.NotFound", "StopAIAgentInstance", {"InstanceId": "i"}, sdk=self.client("nobody"))

    def test_a_nonce_serves_once(self):
        instance = {"InstanceId": self.generate(("POST", "query"))["InstanceId"]}
        nonce = f"nonce-{time.time_ns()}"
        with mock.patch.object(parameter_helper, "get_uuid", lambda: nonce):
            self.call("DescribeAIAgentInstance", instance)
            for way in WAYS:
                self.refused(400, "SignatureNonceUsed", "DescribeAIAgentInstance", instance, way)

    def test_a_timestamp_outside_fifteen_minutes_has_expired_and_one_that_is_none_has_no_format(self):
        def at(text):
            return mock.patch.object(parameter_helper, "get_iso_8061_date", lambda: text)

        def utc(off):
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + off))

        instance = {"InstanceId": self.generate(("POST", "query"))["InstanceId"]}
        for off in (-14 * 60, 14 * 60):
            with at(utc(off)):
                self.call("DescribeAIAgentInstance", instance)
        for off in (-16 * 60, 16 * 60):
            with at(utc(off)):
                self.refused(400, "InvalidTimeStamp.Expired", "DescribeAIAgentInstance", instance)
        with at("today"):
            self.refused(400, "InvalidTimeStamp.Format", "DescribeAIAgentInstance", instance)

    def test_errors_of_operations_arrive_with_status_code_and_message(self):
        for way in WAYS:
            with self.subTest(way):
                message = self.refused(404, "AgentNotFound", "GenerateAIAgentCall", {"AIAgentId": "0" * 32}, way)
                self.assertEqual(message, "The specified agentId is not found.")
                self.refused(404, "InstanceNotFound", "StopAIAgentInstance", {"InstanceId": "0" * 32}, way)
                self.refused(400, "MissingAIAgentId", "GenerateAIAgentCall", {"UserId": "alice"}, way)
                wrong = {"AIAgentId": self.server.agent, "Expire": 604801}
                self.assertIn("Expire", self.refused(400, "InvalidParameter", "GenerateAIAgentCall", wrong, way))

    def test_an_unknown_action_or_version_is_not_found(self):
        message = "Specified api is not found, please check your url and method."
        for way in WAYS:
            self.assertEqual(self.refused(404, "InvalidApi.NotFound", "NoSuchAction", {"a": "b"}, way), message)
            self.refused(404, "InvalidApi.NotFound", "StopAIAgentInstance", {"InstanceId": "i"}, way, version="2020-11-10")

    def test_operations_that_are_not_offered_are_not_found(self):
        params = {"AIAgentId": self.server.agent, "InstanceId": "i", "UserId": "u", "CallerNumber": "1", "CalledNumber": "2"}
        for action in NOT_OFFERED:
            for method in ("GET", "POST"):
                with self.subTest(action, method=method):
                    self.refused(404, "InvalidApi.NotFound", action, params, (method, "query"))

    def test_sixty_kilobytes_fit_the_query_and_a_form_body(self):
        """server-api §1.2: long parameters travel in the request line, at least 64 KiB of it."""
        for way in WAYS:
            data = "d" * 60_000
            answer = self.generate(way, UserData=data)
            described = self.call("DescribeAIAgentInstance", {"InstanceId": answer["InstanceId"]})["Instance"]
            self.assertEqual(described["UserData"], data)


if __name__ == "__main__":
    unittest.main()
