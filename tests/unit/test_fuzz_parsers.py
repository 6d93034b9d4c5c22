"""Whatever is read from outside is read, or refused with its own typed error; nothing else."""

import csv
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from hoiio import wire
from hoiio.answer import Answer, parse
from hoiio.errors import HoiioException
from hoiio.server.api import idempotency, params
from hoiio.server.api.application import HANDLERS
from hoiio.server.api.params import Refused
from hoiio.server.billing.tariff import TariffError, parse_tariff
from hoiio.server.config import KEYS, ConfigError, check_to_serve, load_config
from hoiio.wire import Status
from support.fuzz import cases

ODD = st.one_of(
    st.text(max_size=80),
    st.text("0123456789+-.:,eE _\0\n\u0660²", max_size=40),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]*)?"),
    st.from_regex(r"https?://[!-~]{0,60}"),
)
BYTES = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from([b"=", b"&", b"%", b"%0", b"%00", b"%C3", b"%A9", b"+", b"a", b"\xff"]),
        max_size=40,
    ).map(b"".join),
)  # fmt: skip


def refused_with(function, *args):
    try:
        function(*args)
    except Refused as refused:
        return refused.status
    return None


@cases(300)
@given(BYTES, BYTES)
def test_forms(query, body):
    assert refused_with(params.read, query, body) in {None, Status.MALFORMED_PARAMS}


@cases(300)
@given(ODD)
@example("+" + "9" * 15)
@example("9" * 6000)
@example("9999-12-31 23:59:59")
@example("0001-01-01 00:00:00")
def test_values_of_parameters(value):
    for check, status in (
        (lambda v: params.number(v, Status.DEST1_INVALID), Status.DEST1_INVALID),
        (params.numbers, Status.DEST_INVALID),
        (params.caller_id, Status.CALLER_ID_INVALID),
        (params.room, Status.INVALID_ROOM),
        (params.max_duration, Status.INVALID_MAX_DURATION),
        (params.tag, Status.TAG_INVALID_LENGTH),
        (params.page, Status.PAGE_INVALID),
        (params.notify_url, Status.INVALID_NOTIFY_URL),
        (lambda v: params.date(v, Status.FROM_INVALID), Status.FROM_INVALID),
    ):
        assert refused_with(check, value) in {None, status}


@cases(200)
@given(
    st.sampled_from([each for each in HANDLERS if each.chargeable]),
    st.lists(st.binary(max_size=300), max_size=3),
    st.dictionaries(st.sampled_from(sorted({*wire.CALL.params, *wire.CONFERENCE.params})), ODD),
)
def test_idempotency_keys(endpoint, keys, form):
    headers = Headers(raw=[(b"idempotency-key", key) for key in keys])
    status = refused_with(idempotency.key, endpoint, form, headers)
    assert status in {None, Status.IDEMPOTENCY_KEY_INVALID}


@cases(300)
@given(ODD)
def test_dates_and_money_of_the_wire(text):
    for read in (wire.parse_date, wire.parse_money):
        try:
            read(text)
        except ValueError:
            continue


CSV = st.one_of(
    st.lists(st.text(max_size=60), max_size=8),
    st.lists(
        st.text("0123456789.,\"-e \r\0\ufeff'", max_size=40).map(lambda row: row + "\n"), max_size=8
    ).map(lambda rows: ["prefix,rate,initial,increment,fee\n", *rows]),
    st.lists(
        st.lists(st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3})?", fullmatch=True), max_size=3),
        min_size=1,
        max_size=3,
    ).map(lambda rows: ["prefix,rate\n", *(",".join(row) + "\n" for row in rows)]),
)


@cases(400)
@given(CSV)
@example(["prefix,rate\n", '"' + "1" * 200_000])
@example(["prefix,rate\n", "1," + "9" * 5000])
@example(["prefix,rate\n", "65,0,018\n"])
@example(["prefix,rate\n", "1,0." + "0" * 5000])
def test_tariffs(lines):
    try:
        rows = parse_tariff(lines)
    except TariffError:
        return
    first, *others = lines
    records = csv.reader([first.removeprefix("\ufeff"), *others], strict=True)
    header, *below = [record for record in records if any(cell.strip() for cell in record)]
    assert len(rows) == len(below)
    assert {len(record) for record in below} == {len(header)}


TOML_VALUES = st.recursive(
    st.one_of(
        st.integers(-(10**20), 10**20),
        st.floats(),
        st.booleans(),
        st.text(max_size=20),
        st.sampled_from(["127.0.0.1:0", "[::1]:70000", "x:1", "1e999", "-0", "sip:x", "~nobody/x"]),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)


def configure(environ, file=None):
    check_to_serve(load_config({}, environ, file))


def objection(kind, function, *args):
    """What it says against the arguments, in one line; nothing where it takes them."""
    try:
        function(*args)
    except kind as error:
        return str(error)
    return ""


@cases(100)
@given(st.sampled_from(sorted(KEYS)), TOML_VALUES)
def test_every_reader_of_the_configuration(path, value):
    assert "\n" not in objection(ValueError, KEYS[path].reader, value)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("config") / "hoiio.toml"


TOML = st.one_of(
    st.binary(max_size=80),
    st.lists(
        st.sampled_from(
            ["[sip]", "[api]", "[[sip]]", "[sip.trunk]", "[sip.routes]", "listen = ", "'x'", "1",
             "=", "host", ".", "data = 1", "\n", '"', "[", "]", "{", "}", "9e999", "nan"]
        ),
        max_size=14,
    ).map(lambda words: " ".join(words).encode()),
)  # fmt: skip


@cases(200)
@given(TOML)
@example(b"a = " + b"[" * 5000)
def test_files_of_configuration(file, text):
    file.write_bytes(text)
    assert "\n" not in objection(ConfigError, configure, {}, str(file))


@cases(200)
@given(st.sampled_from(sorted(KEYS)), st.text(max_size=30).filter(lambda text: "\0" not in text))
def test_the_environment(path, text):
    assert "\n" not in objection(ConfigError, configure, {KEYS[path].variable: text})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ODD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
NAMES = st.sampled_from([*wire.FIELDS, "status", "txn_ref", "tag", "room", "json", "_x", "x"])


@cases(300)
@given(st.one_of(st.text(max_size=200), st.dictionaries(NAMES, JSON).map(json.dumps)))
def test_answers_as_a_client_reads_them(text):
    try:
        answer = parse(Answer, text)
    except HoiioException:
        return
    assert isinstance(answer, Answer)
    repr(answer)
