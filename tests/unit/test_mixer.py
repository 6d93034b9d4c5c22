"""The mixer: who hears what, in numbers; and the thread's bookkeeping around it."""

import threading
import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hoiio.server.engines.embedded.config import Ringback
from hoiio.server.engines.embedded.mixer import Mixer
from hoiio.server.engines.embedded.mixing import Part, lay_out, mix
from hoiio.server.engines.embedded.ringback import FRAME, RATE, ringback_frames

TONE = ringback_frames(Ringback())


def heard(parts, said, tick=1, tone=TONE):
    """What each leg hears, by leg, when each says one constant."""
    plan = lay_out(parts)
    frames = np.array([[said[leg]] * FRAME for leg in plan.legs], np.int16)
    return {leg: row[0] for leg, row in zip(plan.legs, mix(plan, frames, tick, tone), strict=True)}


def test_everybody_hears_everybody_else():
    """Mix-minus: the room's sum without oneself."""
    parts = [Part(leg, "room") for leg in "abc"]
    assert heard(parts, {"a": 1, "b": 20, "c": 300}) == {"a": 320, "b": 301, "c": 21}


def test_rooms_and_lone_legs_do_not_mix():
    """A leg outside of any room hears nothing, even if its id is a room's."""
    parts = [Part("a", "x"), Part("b", "y"), Part("c", "x"), Part("x"), Part("d", "y")]
    said = {"a": 1, "b": 2, "c": 4, "x": 8, "d": 16}
    assert heard(parts, said) == {"a": 4, "c": 1, "b": 16, "d": 2, "x": 0}


def test_a_muted_leg_hears_and_is_not_heard():
    """Its own voice is taken from nobody's mix."""
    parts = [Part("a", "r", muted=True), Part("b", "r"), Part("c", "r")]
    assert heard(parts, {"a": 100, "b": 20, "c": 3}) == {"a": 23, "b": 3, "c": 20}


def test_loud_voices_are_clipped_not_wrapped():
    """Sums beyond 16 bits saturate at both ends."""
    parts = [Part(leg, "r") for leg in "abc"]
    assert heard(parts, {"a": 30000, "b": 30000, "c": -30000})["c"] == 32767
    assert heard(parts, {"a": -30000, "b": -30000, "c": 0})["c"] == -32768


def test_early_media_goes_one_way():
    """The listener hears the ringing leg; the ringing leg hears nothing."""
    parts = [Part("a", hears="b"), Part("b")]
    assert heard(parts, {"a": 5, "b": 7}) == {"a": 7, "b": 0}


def test_early_media_of_a_leg_without_audio_is_silence():
    """A source that is not in the mix is left out."""
    assert heard([Part("a", hears="gone")], {"a": 5}) == {"a": 0}


def test_the_ringback_tone_begins_with_its_first_frame():
    """The cadence is counted from the tick at which it began, and repeats."""
    tone = np.arange(1, 4, dtype=np.int16).reshape(3, 1).repeat(FRAME, 1)
    listener = [Part("a", tone_from=10)]
    said = {"a": 0}
    assert [heard(listener, said, tick, tone)["a"] for tick in range(10, 15)] == [1, 2, 3, 1, 2]


rooms = st.dictionaries(
    st.integers(0, 40).map(str),
    st.tuples(st.none() | st.sampled_from("xyz"), st.booleans(), st.integers(-32768, 32767)),
    min_size=1,
    max_size=12,
)


@given(rooms)
def test_any_arrangement_agrees_with_the_definition(legs):
    """The one-step mix equals the plain sum over the others, for every arrangement."""
    parts = [Part(leg, room, muted) for leg, (room, muted, _) in legs.items()]
    result = heard(parts, {leg: level for leg, (_, _, level) in legs.items()})
    for leg, (room, _, _) in legs.items():
        total = sum(
            level
            for other, (where, muted, level) in legs.items()
            if other != leg and room is not None and where == room and not muted
        )
        assert result[leg] == max(-32768, min(32767, total))


def test_the_default_ringback_is_singapores():
    """425 Hz modulated by 24 Hz: 0.4 s on, 0.2 off, 0.4 on, 2.0 off."""
    wave = TONE.reshape(-1)
    assert len(wave) == 3 * RATE
    loud = [bool(np.abs(wave[int(t * RATE) :][:400]).max() > 500) for t in (0.1, 0.45, 0.7, 1.5)]
    assert loud == [True, False, True, False]
    spectrum = np.abs(np.fft.rfft(wave[: int(0.4 * RATE)]))
    strongest = sorted(float(bin_) / 0.4 for bin_ in np.argsort(spectrum)[-2:])
    assert all(abs(found - wanted) < 3 for found, wanted in zip(strongest, (401, 449), strict=True))


class FakeLine:
    """Says these levels, one a frame, then nothing; keeps what it was sent."""

    def __init__(self, *levels, full=False):
        self.levels = list(levels)
        self.full = full
        self.sent = []

    def read(self, row):
        if not self.levels:
            return False
        row.fill(self.levels.pop(0))
        return True

    def write(self, row):
        self.sent.append(int(row[0]))
        return not self.full


def room_of(**lines):
    return {leg: (Part(leg, "r"), line) for leg, line in lines.items()}


def test_a_missing_frame_is_silence_and_is_counted():
    """Only legs that have been heard can miss one; nothing of the last frame is repeated."""
    a, b, mute = FakeLine(5, 6), FakeLine(1, 1, 1), FakeLine()
    mixer = Mixer(TONE)
    mixer.arrange(room_of(a=a, b=b, c=mute))
    for _ in range(3):
        mixer.step()
    assert b.sent == [5, 6, 0]
    assert (mixer.stats.frames, mixer.stats.missing_frames) == (6, 1)


def test_a_full_buffer_is_counted_as_dropped():
    """A frame that was not taken shows in the figures."""
    mixer = Mixer(TONE)
    mixer.arrange(room_of(a=FakeLine(1, full=True), b=FakeLine(1)))
    mixer.step()
    assert mixer.stats.dropped_frames == 1


def test_a_leg_that_leaves_is_no_longer_heard():
    """The next tick follows the new arrangement."""
    a, b = FakeLine(5, 5), FakeLine(1, 1)
    mixer = Mixer(TONE)
    mixer.arrange(room_of(a=a, b=b))
    mixer.step()
    mixer.arrange(room_of(b=b))
    mixer.step()
    assert (a.sent, b.sent) == ([1], [5, 0])


def run_for_half_a_second(mixer):
    began = time.monotonic()
    mixer.start()
    time.sleep(0.5)
    mixer.stop()
    return time.monotonic() - began


def test_the_thread_keeps_time():
    """About 50 ticks a second, and none after ``stop``."""
    mixer = Mixer(TONE)
    seconds = run_for_half_a_second(mixer)
    ticks = mixer.tick
    assert abs(ticks - seconds / 0.02) <= 6
    assert "mixer" not in {thread.name for thread in threading.enumerate()}
    time.sleep(0.05)
    assert mixer.tick == ticks


class SlowLine(FakeLine):
    """Holds the mixer up once, for 200 ms."""

    def read(self, row):
        if self.levels:
            time.sleep(0.2)
        return super().read(row)


def test_hopelessly_late_ticks_are_skipped():
    """After a standstill the mixer goes on at its pace instead of sending all at once."""
    line = SlowLine(1)
    mixer = Mixer(TONE)
    mixer.arrange(room_of(a=line))
    seconds = run_for_half_a_second(mixer)
    assert mixer.stats.skipped_ticks >= 5
    assert mixer.tick == mixer.stats.ticks + mixer.stats.skipped_ticks
    assert abs(mixer.tick - seconds / 0.02) <= 6
