"""A customer's web server that keeps every notification, and refuses some of them at first."""

import http.server
import threading
from collections import defaultdict
from urllib.parse import parse_qs


class _Server(http.server.ThreadingHTTPServer):
    """Room for all that a service posts at once: every account may have some under way."""

    request_queue_size = 128


class Inbox:
    """``told`` maps each ref to what was posted of it: a list of (webhook-id, body).

    With ``refuses``, a function of the ref, the first post of some of them is answered with 500.
    """

    def __init__(self, refuses=lambda _: False):
        told, refused = defaultdict(list), set()
        self.told, self.refused = told, refused
        lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                (ref,) = parse_qs(body)["txn_ref"]
                with lock:
                    refuse = refuses(ref) and ref not in refused
                    if refuse:
                        refused.add(ref)
                    told[ref].append((self.headers.get("webhook-id"), body))
                self.send_response(500 if refuse else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/ended"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
