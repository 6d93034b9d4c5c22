"""The log: masked numbers, no tokens, one JSON object a line."""

import io
import json
import logging

import pytest
import structlog

from hoiio.server import log
from hoiio.server.config import Log, LogFormat
from hoiio.server.mask import mask


@pytest.fixture(params=[LogFormat.JSON, LogFormat.CONSOLE])
def lines(request):
    stream = io.StringIO()
    log.configure(Log(format=request.param), stream)
    yield stream
    structlog.reset_defaults()
    logging.getLogger().handlers.clear()
    logging.getLogger().setLevel(logging.WARNING)


def test_numbers_and_tokens_are_masked_in_fields_and_tracebacks(lines):
    access = "hush-hush"
    try:
        int(f"+6511111234 access_token={access}")
    except ValueError:
        structlog.get_logger().exception("calling +6522222567", to="+6533333890")
    logging.getLogger("some.library").warning("from %s", "+6544444999")
    written = lines.getvalue()
    for number, shown in {
        "+6511111234": "+65***234", "+6522222567": "+65***567",
        "+6533333890": "+65***890", "+6544444999": "+65***999",
    }.items():  # fmt: skip
        assert number not in written
        assert shown in written
    assert "hush-hush" not in written
    assert "Traceback" in written


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("INVITE sip:6511111234@127.0.0.1:5060", "INVITE sip:65***234@127.0.0.1:5060"),
        ("<sips:+6511111234@a>, tel:6522222567", "<sips:+65***234@a>, tel:65***567"),
        ("dest1=%2B6511111234&dest2=%2b6522222567", "dest1=%2B65***234&dest2=%2b65***567"),
        ("+1234 and +12345, then +123456", "+*** and +***, then +12***456"),
        ("left hoiio_" + "aZ9" * 12 + "xy, right", "left hoiio_***, right"),
        ("a [whsec_MfKQ9r8+/GKYqrTw==] secret", "a [whsec_***] secret"),
        ("hoiio_data and hoiio_server_log", "hoiio_data and hoiio_server_log"),
        ("2026-01-02T03:04:05.678901Z AA-C-12345678", "2026-01-02T03:04:05.678901Z AA-C-12345678"),
    ],
)
def test_a_number_is_masked_however_it_is_written_and_nothing_else(text, shown):
    assert mask(text) == shown


def test_elsewhere_than_on_a_terminal_a_line_is_a_json_object():
    stream = io.StringIO()
    log.configure(Log(), stream)
    try:
        structlog.get_logger().info("started", sip="127.0.0.1:5060")
        structlog.get_logger().debug("not important enough")
    finally:
        structlog.reset_defaults()
        logging.getLogger().handlers.clear()
        logging.getLogger().setLevel(logging.WARNING)
    [line] = stream.getvalue().splitlines()
    assert json.loads(line)["sip"] == "127.0.0.1:5060"
