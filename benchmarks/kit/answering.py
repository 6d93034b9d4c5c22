"""A server that gives each SDK the answer it expects to a question for one call, and a history.

It does as little as it can, so that what is measured is the client: no framework, answers made
beforehand, connections kept. It tells its port and serves until its input ends.
"""

import asyncio
import json
import re
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from kit.size import sized

CALL = "AA-C-1000001"
"""What every SDK asks for, each under the name that it has for it."""

ENTRIES = sized(100_000, 2_000)
PAGE = 100
NEWEST = datetime(2026, 1, 31, 12, 0, 0)

HOIIO = {
    "status": "success_ok",
    "txn_ref": CALL,
    "tag": "",
    "date": "2026-01-31 12:00:00",
    "dest1": "+6511111111",
    "dest2": "+6522222222",
    "call_status_dest1": "answered",
    "call_status_dest2": "answered",
    "duration": "7",
    "currency": "SGD",
    "rate": "0.036",
    "debit": "0.252",
}
TWILIO = {
    "sid": CALL,
    "account_sid": "AC1",
    "api_version": "2010-04-01",
    "date_created": "Sat, 31 Jan 2026 04:00:00 +0000",
    "start_time": "Sat, 31 Jan 2026 04:00:00 +0000",
    "from": "+6511111111",
    "to": "+6522222222",
    "status": "completed",
    "duration": "420",
    "price": "-0.252",
    "price_unit": "SGD",
    "direction": "outbound-api",
}
TELNYX = {
    "data": {
        "call_control_id": CALL,
        "call_leg_id": "2dc6fc34-f9e0-11ea-b68e-02420a0f7768",
        "call_session_id": "2dc1b3c8-f9e0-11ea-bc5a-02420a0f7768",
        "client_state": "",
        "is_alive": False,
        "record_type": "call",
        "call_duration": 420,
        "start_time": "2026-01-31T04:00:00.000000Z",
        "end_time": "2026-01-31T04:07:00.000000Z",
    }
}
PLIVO = {
    "call_uuid": CALL,
    "api_id": "2dc6fc34-f9e0-11ea-b68e-02420a0f7768",
    "answer_time": "2026-01-31 12:00:00+08:00",
    "end_time": "2026-01-31 12:07:00+08:00",
    "from_number": "+6511111111",
    "to_number": "+6522222222",
    "call_state": "ANSWERED",
    "call_duration": 420,
    "bill_duration": 420,
    "total_rate": "0.03600",
    "total_amount": "0.25200",
}
STRIPE = {
    "id": CALL,
    "object": "charge",
    "amount": 252,
    "amount_captured": 252,
    "created": 1769832000,
    "currency": "sgd",
    "customer": "cus_1",
    "description": "+6511111111 +6522222222",
    "metadata": {"tag": "calls"},
    "paid": True,
    "status": "succeeded",
}


def _answer(body):
    text = json.dumps(body).encode()
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
        f"Hoiio-Features: idempotency\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    return head.encode() + text


ANSWERS = {
    "/open/": _answer(HOIIO),
    "/2010-04-01/": _answer(TWILIO),
    "/v2/": _answer(TELNYX),
    "/v1/Account/": _answer(PLIVO),
    "/v1/charges/": _answer(STRIPE),
}
_BY_START = [(path.encode(), answer) for path, answer in ANSWERS.items()]
_HISTORY = b"/open/voice/get_history"
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_PAGE = re.compile(rb"[?&]page=([0-9]+)")


def size(path):
    """Bytes of the body of what is answered below this path."""
    return len(ANSWERS[path].partition(b"\r\n\r\n")[2])


def _page(number):
    """A page of the history, counted from 1, newest first."""
    first = (number - 1) * PAGE
    entries = [
        {
            **{name: value for name, value in HOIIO.items() if name != "status"},
            "txn_ref": f"AA-C-{2_000_000 - index}",
            "date": str(NEWEST - timedelta(seconds=index)),
        }
        for index in range(first, first + PAGE)
    ]
    counts = {"total_entries_count": str(ENTRIES), "entries_count": str(len(entries))}
    return _answer({"status": "success_ok", **counts, "entries": entries})


class Answering(asyncio.Protocol):
    """One connection."""

    def __init__(self, pages):
        self._pages = pages

    def connection_made(self, transport):
        self._transport, self._rest = transport, b""

    def data_received(self, data):
        self._rest += data
        while (end := self._rest.find(b"\r\n\r\n")) >= 0:
            head = self._rest[:end]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._rest) < whole:
                return
            body, self._rest = self._rest[end + 4 : whole], self._rest[whole:]
            self._transport.write(self._answer(head.split(b" ", 2)[1], body))

    def _answer(self, path, body):
        if path.startswith(_HISTORY):
            asked = _PAGE.search(path) or _PAGE.search(b"&" + body)
            return self._pages[int(asked[1]) - 1 if asked else 0]
        return next(answer for start, answer in _BY_START if path.startswith(start))


async def serve():
    loop = asyncio.get_running_loop()
    # Made while the client reads the page before, they would disturb its processor's caches.
    pages = [_page(number) for number in range(1, ENTRIES // PAGE + 1)]
    server = await loop.create_server(lambda: Answering(pages), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main():
    factory = None
    with suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve())


if __name__ == "__main__":
    main()
