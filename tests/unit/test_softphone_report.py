"""What a phone tells, line by line."""

import io
import json
import time
from datetime import datetime, timedelta, timezone

import pytest

from hoiio.softphone.report import reporter


@pytest.fixture(autouse=True)
def _zone():
    """Each test may move the machine elsewhere."""
    yield
    time.tzset()


AT = datetime(2026, 1, 2, 11, 4, 5, 678900, tzinfo=timezone(timedelta(hours=8)))


def tell(event, fields, *, as_json):
    out = io.StringIO()
    reporter(out, as_json=as_json, now=lambda: AT)(event, fields)
    return out.getvalue()


def test_json_is_one_object_a_line_with_event_and_instant_first(monkeypatch):
    """The instant is in UTC wherever the machine is."""
    monkeypatch.setenv("TZ", "Asia/Singapore")
    time.tzset()
    line = tell("digit", {"digit": "5"}, as_json=True)
    assert line == '{"event": "digit", "at": "2026-01-02T03:04:05.678Z", "digit": "5"}\n'
    assert datetime.fromisoformat(json.loads(line)["at"]).tzinfo is not None


def test_a_line_break_from_the_network_stays_inside_its_line():
    fields = {"caller_id": None, "headers": [["X", "a\nb\u2028c"]]}
    line = tell("ringing", fields, as_json=True)
    assert line.count("\n") == 1
    assert json.loads(line)["headers"] == [["X", "a\nb\u2028c"]]


def test_every_event_has_a_sentence():
    tones = [{"hz": 440, "level": -12.1}, {"hz": 600, "level": -20.0}]
    sentences = {
        ("listening", "+6511111111 waits for calls on 127.0.0.1:5070"): {
            "number": "+6511111111",
            "address": "127.0.0.1:5070",
        },
        ("ringing", "ringing: +6522222222"): {"caller_id": "+6522222222"},
        ("ringing", "ringing: number withheld"): {"caller_id": None},
        ("answered", "answered"): {},
        ("digit", "key 5"): {"digit": "5"},
        ("hearing", "hearing 440 Hz at -12.1 dBFS, 600 Hz at -20.0 dBFS"): {"tones": tones},
        ("hearing", "hearing silence"): {"tones": []},
        ("ended", "call over: the other side hung up"): {"reason": "remote"},
    }
    for (event, sentence), fields in sentences.items():
        assert tell(event, fields, as_json=False).endswith(f"  {sentence}\n")
