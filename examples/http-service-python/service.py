"""A web service that processes orders, with Python's standard library alone: python3 service.py [PORT]"""

import json
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def handle(order):
    """Runs once for each order, and again if an attempt fails. What it returns becomes the `data` of the result."""
    if not order.get("count", 0) > 0:
        raise ValueError("the order has no count")
    return {**order, "total": order["price"] * order["count"]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps the connection for the next message
    wbufsize = -1  # sends head and body of an answer together
    timeout = 5  # s without a request after which a connection is closed; the answer says so

    def do_POST(self):
        text = self.rfile.read(int(self.headers["content-length"]))
        try:
            self.answer(200, "application/json", json.dumps(handle(json.loads(text))))
        except ValueError as error:  # another attempt would fail the same way: a dead letter at once
            self.answer(422, "text/plain", str(error))
        except Exception as error:  # a failed attempt: tried again later
            self.answer(500, "text/plain", f"{type(error).__name__}: {error}")

    def answer(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Keep-Alive", f"timeout={self.timeout}")
        if self.server.stopping:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Service(ThreadingHTTPServer):
    request_queue_size = 1024  # connections that may wait to be accepted
    daemon_threads = False  # a stop waits for the requests in work
    stopping = False

    def stop(self, *_):
        self.stopping = True
        threading.Thread(target=self.shutdown).start()


port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
with Service(("127.0.0.1", port), Handler) as service:
    signal.signal(signal.SIGTERM, service.stop)
    print(f"ready: http://127.0.0.1:{port}/", flush=True)
    service.serve_forever()
