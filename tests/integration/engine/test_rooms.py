"""Rooms of several: who hears whom, how loud, and what the lone one hears. Tested by listening."""

import math
from datetime import datetime

import pytest

from hoiio.server.engines.protocol import Answered

HERTZ = [440, 590, 740, 930, 1170, 1480, 1870, 2360]
NUMBERS = [f"+651111{hertz:04}" for hertz in HERTZ]


@pytest.fixture
def party(phone, switch):
    """``party(count)`` starts so many phones, each with a tone of its own, and an engine."""

    def start(count):
        phones = [
            phone(number, "--tone", hertz)
            for number, hertz in zip(NUMBERS[:count], HERTZ, strict=False)
        ]
        return phones, switch(dict(zip(NUMBERS, phones, strict=False)))

    return start


def join(switch, place, **options):
    leg = f"leg{place}"
    switch.dial(leg, NUMBERS[place], talk=120)
    switch.wait(Answered, leg)
    switch.bridge(leg, **options)


def loudness(phone, *hertz):
    """How loud these tones, and no others, are together, in dBFS, once nothing else is heard."""
    phone.wait_hearing(*hertz, timeout=12)
    told = phone.told("hearing")[-1]["tones"]
    return 10 * math.log10(sum(10 ** (tone["level"] / 10) for tone in told))


def test_three_hear_the_two_others_and_not_themselves(party):
    """Both as loud as each other, together as loud as one."""
    phones, s = party(3)
    for place in range(3):
        join(s, place)
    for place, phone in enumerate(phones):
        others = [hertz for hertz in HERTZ[:3] if hertz != HERTZ[place]]
        assert loudness(phone, *others) == pytest.approx(-12, abs=1)
        levels = [tone["level"] for tone in phone.told("hearing")[-1]["tones"]]
        assert max(levels) - min(levels) < 1


def test_from_two_to_eight_the_level_stays_even_and_nothing_clips(party):
    """All speak at once and all the time; clipping would be heard as tones that nobody plays."""
    phones, s = party(8)
    join(s, 0)
    for place in range(1, 8):
        join(s, place)
        assert loudness(phones[0], *HERTZ[1 : place + 1]) == pytest.approx(-12, abs=1)
    for place, phone in enumerate(phones):
        others = [hertz for hertz in HERTZ if hertz != HERTZ[place]]
        assert loudness(phone, *others) == pytest.approx(-12, abs=1)


def test_who_speaks_alone_is_as_loud_in_any_company(phone, switch):
    """Listeners who are silent lower nobody's voice."""
    speaker = phone(NUMBERS[0], "--tone", HERTZ[0])
    silent = [phone(number, "--tone", 0) for number in NUMBERS[1:5]]
    s = switch(dict(zip(NUMBERS, [speaker, *silent], strict=False)))
    for place in range(5):
        join(s, place)
        if place:
            assert loudness(silent[place - 1], HERTZ[0]) == pytest.approx(-12, abs=1)
    speaker.wait_hearing()


def test_a_muted_one_in_a_room_of_two_leaves_silence(party):
    """Neither its voice nor the tone of who is alone; it goes on hearing, and is heard again."""
    (a, b), s = party(2)
    join(s, 0, alone_tone=True)
    join(s, 1, alone_tone=True, muted=True)
    b.wait_hearing(HERTZ[0])
    a.wait_hearing()
    a.hearing()
    s.bridge("leg1", alone_tone=True)
    a.wait_hearing(HERTZ[1])


def test_who_is_alone_hears_a_quiet_tone_every_ten_seconds(party):
    """Until somebody joins, and again when nobody is left."""
    (a, b), s = party(2)
    join(s, 0, alone_tone=True)
    first = quiet_tone(a)
    a.wait_hearing()
    second = quiet_tone(a)
    assert abs((second - first).total_seconds() - 10) <= 2
    join(s, 1, alone_tone=True)
    a.wait_hearing(HERTZ[1])
    s.hang_up("leg1")
    b.wait("ended")
    quiet_tone(a)


def quiet_tone(phone):
    """Wait for one tone that is nobody's voice; when it was heard."""
    at = len(phone.events)
    while True:
        told = phone.wait("hearing", 12, after=at)
        at = phone.events.index(told, at) + 1
        voices = [t for t in told["tones"] if any(abs(t["hz"] - hertz) < 20 for hertz in HERTZ)]
        if told["tones"] and not voices:
            [tone] = told["tones"]
            assert tone["level"] < -20
            return datetime.fromisoformat(told["at"])


def test_two_rooms_share_nothing(party):
    """Nor does who is in none of them hear or speak; moving to another room moves the voice."""
    phones, s = party(4)
    for place, room in enumerate(["one", "one", "two", None]):
        s.dial(f"leg{place}", NUMBERS[place])
        s.wait(Answered, f"leg{place}")
        if room:
            s.bridge(f"leg{place}", room=room)
    for phone, hertz in zip(phones, [[HERTZ[1]], [HERTZ[0]], [], []], strict=True):
        phone.wait_hearing(*hertz)
    s.bridge("leg0", room="two")
    for phone, hertz in zip(phones, [[HERTZ[2]], [], [HERTZ[0]], []], strict=True):
        phone.wait_hearing(*hertz)
