"""A small HTTP server on the loopback that hands out files and counts who asked, and WAV files for it."""

import math
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: A server's configuration that lets it fetch from this one.
ALLOWED = '[outward]\nallow = ["127.0.0.0/8"]\n'


def tone(seconds, rate=16000, frequency=440.0, channels=1):
    """A WAV file of 16 bits with one tone at half scale."""
    frames = int(rate * seconds)
    one = [int(16000 * math.sin(2 * math.pi * frequency * n / rate)) for n in range(frames)]
    return wav([value for value in one for _ in range(channels)], rate, channels)


def voice(seconds, pitch, rate=16000):
    """A WAV file of a voice: so many Hz with harmonics, in syllables."""
    def sample(n):
        t = n / rate
        swell = 0.6 - 0.4 * math.cos(2 * math.pi * 5 * t)
        return int(6000 * swell * sum(math.sin(2 * math.pi * pitch * k * t) / k for k in range(1, 9)))
    return wav([sample(n) for n in range(int(rate * seconds))], rate, 1)


def wav(samples, rate, channels):
    data = struct.pack(f"<{len(samples)}h", *samples)
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, channels, rate,
                       rate * channels * 2, channels * 2, 16, b"data", len(data))
    return head + data


class Files:
    """`files` maps a path (without its query) to its bytes; anything else is a 404, `/moved` a redirect to `/good.wav`. What is
    asked for below `/held` waits until `released` is set."""

    def __init__(self, files):
        self.files = files
        #: Paths that were asked for.
        self.asked = []
        self.released = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.split("?")[0]
                outer.asked.append(path)
                if path == "/moved":
                    self.send_response(302)
                    self.send_header("location", "/good.wav")
                    self.send_header("content-length", "0")
                    self.end_headers()
                    return
                if path.startswith("/held/"):
                    outer.released.wait(30)
                body = outer.files.get(path)
                self.send_response(404 if body is None else 200)
                self.send_header("content-length", str(len(body or b"")))
                self.end_headers()
                try:
                    self.wfile.write(body or b"")
                except BrokenPipeError:
                    # Who asked has had enough of it.
                    self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path, host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
