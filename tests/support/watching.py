"""A client of ``voice/events`` that reads the stream's very bytes."""

import json
import socket
from urllib.parse import urlencode


class Stream:
    """One request for a stream: its head, and then its parts as they come."""

    def __init__(self, port, app_id, access_token, timeout=20, **given):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout)
        given = {"app_id": app_id, "access_token": access_token} | given
        body = urlencode({name: text for name, text in given.items() if text is not None})
        self.sock.sendall(
            b"POST /open/voice/events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body.encode())
        )
        self.file = self.sock.makefile("rb")
        self.line = self.file.readline().strip().decode()
        self.headers = {}
        while line := self.file.readline().strip().decode():
            name, _, text = line.partition(": ")
            self.headers[name.lower()] = text

    def part(self):
        """The next part: an event's object, a comment's text, None where the stream has ended.

        Raises ``ConnectionError`` where it was cut off instead.
        """
        length = self.file.readline()
        if not length:
            raise ConnectionError("cut off")
        chunk = self.file.read(int(length, 16) + 2)[:-2].decode()
        if not chunk:
            return None
        assert chunk.endswith("\n\n")
        assert "\n" not in chunk[:-2]
        name, _, text = chunk[:-2].partition(": ")
        return json.loads(text) if name == "data" else text

    def event(self):
        """The next event; comments before it are passed over."""
        while isinstance(part := self.part(), str):
            pass
        return part

    def rest(self):
        """Every event until the end."""
        return list(iter(self.event, None))

    def answer(self):
        """The object of an answer that is no stream."""
        return json.loads(self.file.read(int(self.headers["content-length"])))

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
