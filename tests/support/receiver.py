"""A customer's web server on a thread of its own: it keeps what is posted to it."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """Answers each POST with the next of ``answers``, the last one for ever; None hangs."""

    def __init__(self, port, answers):
        self.answers = list(answers)
        self.posts = []
        self.url = f"http://127.0.0.1:{port}/hook"
        self.over = threading.Event()

    @property
    def ids(self):
        return [headers["webhook-id"] for headers, _ in self.posts]


@contextmanager
def receiving(*answers):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.posts.append((self.headers, body))
            status = receiver.answers.pop(0) if receiver.answers[1:] else receiver.answers[0]
            if status is None:
                receiver.over.wait()
            else:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(server.server_port, answers or (200,))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
