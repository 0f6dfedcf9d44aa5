"""Answers HTTP on PORT and prints a line a second."""
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STARTED = time.monotonic()


def say(text):
    print(text, flush=True)


class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"Hello from Python, up for {time.monotonic() - STARTED:.0f} s\n".encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        say(format % args)


def tick():
    while True:
        time.sleep(1)
        say(f"still here after {time.monotonic() - STARTED:.0f} s")


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3000"))), Hello)
say(f"listening on port {server.server_port}")
threading.Thread(target=tick, daemon=True).start()
server.serve_forever()
