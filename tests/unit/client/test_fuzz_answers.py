"""Whatever a server sends, the client gives an answer or InvalidResponse, and nothing else."""

import gc
import json
import tracemalloc
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio import InvalidResponse, answer
from hoiio.answer import Answer, parse
from hoiio.request import Credentials
from support.fuzz import cases
from support.steps import response

ENTRY = {
    "txn_ref": "AA-C-141147",
    "tag": "myapp é",
    "dest1": "+6511111111",
    "dest2": "+6522222222",
    "call_status_dest1": "answered",
    "call_status_dest2": "answered",
    "date": "2012-06-06 11:10:36.0",
    "answered_date": "2012-06-06 11:10:40",
    "duration": "7",
    "currency": "SGD",
    "rate": "0.020",
    "debit": "0.140",
}
REAL = [
    {"status": "success_ok", **ENTRY},
    {"status": "success_ok", "total_entries_count": "2", "entries": [ENTRY, ENTRY]},
    {"status": "success_ok", "txn_refs": "AA-C-1,AA-C-2", "room": "R123"},
    {"status": "success_ok", "txn_refs": ["AA-C-1", "AA-C-2"], "room": "R123"},
    {"status": "success_ok", "balance": "54.650", "points": "50.000", "bonus": "4.650"},
    {"status": "success_ok", "rate": "0.036", "talktime": "2352", "caller_ids": ["+65", "p"]},
    {"status": "error_insufficient_credit"},
]
TEXTS = [json.dumps(answer).encode() for answer in REAL]
LIMIT = 200


def read(body):
    """Every attribute of what comes back can be read and shown."""
    http = response("")
    http.content = body
    try:
        res = parse(Answer, http, who=Credentials("id", "s3cret"))
    except InvalidResponse as error:
        refused = error
    else:
        refused = None
    if refused is not None:
        assert len(refused.excerpt) <= LIMIT
        assert refused.http_status == 200
        assert str(refused)
        return None
    assert isinstance(res.status, str)
    assert res.status
    for name in Answer.__annotations__:
        getattr(res, name)
    assert isinstance(res.is_success(), bool)
    assert isinstance(res.is_live(), bool)
    assert isinstance(res.is_answered(), bool)
    assert res.date is None or res.date_utc is not None
    assert repr(res).startswith("Answer(")
    for entry in res.entries or []:
        assert isinstance(entry, Answer)
        assert repr(entry)
        assert entry.text
    return res


@pytest.mark.parametrize("text", TEXTS)
def test_a_real_answer_is_read(text):
    """The parser that the mutations below are tried on does read."""
    assert read(text) is not None


@cases(600)
@given(
    st.sampled_from(TEXTS),
    st.lists(
        st.tuples(
            st.integers(0, 2**16),
            st.sampled_from(["set", "drop", "insert", "double"]),
            st.binary(max_size=4) | st.sampled_from([b"null", b"[", b"{", b'"', b"1e999", b"-"]),
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_bytes_of_an_answer_are_changed(text, changes):
    """Set, dropped, inserted, doubled, anywhere."""
    body = bytearray(text)
    for place, what, piece in changes:
        at = place % (len(body) + 1)
        if what == "set":
            body[at : at + len(piece)] = piece
        elif what == "insert":
            body[at:at] = piece
        elif what == "drop":
            del body[at : at + 1 + len(piece)]
        else:
            body += body[at : at + 40]
    read(bytes(body))


SHAPES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text("0123456789.-+eE,: naif", max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(ENTRY)), inner)
    ),
    max_leaves=6,
)


@cases(400)
@given(
    st.dictionaries(st.sampled_from([*Answer.__annotations__, "_client", "wait"]), SHAPES),
    st.lists(st.dictionaries(st.sampled_from([*ENTRY, "entries"]), SHAPES) | SHAPES, max_size=3),
)
def test_fields_of_the_wrong_shape(fields, entries):
    """Of an answer and of its entries, which may have entries in turn."""
    read(json.dumps({"status": "success_ok", **fields, "entries": entries}).encode())


WRITTEN = st.sampled_from(
    [
        *("", "0", "7", "007", "-7", "+7", "7.0", "7.5", "1e2", "1e999", "nan", "٧", "7 ", "x"),
        *("0.036", ".5", "2012-06-06 11:10:36", "2012-06-06 11:10:36.0", "2012-06-06 11:10:3Z"),
        *("0001-01-01 00:00:00", "2012-06-06", "AA-C-1, AA-C-2", "1" * 40, "0" * 9, "0" * 10),
    ]
)


@cases(600)
@given(
    st.dictionaries(
        st.sampled_from([*(set(Answer.__annotations__) - {"status"}), "unheard_of", "_text"]),
        WRITTEN | st.text(max_size=3) | st.integers() | st.none(),
        min_size=1,
        max_size=5,
    ),
    st.booleans(),
)
def test_an_answer_is_the_same_each_time(fields, inside):
    """What is kept of answers that looked alike changes nothing, nor do remembered values.

    Nor does it who read the JSON.
    """
    body = {"status": "success_ok", **({"entries": [fields]} if inside else fields)}
    http = response(json.dumps(body))
    http.body = body

    def seen(came):
        try:
            res = parse(Answer, came)
        except InvalidResponse as error:
            return error.why
        answers = res, *((res.entries or []) if inside else [])
        return [{**vars(each), "_text": None, "response": None} for each in answers]

    answer._PLANS.clear()
    first = str(seen(http.text))
    assert [str(seen(came)) for came in (http.text, http, http)] == [first] * 3


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"status": "s", "entries": [', b'"'])
def test_deep_nesting(opening):
    """As deep as ten megabytes go, or as deep as is still read."""
    for depth in (10, 500, 100_000):
        read(opening * depth)
    closing = {b"[": b"]", b'{"a":': b"1}"}.get(opening, b"")
    nested = opening * 900 + closing * 900
    read(b'{"status": "success_ok", "x": ' + nested + b"}")


def test_ten_megabytes():
    """Of nothing, of one field, of an answer that is whole: too large, whatever it is."""
    for body in (b" " * 10**7, b'{"status": "' + b"x" * 10**7, TEXTS[0] + b" " * 10**7):
        with pytest.raises(InvalidResponse, match="too large") as raised:
            parse(Answer, response(body.decode()))
        assert raised.value.excerpt == body[:LIMIT].decode()


@pytest.mark.parametrize("digit", ["1", "7.", "x"])
@pytest.mark.parametrize("field", ["rate", "duration", "date"])
def test_an_amount_without_an_end_is_not_kept(field, digit):
    """What is remembered of amounts is as short as real ones are."""
    read(json.dumps({"status": "success_ok", field: ""}).encode())
    assert kept_of({field: f"{nth}{digit * 100_000}"} for nth in range(20)) < 500_000


def test_names_that_a_service_made_up_are_not_kept():
    """However many there are, and however long; nor ever new orders of those that are known."""
    assert kept_of({f"{nth}{'x' * 100_000}": "1"} for nth in range(20)) < 500_000
    answer._PLANS.clear()
    assert kept_of(dict.fromkeys(order, "") for order in permutations(list(ENTRY)[:7])) < 500_000


def kept_of(answers):
    """Bytes that are still in use after they were all read."""
    tracemalloc.start()
    try:
        for fields in answers:
            read(json.dumps({"status": "success_ok", **fields}).encode())
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return kept
