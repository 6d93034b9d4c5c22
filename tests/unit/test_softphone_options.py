"""What may be asked of a phone."""

import pytest

from hoiio.softphone import options
from hoiio.softphone.conversation import Reply


def test_a_phone_answers_at_once_with_440_hz_by_default():
    manner = options.manner()
    assert (manner.reply, manner.answer_after, manner.tone) == (Reply.ANSWER, 0, 440)
    assert (manner.press, manner.hang_up_after) == ("", None)


def test_each_option_takes_its_place():
    manner = options.manner(answer_after=2, tone=0, press="1a#", hang_up_after=3)
    assert (manner.answer_after, manner.tone, manner.press) == (2, 0, "1a#")
    assert manner.hang_up_after == 3
    assert options.manner(busy=True).reply is Reply.BUSY
    assert options.manner(no_answer=True).reply is Reply.RING_ON


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"busy": True, "no_answer": True}, "--busy and --no-answer"),
        ({"answer_after": 0, "busy": True}, "--answer-after and --busy"),
        ({"answer_after": 1, "no_answer": True}, "--answer-after and --no-answer"),
        ({"answer_after": -1}, "--answer-after"),
        ({"answer_after": float("nan")}, "--answer-after"),
        ({"hang_up_after": float("inf")}, "--hang-up-after"),
        ({"tone": -440}, "--tone"),
        ({"tone": 4000}, "--tone"),
        ({"tone": float("nan")}, "--tone"),
        ({"press": "1 2"}, "--press"),
        ({"press": "١"}, "--press"),
        ({"media_timeout": 0}, "--media-timeout"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(wrong, named):
    with pytest.raises(options.WrongUse, match=named):
        options.manner(**wrong)


def test_an_address_is_host_and_port():
    assert str(options.address("127.0.0.1:0")) == "127.0.0.1:0"
    assert options.address("localhost:5070").port == 5070


@pytest.mark.parametrize(
    "text", ["", "127.0.0.1", ":5070", "a:b", "a:65536", "a:-1", "a b:1", "::1:5"]
)
def test_anything_else_is_no_address(text):
    with pytest.raises(options.WrongUse, match="HOST:PORT"):
        options.address(text)


@pytest.mark.parametrize(
    "text", ["6511111111", "+65 1111", "+123", "+" + "1" * 16, "+651111x", "+651111\n"]
)
def test_only_a_plus_and_digits_are_a_number(text):
    with pytest.raises(options.WrongUse, match="phone number"):
        options.number(text)
