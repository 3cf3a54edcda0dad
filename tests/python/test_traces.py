"""Traces and logs of a call that is really made: spans that nest and carry no speech, and logs without a word that was said.

The receiver decodes what it is sent with OpenTelemetry's own message definitions, strictly.
"""

import base64
import http.server
import json
import re
import tempfile
import threading
import unittest
import urllib.request
from pathlib import Path

from harness import LONG, SHORT, Server, wait_until
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

STAGES = {"ears", "transcript", "generation", "tool", "synthesis", "playout"}


class Collector(http.server.ThreadingHTTPServer):
    """Takes OTLP over HTTP; `spans` are those of all requests. While `away`, it answers 503."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Export)
        self.spans, self.bodies, self.services, self.away = [], b"", set(), False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1/traces"


class Export(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.server.away:
            self.send_response(400)
            self.send_header("content-length", "0")
            return self.end_headers()
        assert self.path == "/v1/traces" and self.headers["content-type"] == "application/json"
        request = decoded(json.loads(body))
        self.server.bodies += body
        for resource in request.resource_spans:
            self.server.services |= {a.value.string_value for a in resource.resource.attributes if a.key == "service.name"}
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        answer = b"{}"
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def decoded(request):
    """OTLP's JSON is protobuf's own, but for ids, which are hexadecimal there and base64 here. What is unknown is refused."""
    for resource in request["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for key in ("traceId", "spanId", "parentSpanId"):
                    if key in span:
                        span[key] = base64.b64encode(bytes.fromhex(span[key])).decode()
    return json_format.ParseDict(request, ExportTraceServiceRequest())


def attributes(span):
    values = {a.key: (a.value.string_value or a.value.int_value) for a in span.attributes}
    return values


class Traces(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.collector = Collector()
        cls.directory = tempfile.TemporaryDirectory(prefix="ringline-test-")
        config = Path(cls.directory.name) / "ringline.toml"
        config.write_text(f'[telemetry]\notlp_endpoint = "{cls.collector.url}"\n[metrics]\nlisten = "127.0.0.1:0"\n')
        cls.server = Server(args=["--config", config, "--log-format", "json"])

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        cls.server.__exit__()
        cls.directory.cleanup()
        cls.collector.shutdown()
        assert code == 0, f"SIGTERM must drain and exit 0, not {code}"

    def call(self, *args):
        caller = self.server.caller(*args)
        code, _ = caller.finish()
        self.assertEqual(code, 0, caller.problem())
        instance = caller.first("started")["instanceId"]
        wait_until("the call is over", lambda: self.server.status(instance) == "Finished")
        return instance, caller

    def trace(self, instance):
        return [span for span in self.collector.spans if span.trace_id.hex() == instance]

    def said(self, caller):
        """Words of both sides that no log and no span has a reason to hold."""
        texts = [m["text"] for kind in (1002, 1003) for m in caller.messages(kind)]
        words = {word for text in texts for word in re.findall(r"[A-Za-z']{4,}", text)}
        self.assertGreater(len(words), 15)
        # Words of the log's own vocabulary.
        return words - {"call", "models", "model", "real", "address", "service", "turn", "user", "ringline", "Ringline"}

    def test_the_spans_of_a_call_nest_and_carry_no_speech(self):
        instance, caller = self.call("--wav", LONG, "--wav", SHORT, "--interrupt-after", "1500")
        spans = wait_until("the trace is whole", lambda: (s := self.trace(instance)) and any(x.name == "call" for x in s) and s)
        self.assertEqual(self.collector.services, {"ringline"})
        by_id = {span.span_id: span for span in spans}
        self.assertEqual(len(by_id), len(spans), "no id twice")
        [call] = [span for span in spans if span.name == "call"]
        self.assertEqual(call.parent_span_id, b"")
        self.assertEqual(attributes(call)["ringline.call.id"], instance)
        self.assertTrue(attributes(call)["ringline.end.reason"])
        for span in spans:
            self.assertLessEqual(span.start_time_unix_nano, span.end_time_unix_nano)
            if span is call:
                continue
            parent = by_id[span.parent_span_id]
            self.assertIn((span.name, parent.name), {("turn", "call"), ("ears", "call"), ("transcript", "call")} | {(s, "turn") for s in STAGES})
            self.assertLessEqual(parent.start_time_unix_nano, span.start_time_unix_nano, span.name)
            self.assertLessEqual(span.end_time_unix_nano, parent.end_time_unix_nano, span.name)
        turns = {attributes(s).get("ringline.turn.id"): s for s in spans if s.name == "turn"}
        for sentence in (1, 2):
            stages = {s.name for s in spans if s.parent_span_id == turns[sentence].span_id}
            self.assertEqual(stages, STAGES - {"tool"}, f"turn {sentence}")
        outcomes = {attributes(s)["ringline.outcome"] for s in spans if s.name == "playout"}
        self.assertEqual(outcomes, {"finished", "stopped"}, "one was interrupted")
        sent = self.collector.bodies.decode("latin-1")
        for word in self.said(caller):
            self.assertNotRegex(sent, rf"\b{re.escape(word)}\b")

    def test_the_logs_of_a_call_are_json_with_its_id_and_hold_no_word_that_was_said(self):
        instance, caller = self.call("--wav", LONG, "--wav", SHORT, "--interrupt-after", "1500")
        wait_until("the end is logged", lambda: f'"call.id":"{instance}"' in self.server.log() and "the call ended" in self.server.log())
        log = self.server.log()
        entries = [json.loads(line) for line in log.splitlines()]
        of_call = [e["fields"] for e in entries if e["fields"].get("call.id") == instance]
        self.assertIn("the user joined", [fields["message"] for fields in of_call])
        answered = [fields for fields in of_call if fields["message"] == "answered"]
        self.assertEqual([fields["turn.id"] for fields in answered], ["1", "2"])
        for word in self.said(caller):
            self.assertNotRegex(log, rf"\b{re.escape(word)}\b")

    def test_a_receiver_that_takes_nothing_costs_spans_and_nothing_else(self):
        def counter(name):
            with urllib.request.urlopen(self.server.ready["metrics_url"], timeout=10) as answer:
                return float(re.search(rf"^{name} (\S+)$", answer.read().decode(), re.MULTILINE)[1])

        before = counter("ringline_spans_dropped_total")
        self.collector.away = True
        try:
            instance, _ = self.call("--wav", SHORT)
            wait_until("the spans are given up", lambda: counter("ringline_spans_dropped_total") > before, 60)
        finally:
            self.collector.away = False
        self.assertEqual(self.trace(instance), [])
        later, _ = self.call("--wav", SHORT)
        wait_until("spans come again", lambda: self.trace(later))


if __name__ == "__main__":
    unittest.main()
