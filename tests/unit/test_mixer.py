"""The mixer: who hears what, in numbers; and the thread's bookkeeping around it."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoiio.server.engines.embedded.concealment import FRAMES, conceal, resume
from hoiio.server.engines.embedded.config import Ringback
from hoiio.server.engines.embedded.loudness import Levels
from hoiio.server.engines.embedded.mixer import Mixer
from hoiio.server.engines.embedded.mixing import Part, lay_out, mix
from hoiio.server.engines.embedded.tones import (
    FRAME,
    RATE,
    Tone,
    alone_frames,
    ringback_frames,
)

TONE = ringback_frames(Ringback())
TONES = {Tone.RINGBACK: TONE, Tone.ALONE: alone_frames()}
HZ = [300, 440, 587, 733, 911, 1277, 1511, 1877]


class Studio:
    """Rooms, and what their people hear frame by frame; ``said`` gives each leg's whole wave."""

    def __init__(self, parts):
        self.plan = lay_out(parts)
        self.levels = Levels.fresh(len(self.plan.legs))
        self.tick = 0

    def hear(self, said, tones=TONES):
        frames = len(next(iter(said.values()))) // FRAME
        heard = [self._frame(said, at * FRAME, tones) for at in range(frames)]
        return dict(zip(self.plan.legs, np.concatenate(heard, axis=1), strict=True))

    def _frame(self, said, at, tones):
        self.tick += 1
        rows = np.array([said[leg][at : at + FRAME] for leg in self.plan.legs], np.int16)
        result, self.levels = mix(self.plan, rows, self.tick, tones, self.levels)
        return result


def heard(parts, said, tick=1, tones=TONES):
    """What each leg hears in a first frame, by leg, when each says one constant."""
    studio = Studio(parts)
    studio.tick = tick - 1
    waves = {leg: np.full(FRAME, level) for leg, level in said.items()}
    return {leg: wave[-1] for leg, wave in studio.hear(waves, tones).items()}


def tone(hz, level=-12.0, seconds=1.0):
    n = np.arange(int(seconds * RATE))
    return np.rint(32767 * 10 ** (level / 20) * np.sin(2 * np.pi * hz * n / RATE))


def silence(seconds=1.0):
    return np.zeros(int(seconds * RATE))


def decibels(wave):
    return 20 * np.log10(np.sqrt(np.mean(np.square(wave.astype(float)))) / 32767 * np.sqrt(2))


def room(people, **options):
    return [Part(str(person), "r", **options) for person in range(people)]


def test_everybody_hears_everybody_else():
    """Mix-minus: the room's sum without oneself, a voice alone at its own level."""
    parts = [Part(leg, "room") for leg in "abc"]
    assert heard(parts, {"a": 1000, "b": 0, "c": 0}) == {"a": 0, "b": 1000, "c": 1000}
    both = heard(parts, {"a": 1000, "b": 1000, "c": 0})
    assert (both["a"], both["b"]) == (1000, 1000)
    assert both["c"] == pytest.approx(2000 / 2**0.5, abs=1)


def test_rooms_and_lone_legs_do_not_mix():
    """A leg outside of any room hears nothing, even if its id is a room's."""
    parts = [Part("a", "x"), Part("b", "y"), Part("c", "x"), Part("x"), Part("d", "y")]
    said = {"a": 1, "b": 2, "c": 4, "x": 8, "d": 16}
    assert heard(parts, said) == {"a": 4, "c": 1, "b": 16, "d": 2, "x": 0}


def test_a_muted_leg_hears_and_is_not_heard():
    """Its voice reaches nobody, and lowers nobody else's."""
    parts = [Part("a", "r", muted=True), Part("b", "r"), Part("c", "r")]
    assert heard(parts, {"a": 9000, "b": 2000, "c": 0}) == {"a": 2000, "b": 0, "c": 2000}


def test_early_media_goes_one_way():
    """The listener hears the ringing leg; the ringing leg hears nothing."""
    parts = [Part("a", hears="b"), Part("b")]
    assert heard(parts, {"a": 5, "b": 7}) == {"a": 7, "b": 0}


def test_early_media_of_a_leg_without_audio_is_silence():
    """A source that is not in the mix is left out."""
    assert heard([Part("a", hears="gone")], {"a": 5}) == {"a": 0}


def test_a_tone_begins_with_its_first_frame():
    """The cadence is counted from the tick at which it began, and repeats; each tone is its own."""
    low = np.arange(1, 4, dtype=np.int16).reshape(3, 1).repeat(FRAME, 1)
    tones = {Tone.RINGBACK: low, Tone.ALONE: 10 * low}
    parts = [Part("a", tone=(Tone.RINGBACK, 10)), Part("b", "r", tone=(Tone.ALONE, 11))]
    said = {"a": 0, "b": 0}
    result = [heard(parts, said, tick, tones) for tick in range(11, 15)]
    assert [each["a"] for each in result] == [2, 3, 1, 2]
    assert [each["b"] for each in result] == [10, 20, 30, 10]


levels = st.integers(-32768, 32767)
rooms = st.dictionaries(
    st.integers(0, 40).map(str),
    st.tuples(st.none() | st.sampled_from("xyz"), st.booleans(), levels, levels),
    min_size=1,
    max_size=12,
)


@given(rooms)
@settings(deadline=None)
def test_nobody_hears_himself_another_room_or_a_muted_one(legs):
    """Whatever these say, what a leg hears stays the same."""
    parts = [Part(leg, room, muted) for leg, (room, muted, _, _) in legs.items()]
    before = heard(parts, {leg: level for leg, (_, _, level, _) in legs.items()})
    for listener, (where, _, _, _) in legs.items():
        said = {
            leg: level
            if leg != listener and room is not None and room == where and not muted
            else other
            for leg, (room, muted, level, other) in legs.items()
        }
        assert heard(parts, said)[listener] == before[listener]


@given(rooms)
@settings(deadline=None)
def test_one_other_is_heard_exactly(legs):
    """With one who may be heard there is no gain at all: every 16-bit value arrives as it was."""
    parts = [Part(leg, room, muted) for leg, (room, muted, _, _) in legs.items()]
    result = heard(parts, {leg: level for leg, (_, _, level, _) in legs.items()})
    for leg, (where, _, _, _) in legs.items():
        others = [
            level
            for other, (room, muted, level, _) in legs.items()
            if other != leg and room is not None and room == where and not muted
        ]
        if len(others) < 2:
            assert result[leg] == sum(others)


@given(
    st.lists(st.tuples(st.sampled_from(HZ), st.floats(-50, 0)), min_size=2, max_size=8),
    st.integers(0, 4),
)
@settings(deadline=None, max_examples=50)
def test_nothing_clips(voices, shift):
    """However many shout and whenever they begin: hardly a sample at full scale beyond theirs."""
    said = {
        str(index): np.roll(tone(hz, level, 0.4), shift * index * 111)
        for index, (hz, level) in enumerate(voices)
    }
    for leg, wave in Studio(room(len(voices))).hear(said).items():
        exact = sum(other for each, other in said.items() if each != leg)
        flat = np.abs(wave.astype(int)) >= 32767
        longest = max(map(len, "".join("x" if each else " " for each in flat).split()), default=0)
        assert longest <= max(3, int(len(voices) == 2) * len(flat))
        assert np.all((np.sign(wave) == np.sign(np.rint(exact))) | (np.abs(wave) <= 1))


@pytest.mark.parametrize("people", range(2, 9))
def test_one_voice_is_as_loud_whoever_listens(people):
    """Silent listeners, even with some noise of their line, lower nobody."""
    noise = np.random.default_rng(1).integers(-20, 21, RATE)
    said = {str(person): noise for person in range(people)} | {"0": tone(440)}
    for leg, wave in Studio(room(people)).hear(said).items():
        if leg != "0":
            assert decibels(wave[2000:]) == pytest.approx(-12, abs=0.1)


@pytest.mark.parametrize("people", range(2, 9))
def test_all_at_once_are_as_loud_as_one(people):
    """From two to eight people that all speak, the whole that each hears stays even."""
    said = {str(person): tone(HZ[person]) for person in range(people)}
    for wave in Studio(room(people)).hear(said).values():
        assert decibels(wave[2000:]) == pytest.approx(-12, abs=0.2)


def test_the_gain_glides():
    """A second voice that sets in and stops lets the level go down and up smoothly."""
    second = np.concatenate([silence(), np.full(RATE, 8000), silence()])
    said = {"0": np.full(3 * RATE, 8000), "1": second, "2": silence(3)}
    gain = Studio(room(3)).hear(said)["2"] / (said["0"] + said["1"])
    assert gain[RATE - 1] == 1
    assert gain[2 * RATE - 1] == pytest.approx(0.5**0.5, abs=0.001)
    assert gain[-1] == pytest.approx(1, abs=0.01)
    assert np.abs(np.diff(gain)).max() < 0.002


def test_levels_go_on_when_somebody_joins():
    """An arrangement of other legs changes nothing for those who were there."""
    said = {"0": tone(440), "1": tone(587), "2": silence()}
    before = Studio(room(3))
    before.hear(said)
    after = Studio([*room(3), Part("new", "other")])
    after.levels = before.levels.rearranged(after.plan.sources(before.plan))
    assert after.plan.sources(before.plan).tolist() == [-1, 0, 1, 2]
    assert after.levels.gain.tolist() == [1.0, *before.levels.gain]


def test_a_concealed_frame_goes_on_where_the_last_one_ended():
    """No step at any seam of a gap, silence after three frames, and a soft return."""
    wave = tone(440).astype(np.int16)
    last = wave[:FRAME]
    gap = [conceal(last, missing) for missing in range(FRAMES + 1)]
    after = wave[5 * FRAME + 70 :][:FRAME].copy()
    resume(after, last, FRAMES + 1)
    assert not gap[FRAMES].any()
    steepest = np.abs(np.diff(wave.astype(int))).max()
    assert np.abs(np.diff(np.concatenate([last, *gap, after]).astype(int))).max() <= steepest
    assert decibels(gap[0]) > -16
    assert decibels(gap[1]) < decibels(gap[0]) - 2


def test_the_alone_tone_is_quiet_short_and_comes_every_ten_seconds():
    """Heard within the first second, in no way startling, with soft edges."""
    wave = TONES[Tone.ALONE].reshape(-1).astype(int)
    assert len(wave) == 10 * RATE
    loud = np.flatnonzero(wave)
    assert 0.3 * RATE < loud[0] < loud[-1] < 1.5 * RATE
    assert -31 < decibels(wave[loud[0] : loud[-1]]) < -27
    assert np.abs(wave[: loud[0] + 10]).max() < 0.15 * wave.max()


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
    """Says these levels, one a frame, None for nothing; keeps what it was sent."""

    def __init__(self, *levels, full=False, late=0):
        self.levels = list(levels)
        self.full = full
        self.late = late
        self.sent = []

    def skim(self):
        self.late -= 1
        return self.late >= 0

    def read(self, row):
        level = self.levels.pop(0) if self.levels else None
        if level is not None:
            row.fill(level)
        return level is not None

    def write(self, row):
        self.sent.append(int(row[FRAME // 2]))
        return not self.full


def room_of(**lines):
    return {leg: (Part(leg, "r"), line) for leg, line in lines.items()}


def test_missing_frames_are_concealed_and_counted():
    """The last one fades to silence; only legs that have been heard can miss one."""
    a, b, mute = FakeLine(500, 600), FakeLine(*[0] * 9), FakeLine()
    mixer = Mixer(TONES)
    mixer.arrange(room_of(a=a, b=b, c=mute))
    for _ in range(6):
        mixer.step()
    assert b.sent[:2] == [500, 600]
    assert 600 > b.sent[2] > b.sent[3] > b.sent[4] > b.sent[5] == 0
    assert (mixer.stats.frames, mixer.stats.missing_frames) == (12, 4)


def test_a_pause_is_no_loss():
    """Of a gap the first fifth of a second counts: a phone may be on hold, or silent by choice."""
    a, b = FakeLine(500, *[None] * 40, 600), FakeLine(*[0] * 42)
    mixer = Mixer(TONES)
    mixer.arrange(room_of(a=a, b=b))
    for _ in range(42):
        mixer.step()
    assert (mixer.stats.frames, mixer.stats.missing_frames) == (42 + 12, 10)


def test_audio_that_comes_back_is_heard_again():
    """A gap ends with the next frame."""
    a, b = FakeLine(500, None, 700, 800), FakeLine()
    mixer = Mixer(TONES)
    mixer.arrange(room_of(a=a, b=b))
    for _ in range(4):
        mixer.step()
    assert b.sent[2:] == [700, 800]
    assert mixer.stats.missing_frames == 1


def test_what_piles_up_is_counted_as_dropped():
    """Whether a frame was not taken or was thrown away, it shows in the figures."""
    mixer = Mixer(TONES)
    mixer.arrange(room_of(a=FakeLine(1, full=True), b=FakeLine(1, 1, late=2)))
    mixer.step()
    assert mixer.stats.dropped_frames == 2
    mixer.step()
    assert mixer.stats.dropped_frames == 4


def test_a_leg_that_leaves_is_no_longer_heard():
    """The next tick follows the new arrangement."""
    a, b = FakeLine(5, 5), FakeLine(1, 1)
    mixer = Mixer(TONES)
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
    mixer = Mixer(TONES)
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
    mixer = Mixer(TONES)
    mixer.arrange(room_of(a=line))
    seconds = run_for_half_a_second(mixer)
    assert mixer.stats.skipped_ticks >= 5
    assert mixer.tick == mixer.stats.ticks + mixer.stats.skipped_ticks
    assert abs(mixer.tick - seconds / 0.02) <= 6
