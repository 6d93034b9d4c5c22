"""An answer's text becomes typed fields, or InvalidResponse, and nothing else."""

import html
import json
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio import APIError, AsyncResponse, InvalidResponse, Response, wire
from hoiio.answer import Answer, parse
from hoiio.request import Credentials

STATUS = {
    "status": "success_ok",
    "txn_ref": "TX-1234",
    "tag": "my-tag",
    "date": "2012-01-31 12:06:15",
    "dest1": "+6511111111",
    "dest2": "+6522222222",
    "call_status_dest1": "answered",
    "call_status_dest2": "answered",
    "duration": "2",
    "currency": "SGD",
    "rate": "0.018",
    "debit": "0.036",
}


def answer(**fields):
    return parse(Answer, json.dumps({"status": "success_ok", **fields}))


def test_a_call_is_answered_with_its_reference():
    """The guide's first example."""
    res = answer(txn_ref="AA-S-141147")
    assert res.txn_ref == "AA-S-141147"
    assert res.is_success() is True


def test_a_status_has_the_guides_values_in_the_guides_types():
    """Every line of the guide's status example, values and types."""
    res = parse(Answer, json.dumps(STATUS))
    assert res.txn_ref == "TX-1234"
    assert res.tag == "my-tag"
    assert res.date == datetime(2012, 1, 31, 12, 6, 15)
    assert res.date.tzinfo is None
    assert (res.dest1, res.dest2) == ("+6511111111", "+6522222222")
    assert (res.call_status_dest1, res.call_status_dest2) == ("answered", "answered")
    assert (res.duration, type(res.duration)) == (2, int)
    assert res.currency == "SGD"
    assert (res.rate, type(res.rate)) == (0.018, float)
    assert (res.debit, type(res.debit)) == (0.036, float)


def test_a_rate_has_the_guides_values_in_the_guides_types():
    """The guide's rate example."""
    res = answer(currency="SGD", rate="0.036", talktime="2352")
    assert (res.currency, res.rate, res.talktime) == ("SGD", 0.036, 2352)
    assert isinstance(res.talktime, int)


def test_history_entries_are_responses():
    """The guide's history example; each entry has the fields of a status."""
    entry = {key: value for key, value in STATUS.items() if key != "status"}
    res = answer(total_entries_count="234", entries_count="1", entries=[entry])
    assert (res.total_entries_count, res.entries_count) == (234, 1)
    [first] = res.entries
    assert isinstance(first, Answer)
    assert (first.txn_ref, first.date) == ("TX-1234", datetime(2012, 1, 31, 12, 6, 15))
    assert json.loads(first.text) == entry
    assert first.is_success()


@pytest.mark.parametrize("refs", [["TX-1", "TX-2", "TX-3"], "TX-1,TX-2,TX-3", "TX-1, TX-2, TX-3"])
def test_references_are_a_list_however_they_come(refs):
    """The two conference paths of the original answer differently."""
    res = answer(room="MY-ROOM", txn_refs=refs)
    assert (res.room, res.txn_refs) == ("MY-ROOM", ["TX-1", "TX-2", "TX-3"])


def test_a_live_call_lacks_its_end():
    """Known fields that an answer lacks are None, so that the guide's reads work on a live call."""
    res = answer(txn_ref="TX-1", call_status_dest1="ongoing", rate="0.036")
    assert res.duration is None
    assert res.debit is None
    assert res.debit_decimal is None
    assert res.date_utc is None


def test_a_field_nobody_knows_is_an_attribute_only_when_it_came():
    """Unknown fields of a server are kept; misspelt ones are errors."""
    res = answer(colour="blue", depth=3)
    assert (res.colour, res.depth) == ("blue", 3)
    with pytest.raises(AttributeError, match="no field 'durations'"):
        _ = res.durations


def test_numbers_may_come_bare():
    """Later servers and proxies send JSON numbers."""
    res = answer(duration=7, rate=0.02, debit=0.14, entries_count=2.0, tag=12)
    assert (res.duration, res.rate, res.debit, res.entries_count) == (7, 0.02, 0.14, 2)
    assert (res.debit_decimal, res.tag) == (Decimal("0.14"), "12")


def test_money_is_exact_beside_its_float():
    """No float stands between the wire and the Decimal."""
    res = answer(balance="84.700", points="80.0000005", bonus="4.7")
    assert res.balance_decimal == Decimal("84.700")
    assert str(res.points_decimal) == "80.0000005"
    assert res.bonus == 4.7


def test_a_date_is_also_an_instant():
    """With or without the fraction that the original often appended."""
    res = answer(date="2012-06-06 11:10:36.0")
    assert res.date == datetime(2012, 6, 6, 11, 10, 36)
    assert res.date_utc == datetime(2012, 6, 6, 3, 10, 36, tzinfo=UTC)
    assert res.date_utc.tzinfo is UTC


@pytest.mark.parametrize("field", ["duration", "debit", "date", "tag", "entries"])
@pytest.mark.parametrize("value", ["", None])
def test_an_empty_known_field_counts_as_absent(field, value):
    """But text may be empty: a tag that was not set is."""
    assert getattr(answer(**{field: value}), field) == (value if field == "tag" else None)


def test_the_raw_answer_stays_reachable():
    """Text, JSON, nothing converted."""
    text = json.dumps(STATUS)
    res = parse(Answer, text)
    assert res.text == text
    assert res.json == STATUS
    assert res.response is None


def test_an_error_of_the_api_does_not_raise():
    """is_success() tells; raising is asked for."""
    res = parse(Answer, '{"status": "error_insufficient_credit"}')
    assert res.is_success() is False
    assert res.status == "error_insufficient_credit"
    with pytest.raises(APIError, match="error_insufficient_credit") as raised:
        res.raise_for_error()
    assert raised.value.response is res
    good = answer()
    assert good.raise_for_error() is good


@pytest.mark.parametrize(
    "name", ["json", "text", "response", "is_success", "_x", "__class__", "rate_decimal"]
)
def test_a_server_cannot_replace_what_a_response_is_made_of(name):
    """Such a field stays in .json only."""
    res = answer(**{name: "taken"})
    assert getattr(res, name, None) != "taken"
    assert res.json[name] == "taken"


def test_repr_reads_well_and_hides_tokens():
    """In the answer's order, typed, with long lists counted."""
    res = answer(duration="2", access_token="s3cret", entries=[{}, {}])
    assert repr(res) == (
        "Answer(status='success_ok', duration=2, access_token=[hidden], entries=[2 entries])"
    )


@pytest.mark.parametrize("name", ["text", "json", "response", "_x", "rate_decimal", "is_success"])
def test_repr_shows_no_field_that_poses_as_an_attribute(name):
    """The attribute of that name may hold the whole body, with a token in it."""
    res = answer(**{name: "taken"}, access_token="s3cret", rate="0.018")
    assert repr(res) == "Answer(status='success_ok', access_token=[hidden], rate=0.018)"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>502 Bad Gateway</html>",
        '{"status": "success_ok"',
        "[]",
        '"success_ok"',
        "null",
        "{}",
        '{"status": 1}',
        '{"status": ""}',
        '{"status": "success_ok", "rate": NaN}',
        '{"status": "success_ok", "rate": 1e999}',
        '{"status": "success_ok", "rate": "1e99"}',
        '{"status": "success_ok", "rate": true}',
        '{"status": "success_ok", "rate": "a lot"}',
        '{"status": "success_ok", "duration": "1.5"}',
        '{"status": "success_ok", "duration": 1' + "0" * 5000 + "}",
        '{"status": "success_ok", "date": "yesterday"}',
        '{"status": "success_ok", "date": 1}',
        '{"status": "success_ok", "date": "2012-13-31 12:06:15"}',
        '{"status": "success_ok", "date": "0001-01-01 00:00:00"}',
        '{"status": "success_ok", "txn_refs": 1}',
        '{"status": "success_ok", "txn_refs": [1]}',
        '{"status": "success_ok", "entries": {}}',
        '{"status": "success_ok", "entries": [1]}',
        '{"status": "success_ok", "entries": [{"rate": []}]}',
        '{"status": "success_ok", "txn_ref": ["a"]}',
        '{"status": "success_ok", "txn_ref": true}',
        "[" * 200_000,
    ],
)
def test_what_is_no_answer_is_an_invalid_response(text):
    """With the beginning of what came."""
    with pytest.raises(InvalidResponse) as raised:
        parse(Answer, text)
    assert raised.value.excerpt == text[:200]


def test_no_excerpt_shows_the_token():
    """A server's error page may repeat the request."""
    page = "<p>access_token=se%2Fcret or se/cret</p>"
    with pytest.raises(InvalidResponse) as raised:
        parse(Answer, page, who=Credentials("id", "se/cret"))
    assert "cret" not in str(raised.value)
    assert raised.value.excerpt == "<p>access_token=[hidden] or [hidden]</p>"


ESCAPES = {
    "none": lambda text: text,
    "quote": lambda text: quote(text, safe=""),
    "quote_plus": quote_plus,
    "percent, lower case": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "percent, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON, slashes too": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON, all escaped": lambda text: "".join(f"\\u{ord(char):04X}" for char in text),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "HTML": html.escape,
    "HTML, decimal": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(char):04X};" for char in text),
    "a URL in HTML": lambda text: html.escape(quote_plus(text)),
    "mixed": lambda text: quote_plus(text[:3]) + json.dumps(text[3:])[1:-1],
}


@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)
@pytest.mark.parametrize(
    "secret", ["se/cret+=", "a b&c<d>'e\"", "naïve-töken", "\\back\\\\slash\\"]
)
def test_no_excerpt_shows_the_token_however_it_is_escaped(escape, secret):
    """Servers repeat a request in whichever way their pages are made."""
    with pytest.raises(InvalidResponse) as raised:
        parse(
            Answer,
            f"<p>you sent {escape(secret)}, twice: {escape(secret)}.",
            who=Credentials("id", secret),
        )
    # What was escaped at length leaves less room.
    assert "<p>you sent [hidden], twice: [hidden].".startswith(raised.value.excerpt)
    assert "[hidden]" in raised.value.excerpt


def test_an_excerpt_of_many_tokens_shows_no_piece_of_one():
    """However long they are, and wherever the excerpt ends."""
    secret = "😀s3cret" * 10
    escaped = quote(quote(secret))
    with pytest.raises(InvalidResponse) as raised:
        parse(Answer, escaped * 100, who=Credentials("id", secret))
    assert set(raised.value.excerpt.split("[hidden]")) == {""}


@pytest.mark.parametrize("secret", ["t", "abc"])
def test_a_token_that_is_in_any_text_hides_all_of_it(secret):
    """To hide it wherever it is would leave a riddle that tells it."""
    with pytest.raises(InvalidResponse) as raised:
        parse(Answer, "<html>that was the token abc", who=Credentials("id", secret))
    assert raised.value.excerpt == "[hidden]"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
NAMES = st.sampled_from([*wire.FIELDS, *Answer.__annotations__, "__class__", "x"])
ANSWERS = st.dictionaries(NAMES | st.text(), JSON | st.text("0123456789.-e,: "))


@given(st.text() | JSON.map(json.dumps) | ANSWERS.map(lambda a: json.dumps({"status": "s", **a})))
def test_any_text_gives_a_response_or_an_invalid_response(text):
    """Never another exception, and every attribute of what comes back can be read and shown."""
    try:
        res = parse(Answer, text)
    except InvalidResponse:
        return
    assert isinstance(res.status, str)
    assert repr(res).startswith("Answer(")
    assert res.duration is None or isinstance(res.duration, int)
    assert res.rate is None or isinstance(res.rate, float)


TYPO = """
import sys
from hoiio import Response
from hoiio.answer import parse
parse(Response, '{"status": "success_ok", "txn_ref": "TX-1", "new_field": "1"}').NAME
"""


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("txnref", "txn_ref"), ("is_succes", "is_success"), ("new_fild", "new_field")],
)
def test_a_mistyped_field_says_which_was_meant(typed, meant):
    """Python does, if it is told where to look."""
    program = TYPO.replace("NAME", typed)
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30
    )
    assert f"the answer has no field '{typed}'. Did you mean: '{meant}'?" in ran.stderr


@pytest.mark.parametrize("kind", [Response, AsyncResponse])
def test_an_answer_is_not_iterated_over(kind):
    """Neither a loop nor ``list`` asks for pages unasked; the words say what does."""
    page = parse(kind, json.dumps({"status": "success_ok", "entries": [STATUS]}))
    ways = [iter] if kind is Response else [iter, aiter]
    for way in ways:
        with pytest.raises(TypeError, match=r"\.entries .* \.all\(\)"):
            way(page)
        for other in (page.entries[0], parse(kind, json.dumps(STATUS))):
            with pytest.raises(TypeError, match="its fields are attributes"):
                way(other)


@pytest.mark.parametrize(
    "text", ["\\" * 300_000, "&#0" * 100_000, "%25" * 100_000, "s3cr%2" * 1_400_000]
)
def test_an_excerpt_takes_no_longer_for_what_almost_fits(text):
    """As many steps as characters that are shown, not their square."""
    who = Credentials("id", "s3cret" * 6)
    counted = Counted(text)
    with pytest.raises(InvalidResponse):
        parse(Answer, counted, who=who)
    assert counted.longest < 10_000


class Counted(str):
    """A text that knows the longest piece that was taken of it."""

    longest = 0

    def __getitem__(self, key):
        piece = super().__getitem__(key)
        self.longest = max(self.longest, len(piece))
        return piece
