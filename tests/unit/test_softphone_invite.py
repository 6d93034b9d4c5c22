"""Reading an INVITE: its headers in order, and the number that a phone would show."""

import pytest

from hoiio.softphone.invite import caller_id, parse

MESSAGE = (
    "INVITE sip:+6511111111@127.0.0.1:5070;transport=udp SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1:5060\r\n"
    "From: <sip:+6522222222@127.0.0.1>;tag=abc\r\n"
    "To: <sip:+6511111111@127.0.0.1>\r\n"
    "Call-ID: f8e9131245ac967b\r\n"
    "Subject: one\r\n"
    "\t  two\r\n"
    "X-Empty:\r\n"
    "X-Colons : a: b\r\n"
    "\r\n"
    "v=0\r\n"
    "o=not: a header\r\n"
)


def test_every_header_comes_once_in_order_and_the_body_does_not():
    assert parse(MESSAGE).headers == (
        ("Via", "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1"),
        ("Via", "SIP/2.0/UDP 192.0.2.1:5060"),
        ("From", "<sip:+6522222222@127.0.0.1>;tag=abc"),
        ("To", "<sip:+6511111111@127.0.0.1>"),
        ("Call-ID", "f8e9131245ac967b"),
        ("Subject", "one two"),
        ("X-Empty", ""),
        ("X-Colons", "a: b"),
    )


def test_compact_names_are_kept_and_understood():
    compact = MESSAGE.replace("From:", "f:").replace("Call-ID:", "i:")
    invite = parse(compact)
    assert ("f", "<sip:+6522222222@127.0.0.1>;tag=abc") in invite.headers
    assert invite.caller_id == "+6522222222"
    assert invite.call_id == "f8e9131245ac967b"


def test_names_ignore_case():
    assert parse(MESSAGE.replace("Call-ID", "CALL-id")).call_id == "f8e9131245ac967b"


@pytest.mark.parametrize(
    "message",
    [
        "",
        "SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n",
        "BYE sip:a@b SIP/2.0\r\nCall-ID: x\r\n",
        MESSAGE.replace("@127.0.0.1>\r\n", "@127.0.0.1>;tag=theirs\r\n"),
    ],
    ids=["nothing", "an answer", "another request", "a re-INVITE"],
)
def test_only_an_invite_that_opens_a_call_counts(message):
    assert parse(message) is None


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("<sip:+6522222222@127.0.0.1>;tag=1", "+6522222222"),
        ("<sip:6522222222@127.0.0.1:5060;transport=udp>", "+6522222222"),
        ('"+6533333333" <sips:+6522222222@host>', "+6522222222"),
        ('"a < b" <sip:+6522222222@host>', "+6522222222"),
        ("sip:+6522222222@host;tag=1", "+6522222222"),
        ("<sip:%2B6522222222@host>", "+6522222222"),
        ("<sip:+6522222222;phone-context=+65@host>", "+6522222222"),
        ("<tel:+6522222222>", "+6522222222"),
        ("<sip:anonymous@anonymous.invalid>;tag=1", None),
        ('"+6522222222" <sip:anonymous@anonymous.invalid>', None),
        ('"sip:+6522222222@host" <sip:anonymous@anonymous.invalid>', None),
        ("<sip:ann@host>", None),
        ("<sip:127.0.0.1>", None),
        ("<sip:++65222@host>", None),
        ("<sip:٦٥٢٢٢٢@host>", None),
        ("", None),
    ],
)
def test_caller_id_is_the_number_in_the_address_alone(address, number):
    assert caller_id(address) == number
