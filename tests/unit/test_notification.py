"""What a receiver is promised: what the service sent is read, all else is refused.

Refused is always ``InvalidNotification``, with nothing secret in its words; a receiver without a
usable secret never accepts anything.
"""

import base64
import itertools
import secrets
from datetime import UTC, datetime
from decimal import Decimal
from email.message import Message
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from werkzeug.datastructures import EnvironHeaders

from hoiio import InvalidArgument, InvalidNotification, InvalidSignature, Notification, wire
from hoiio.answer import Answer
from hoiio.answer import parse as parse_answer
from hoiio.errors import HoiioException
from hoiio.server.notifications.body import body
from hoiio.server.notifications.headers import headers
from hoiio.server.storage.credentials import checksum
from hoiio.server.storage.protocol import Delivery
from support.fuzz import cases

TOKEN, OTHER = (f"hoiio_{body}{checksum(body)}" for body in ("T" * 32, "U" * 32))
SECRET, OLD = (f"whsec_{base64.b64encode(key * 32).decode()}" for key in (b"s", b"o"))
AT = 1_614_265_330
FIELDS = {
    "txn_ref": "AA-C-2517398",
    "tag": "",
    "dest1": "+6511111111",
    "dest2": "+6522222222",
    "call_status_dest1": "answered",
    "call_status_dest2": "busy",
    "date": "2012-06-06 11:10:36",
    "currency": "SGD",
    "rate": "0.036",
    "duration": "2",
    "debit": "0.072",
}


def sent(fields=None, url="http://x/", signing=(SECRET,), at=AT, raw=None):
    """The body and the headers of an attempt, by the service's own writers."""
    raw = body(fields or FIELDS, url) if raw is None else raw
    delivery = Delivery(7, "AA-C-2517398", url, raw, "x", 0, 0, TOKEN, tuple(signing))
    return raw, headers(delivery, at * wire.MICROS)


def parse(message, secret=SECRET, **options):
    return Notification.parse(*message, secret, **{"now": AT, **options})


# What is read


@pytest.mark.parametrize("secret", [SECRET, TOKEN])
def test_what_the_service_sends_is_read_with_the_values_and_types_of_a_status(secret):
    """And the parameters of the URL are there, under their own names."""
    told = parse(sent(url="http://x/?order=4%207&balance=1&text=%C3%A9"), secret)
    assert (told.txn_ref, told.tag) == ("AA-C-2517398", "")
    assert (told.dest1, told.dest2) == ("+6511111111", "+6522222222")
    assert (told.call_status_dest1, told.call_status_dest2) == ("answered", "busy")
    assert told.date == datetime(2012, 6, 6, 11, 10, 36)
    assert told.date_utc == datetime(2012, 6, 6, 3, 10, 36, tzinfo=UTC)
    assert (told.duration, type(told.duration)) == (2, int)
    assert (told.rate, told.debit) == (0.036, 0.072)
    assert (told.rate_decimal, told.debit_decimal) == (Decimal("0.036"), Decimal("0.072"))
    assert (told.currency, told.room, told.number) == ("SGD", None, None)
    assert told.params == {"order": "4 7", "balance": "1", "text": "é"}


def test_the_same_fields_come_out_as_from_an_answer():
    """No second reading of the protocol that could drift from the first."""
    told = parse(sent(FIELDS | {"room": "R101", "dest2": "", "call_status_dest2": ""}))
    answer = parse_answer(
        Answer,
        '{"status": "success_ok", "txn_ref": "AA-C-2517398", "tag": "", "room": "R101",'
        ' "dest1": "+6511111111", "dest2": "", "call_status_dest1": "answered",'
        ' "call_status_dest2": "", "date": "2012-06-06 11:10:36", "currency": "SGD",'
        ' "rate": "0.036", "duration": "2", "debit": "0.072"}',
    )
    for name in Notification.__dataclass_fields__.keys() - {"webhook_id", "timestamp", "params"}:
        assert getattr(told, name) == getattr(answer, name), name


def test_the_original_services_captured_bytes_are_read():
    """Any order, a fraction in the date, no webhook-id."""
    raw = (
        b"duration=0&rate=0.036&dest2=%2B6522222222&call_status_dest1=answered"
        b"&call_status_dest2=failed&tag=&debit=0.000&date=2012-06-06+11%3A10%3A36.0"
        b"&dest1=%2B6511111111&txn_ref=AA-C-2517398&currency=SGD"
    )
    told = parse((raw, {"x-hoiio-signature": wire.signature(TOKEN, raw)}), TOKEN)
    assert (told.duration, told.debit, told.date.minute) == (0, 0.0, 10)


def test_of_what_comes_twice_the_first_counts():
    """As everywhere in this protocol."""
    told = parse(sent(raw=b"txn_ref=A&tag=x&tag=y&a=1&a=2&duration=&duration=3"))
    assert (told.tag, told.params, told.duration) == ("x", {"a": "1"}, None)


def test_bytes_of_a_url_that_are_no_text_come_as_text_that_can_be_stored():
    """The receiver does not fail over and over on its own URL."""
    assert parse(sent(url="http://x/?a%FF=%FFb")).params == {"a\ufffd": "\ufffdb"}


def test_the_longest_url_and_tag_of_the_wire_arrive():
    """Nothing that the service may send is over the limit."""
    url = "http://x/?a=" + "é" * (wire.NOTIFY_URL_MAX - 12)
    told = parse(sent(FIELDS | {"tag": "\U0001f4de" * wire.TAG_MAX}, url))
    assert len(told.params["a"]) == wire.NOTIFY_URL_MAX - 12
    assert len(told.tag) == wire.TAG_MAX


@given(
    st.dictionaries(
        st.sampled_from(["tag", "room", "dest2"]), st.text(st.characters(codec="utf-8"))
    ),
    st.dictionaries(
        st.text(st.characters(codec="utf-8")).map("my{}".format), st.text(st.characters())
    ),
    st.integers(0, 10**9),
)
def test_any_values_survive_the_way(texts, own, micros):
    """From the service's own writer into the reader: what went in comes out."""
    url = "http://x/?" + urlencode(own, errors="replace")
    money = wire.format_money(micros)
    told = parse(sent(FIELDS | texts | {"debit": money}, url))
    assert {name: getattr(told, name) for name in texts} == texts
    assert told.debit_decimal == Decimal(money)
    assert told.params.keys() == own.keys()


WAYS = {
    "mapping": dict,
    "pairs": lambda told: list(told.items()),
    "bytes": lambda told: [(k.encode(), v.encode()) for k, v in told.items()],
    "upper case": lambda told: {k.upper(): v for k, v in told.items()},
    "starlette": Headers,
    "wsgi": lambda told: {
        "wsgi.version": (1, 0),
        **{"HTTP_" + k.upper().replace("-", "_"): v for k, v in told.items()},
    },
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("secret", [SECRET, TOKEN])
def test_headers_are_found_however_a_framework_gives_them(way, secret):
    raw, told = sent()
    assert parse((raw, WAYS[way](told)), secret).txn_ref == "AA-C-2517398"


def test_headers_are_found_in_flasks_and_in_the_standard_librarys():
    """Neither of which is a Mapping."""
    raw, told = sent()
    assert parse((raw, EnvironHeaders(WAYS["wsgi"](told))))
    message = Message()
    for name, value in told.items():
        message[name] = value
    assert parse((raw, message))


def test_a_body_may_be_the_text_of_it():
    raw, told = sent()
    assert parse((raw.decode(), told)) == parse((raw, told)) == parse((bytearray(raw), told))


# What is verified


def test_a_signing_secret_vouches_for_id_and_time():
    told = parse(sent())
    assert told.webhook_id == "msg_7_AA-C-2517398"
    assert told.timestamp == datetime.fromtimestamp(AT, UTC)


def test_an_access_token_vouches_for_the_body_alone():
    """So a header that anybody may change is no id: what is signed makes one, always the same."""
    raw, told = sent()
    first = parse((raw, told), TOKEN)
    again = parse((raw, told | {"webhook-id": "msg_8", "webhook-timestamp": "1"}), TOKEN)
    assert first == again
    assert first.webhook_id.startswith("sha256:")
    assert first.timestamp is None
    assert parse(sent(FIELDS | {"txn_ref": "AA-C-1"}), TOKEN).webhook_id != first.webhook_id


@pytest.mark.parametrize("signing", [(SECRET,), (OLD,), (SECRET, OLD), (OLD, SECRET)])
@pytest.mark.parametrize("known", [(SECRET, OLD), [OLD, SECRET], [TOKEN, OLD, SECRET]])
def test_while_a_secret_is_changed_one_that_fits_suffices(signing, known):
    """On either side, in any order, and with an access token among them the better one counts."""
    assert parse(sent(signing=signing), iter(known)).timestamp is not None


def test_an_application_without_a_signing_secret_is_received_with_its_token():
    assert parse(sent(signing=()), [SECRET, TOKEN]).timestamp is None
    with pytest.raises(InvalidSignature):
        parse(sent(signing=()), SECRET)


@pytest.mark.parametrize(
    ("off", "accepted"), [(300, True), (-300, True), (301, False), (-301, False)]
)
def test_an_old_or_future_timestamp_is_refused(off, accepted):
    if accepted:
        assert parse(sent(), now=AT + off)
    else:
        with pytest.raises(InvalidSignature, match="301 seconds off, more than 300"):
            parse(sent(), now=AT + off)


def test_the_tolerance_can_be_set_and_the_clock_is_used():
    assert parse(sent(), now=AT + 4000, tolerance=4000)
    with pytest.raises(InvalidSignature, match="seconds off"):
        Notification.parse(*sent(), SECRET)
    with pytest.raises(InvalidSignature, match="seconds off"):
        parse(sent(), now=float("nan"))


def test_a_replay_cannot_hide_behind_another_secret():
    """An old message fits the signing secret, but is refused, though the token would let it in."""
    with pytest.raises(InvalidSignature, match="seconds off"):
        parse(sent(), [TOKEN, SECRET], now=AT + 301)


@pytest.mark.parametrize("secret", [SECRET, TOKEN])
def test_any_change_of_one_byte_of_the_body_is_refused(secret):
    raw, told = sent()
    for at, flip in itertools.product(range(len(raw)), (1, 0x20, 0x80)):
        changed = raw[:at] + bytes([raw[at] ^ flip]) + raw[at + 1 :]
        with pytest.raises(InvalidSignature):
            parse((changed, told), secret)
    for changed in (raw + b"&", raw + b"\n", b"&" + raw, raw[:-1], b""):
        with pytest.raises(InvalidSignature):
            parse((changed, told), secret)


HEADERS_OF = [
    (TOKEN, "X-Hoiio-Signature"),
    (SECRET, "webhook-id"),
    (SECRET, "webhook-timestamp"),
    (SECRET, "webhook-signature"),
]


@pytest.mark.parametrize(("secret", "name"), HEADERS_OF)
def test_any_change_of_one_byte_of_a_signed_header_is_refused(secret, name):
    """Also one that changes nothing of what it means, such as a zero before the time."""
    raw, told = sent()
    value = told[name]
    for at, flip in itertools.product(range(len(value)), (1, 2, 0x20, 0x80)):
        changed = value[:at] + chr(ord(value[at]) ^ flip) + value[at + 1 :]
        with pytest.raises(InvalidSignature):
            parse((raw, told | {name: changed}), secret, tolerance=float("inf"))
    more = (f"0{value}", f"+{value}", f"{value}.0", value[:-1], "", f"{value[:2]}_{value[2:]}")
    for changed in more:
        with pytest.raises(InvalidSignature):
            parse((raw, told | {name: changed}), secret, tolerance=float("inf"))
    del told[name]
    with pytest.raises(InvalidSignature):
        parse((raw, told), secret)


@given(st.data())
def test_any_bytes_changed_anywhere_are_refused(data):
    """However many, wherever: one of what is signed differs, so nothing fits."""
    raw, told = sent()
    at = data.draw(st.integers(0, len(raw)))
    until = data.draw(st.integers(at, len(raw)))
    changed = raw[:at] + data.draw(st.binary(max_size=40)) + raw[until:]
    if changed != raw:
        with pytest.raises(InvalidSignature):
            parse((changed, told), [SECRET, TOKEN])


def test_a_signature_of_another_secret_or_of_none_is_refused():
    raw, told = sent()
    for secret in (OLD, OTHER, "x", [OLD, OTHER]):
        with pytest.raises(InvalidSignature):
            parse((raw, told), secret)
    for value in ("\ud800", "é", b"\xff", "v2,x", "v1,", " "):
        both = {"X-Hoiio-Signature": value, "webhook-signature": value}
        with pytest.raises(InvalidSignature):
            parse((raw, told | both), [SECRET, TOKEN])
    with pytest.raises(InvalidSignature, match="carries no signature"):
        parse((sent()[0], {}))


def test_parts_of_what_is_signed_cannot_be_shifted_between_id_time_and_body():
    """``ID.TIMESTAMP.BODY`` can be cut elsewhere only with a dot in the id."""
    told = sent(raw=b"1614265330.txn_ref=A")[1]
    shifted = told | {"webhook-id": f"{told['webhook-id']}.{AT}"}
    with pytest.raises(InvalidSignature):
        parse((b"txn_ref=A", shifted))


def test_a_header_that_is_there_twice_is_refused():
    """Whoever looks at the other one would see what was not verified."""
    raw, told = sent()
    with pytest.raises(InvalidSignature, match="webhook-id must be there once"):
        parse((raw, [*told.items(), ("Webhook-Id", "msg_8")]))


# What a receiver gets wrong


@pytest.mark.parametrize(
    "secret", ["", None, [], (), [""], [SECRET, ""], [SECRET, None], b"token", iter([])]
)
def test_no_secret_never_accepts_anything(secret):
    """Above all not what is signed with an empty key."""
    raw, told = sent()
    forged = told | {"X-Hoiio-Signature": wire.signature("", raw)}
    with pytest.raises(ValueError, match="no secret to verify notifications with"):
        parse((raw, forged), secret)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_a", "whsec_not-base64", "whsec_===="])
def test_a_signing_secret_that_is_cut_off_is_named(secret):
    """One without a key too: anybody could sign with that."""
    with pytest.raises(ValueError, match="copy it again") as caught:
        parse(sent(), secret)
    assert secret == "whsec_" or secret not in str(caught.value)


@pytest.mark.parametrize("secret", [f"{TOKEN}\n", f" {SECRET}", "tökén"])
def test_a_secret_with_something_around_it_is_named(secret):
    with pytest.raises(ValueError, match="visible ASCII"):
        parse(sent(), secret)


@pytest.mark.parametrize("tolerance", ["x", None])
def test_a_tolerance_that_is_no_number_is_named(tolerance):
    with pytest.raises(TypeError, match="tolerance is a number of seconds, such as 300: not"):
        parse(sent(), tolerance=tolerance)


@pytest.mark.parametrize("secret", [SECRET, TOKEN], ids=["signed with its time", "without"])
@pytest.mark.parametrize(
    "now",
    ["x", datetime(2012, 1, 31), True, 10**400, float("inf"), b"1"],
    ids=lambda now: type(now).__name__,
)
def test_a_clock_that_is_none_is_named(now, secret):
    with pytest.raises(
        InvalidArgument, match=r"^now: Unix seconds like 1327982775, .* not this "
    ) as no:
        parse(sent(), secret, now=now)
    assert no.value.name == "now"


@pytest.mark.parametrize("tolerance", [-1, float("nan")])
def test_a_tolerance_that_is_none_is_named(tolerance):
    with pytest.raises(ValueError, match="such as 300"):
        parse(sent(), tolerance=tolerance)


def test_a_parsed_form_or_no_headers_are_named():
    with pytest.raises(TypeError, match="raw body"):
        parse((FIELDS, sent()[1]))
    for wrong in (None, 7, "webhook-id", ["webhook-id"]):
        with pytest.raises(TypeError, match=r"pass request\.headers"):
            parse((sent()[0], wrong))


# Garbage


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b'{"txn_ref": "AA-C-1"}',
        b"<html></html>",
        b"txn_ref",
        b"txn_ref=",
        b"tag=x",
        b"txn_ref=%FF",
        b"txn_ref=\xff",
        b"txn_ref=A&&tag=x",
        b"txn_ref=A&tag=%FF",
        b"txn_ref=A&duration=x",
        b"txn_ref=A&duration=1.5",
        b"txn_ref=A&duration=1e999999999",
        b"txn_ref=A&debit=NaN",
        b"txn_ref=A&date=yesterday",
        b"txn_ref=A&date=0001-01-01+00:00:00",
        b"txn_ref=A&date=2012-02-31+00:00:00",
        b"\0" * 1000,
    ],
)
@pytest.mark.parametrize("secret", [SECRET, TOKEN])
def test_a_signed_body_that_is_no_notification_is_refused(raw, secret):
    """Whoever has the secret and writes nonsense breaks no receiver."""
    with pytest.raises(InvalidNotification, match="is no notification") as caught:
        parse(sent(raw=raw), secret)
    assert not isinstance(caught.value, InvalidSignature)


def test_ten_megabytes_are_refused_before_they_are_hashed():
    for large in (b"a=" + b"x" * 10_000_000, "é" * 40_000):
        with pytest.raises(InvalidNotification, match="longer than 65536 bytes"):
            parse((large, {}))


def test_text_that_is_none_is_refused():
    with pytest.raises(InvalidNotification, match="no text"):
        parse(("txn_ref=\ud800", {}))


TEXTS = st.one_of(
    st.text(max_size=60), st.binary(max_size=60), st.just("v1, " * 2000), st.none(), st.integers()
)
NAMES = st.sampled_from(
    [
        "X-Hoiio-Signature",
        "webhook-id",
        "WEBHOOK-TIMESTAMP",
        b"webhook-signature",
        "HTTP_WEBHOOK_ID",
        "x",
        7,
    ]
)
SHREDS = st.lists(
    st.sampled_from(
        [
            b"txn_ref",
            b"duration",
            b"date",
            b"tag",
            b"a",
            b"=",
            b"=",
            b"&",
            b"%",
            b"%FF",
            b"%0",
            b"+",
            b"1",
            b"\xff",
            b"\0",
        ]
    ),
    max_size=30,
).map(b"".join)
BODIES = st.one_of(st.binary(max_size=200), SHREDS, st.text(max_size=100))


def parsed_or_refused(*args, **options):
    try:
        told = Notification.parse(*args, **options)
    except InvalidNotification as refused:
        said = repr(refused)
        assert TOKEN not in said
        assert SECRET not in said
        return None
    assert told.txn_ref
    return told


@cases(300)
@given(BODIES, st.lists(st.tuples(NAMES, TEXTS), max_size=6))
def test_whatever_comes_in_is_refused(raw, told):
    """Nobody without the secret has anything read."""
    assert parsed_or_refused(raw, told, [SECRET, TOKEN]) is None


@cases(500)
@given(st.one_of(st.binary(max_size=200), SHREDS), st.sampled_from([SECRET, TOKEN]))
def test_whatever_is_signed_is_read_or_refused(raw, secret):
    """With the secret, garbage still is no other exception."""
    parsed_or_refused(*sent(raw=raw), secret, now=AT)


@pytest.mark.parametrize(
    ("secret", "now"), [(SECRET, AT + 1000), (OLD, AT), (OTHER, AT), (TOKEN, AT)]
)
def test_no_refusal_says_a_secret_a_signature_or_a_number(secret, now):
    """It may be logged."""
    raw, told = sent(FIELDS | {"date": "bad"})
    with pytest.raises(InvalidNotification) as caught:
        parse((raw, told), secret, now=now)
    said = repr(caught.value) + str(caught.value.__cause__)
    for hidden in (secret, told["X-Hoiio-Signature"], told["webhook-signature"][3:], "6511111111"):
        assert hidden not in said
    assert "answer 400" in said
    assert issubclass(InvalidSignature, InvalidNotification)
    assert issubclass(InvalidNotification, HoiioException)


def test_what_is_shown_of_one_holds_none_of_the_urls_parameters():
    """People put keys into them."""
    assert "s3cret" not in repr(parse(sent(url="http://x/?key=s3cret")))


def test_the_key_of_a_signing_secret_may_be_of_any_length():
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(64)).decode()
    assert parse(sent(signing=(secret,)), secret)
