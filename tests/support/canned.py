"""An HTTP server on loopback that answers what a test tells it to and keeps what it was asked."""

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Asked:
    method: str
    target: str
    headers: dict
    body: str
    connection: tuple

    @property
    def path(self):
        return urlsplit(self.target).path

    @property
    def form(self):
        return dict(parse_qsl(self.body, strict_parsing=True, keep_blank_values=True))

    @property
    def query(self):
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


@dataclass
class Canned:
    """Answers in turn, the last one for ever; an answer is JSON, bytes, or a function."""

    url: str
    answers: list = field(default_factory=lambda: [{"status": "success_ok"}])
    asked: list = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    """Set when the server stops, so that an answer which stalls can wait for it."""


def with_http(code, body, **headers):
    """An answer with its own HTTP status and headers (underscores for hyphens)."""

    def answer(handler):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def _to_function(answer):
    if callable(answer):
        return answer
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return with_http(200, body, Content_Type="application/json")


@contextmanager
def canned_server():
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            # One that comes twice shows.
            headers = {name: ", ".join(self.headers.get_all(name)) for name in self.headers}
            canned.asked.append(Asked(self.command, self.path, headers, body, self.client_address))
            turn = canned.answers.pop(0) if len(canned.answers) > 1 else canned.answers[0]
            _to_function(turn)(self)

        do_GET = do_POST = answer  # noqa: N815 - names that http.server asks for

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    canned = Canned(f"http://127.0.0.1:{server.server_port}/open")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield canned
    finally:
        canned.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
