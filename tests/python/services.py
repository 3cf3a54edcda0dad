"""Providers on this machine for tests: OpenAI's chat, transcriptions and speech, and self-hosted speech, over HTTP."""

import http.server
import json
import math
import struct
import threading

RATE = 24000


def tone(seconds, rate=RATE):
    """Bare samples of a hum."""
    wave = (int(8000 * math.sin(2 * math.pi * 220 * n / rate)) for n in range(int(seconds * rate)))
    return b"".join(struct.pack("<h", sample) for sample in wave)


class Services(http.server.ThreadingHTTPServer):
    """Hears `hears`, answers by `chat` (messages, tools → a text, or a list of tool calls), speaks a hum."""

    daemon_threads = True

    def __init__(self, hears="Is anybody there?", chat=lambda messages, tools: "I am."):
        super().__init__(("127.0.0.1", 0), Service)
        self.hears, self.chat = hears, chat
        # (path, headers, body as JSON or bytes)
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def bodies(self, path):
        return [body for asked, _, body in self.asked if asked.split("?")[0] == path]

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Service(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        raw = self.rfile.read(int(self.headers["content-length"]))
        body = json.loads(raw) if "json" in self.headers["content-type"] else raw
        self.server.asked.append((self.path, dict(self.headers), body))
        path = self.path.split("?")[0]
        if path.startswith("/broken"):
            self.answer(500, "text/plain", b"out of order")
        elif path == "/v1/chat/completions":
            self.stream(self.server.chat(body["messages"], body.get("tools", [])))
        elif path == "/v1/audio/transcriptions":
            self.answer(200, "application/json", json.dumps({"text": self.server.hears}).encode())
        elif path == "/v1/audio/speech":
            self.answer(200, "audio/pcm", tone(0.4))
        elif path == "/tts":
            self.answer(200, "application/octet-stream", tone(0.4, body["SampleRate"]))
        else:
            self.answer(404, "text/plain", b"")

    def stream(self, answer):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        if isinstance(answer, str):
            deltas, reason = [{"content": answer}], "stop"
        else:
            calls = [
                {"index": n, "id": f"call-{n}", "function": {"name": name, "arguments": json.dumps(arguments)}}
                for n, (name, arguments) in enumerate(answer)
            ]
            deltas, reason = [{"tool_calls": calls}], "tool_calls"
        for choice in [{"delta": delta} for delta in deltas] + [{"delta": {}, "finish_reason": reason}]:
            self.wfile.write(f"data: {json.dumps({'choices': [{'index': 0, **choice}]})}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
