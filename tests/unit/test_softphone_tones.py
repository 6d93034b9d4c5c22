"""What a phone says it hears, against tones whose frequency and level are known."""

import numpy as np
import pytest

from hoiio.softphone import tones


def sine(hz, level, seconds=1.0, start=0.0):
    n = np.arange(round(seconds * tones.RATE)) + start * tones.RATE
    return 10 ** (level / 20) * np.sin(2 * np.pi * hz * n / tones.RATE + 0.3)


def pcm(signal):
    return np.clip(np.rint(signal * 32767), -32768, 32767).astype(np.int16)


def heard(signal):
    return [(round(tone.hz), tone.level) for tone in tones.heard(pcm(signal))]


@pytest.mark.parametrize("hz", [50, 350.5, 440, 620.3, 1000.7, 2999.5, 3400])
@pytest.mark.parametrize("level", [0, -12, -39])
def test_one_tone_is_one_tone_at_its_level(hz, level):
    """Also where the frequency falls between two bins: nothing is lost to the window."""
    (tone,) = tones.heard(pcm(sine(hz, level)))
    assert tone.hz == pytest.approx(hz, abs=0.6)
    assert tone.level == pytest.approx(level, abs=0.5)


@pytest.mark.parametrize("seconds", [0.3, 0.61, 0.98, 1.02])
def test_a_shorter_or_longer_second_measures_the_same(seconds):
    (tone,) = tones.heard(pcm(sine(440, -12, seconds)))
    assert tone.hz == pytest.approx(440, abs=1)
    assert tone.level == pytest.approx(-12, abs=0.5)


def test_several_tones_at_once_come_loudest_first():
    signal = sine(440, -20) + sine(600, -12) + sine(465, -26) + sine(2500, -38)
    assert [hz for hz, _ in heard(signal)] == [600, 440, 465, 2500]
    assert [level for _, level in heard(signal)] == pytest.approx([-12, -20, -26, -38], abs=0.5)


def test_only_what_is_above_the_threshold_is_heard():
    assert heard(sine(440, -41)) == []
    assert [hz for hz, _ in heard(sine(440, -39.5))] == [440]


def test_silence_and_next_to_nothing_have_no_tones():
    assert heard(np.zeros(8000)) == []
    assert tones.heard(pcm(sine(440, -12, 0.1))) == []
    assert tones.heard(np.array([], dtype=np.int16)) == []


@pytest.mark.parametrize("level", [-50, -30, -10])
@pytest.mark.parametrize("seed", range(5))
def test_noise_has_no_tones(level, seed):
    noise = np.random.default_rng(seed).normal(0, 10 ** (level / 20) / np.sqrt(2), 8000)
    assert heard(noise) == []


def test_a_tone_is_heard_through_noise():
    noise = np.random.default_rng(1).normal(0, 0.02, 8000)
    ((hz, level),) = heard(sine(440, -12) + noise)
    assert hz == 440
    assert level == pytest.approx(-12, abs=0.5)


def test_clipping_adds_harmonics_and_nothing_else():
    """A tone twice too loud is nearly a square: its fundamental, and odd multiples of it."""
    found = heard(2 * sine(500, 0))
    assert found[0][0] == 500
    assert found[0][1] == pytest.approx(20 * np.log10(1.218), abs=0.3)
    assert {hz % 1000 for hz, _ in found} == {500}


@pytest.mark.parametrize("begins", [0.25, 0.5, 0.75])
def test_a_tone_that_begins_midway_is_still_one_tone(begins):
    signal = sine(440, -12)
    signal[: round(begins * 8000)] = 0
    assert [hz for hz, _ in heard(signal)] in ([440], [439], [441])


@pytest.mark.parametrize(("begins", "ends"), [(800, 1600), (800, 2000), (1200, 2000)])
def test_a_loud_tone_with_a_pause_in_it_does_not_spill_over(begins, ends):
    signal = sine(440, 0)
    signal[begins:ends] = 0
    assert [hz for hz, _ in heard(signal)] == [440]


def test_a_lost_packet_does_not_split_a_tone():
    signal = sine(440, -12, 1.02)
    assert [hz for hz, _ in heard(np.delete(signal, slice(4000, 4160)))] == [440]
    signal[4000:4160] = 0
    assert [hz for hz, _ in heard(signal)] == [440]


def test_what_is_too_low_to_be_a_tone_is_left_out():
    assert heard(sine(3, -12)) == []


def test_a_constant_offset_is_no_tone():
    assert heard(np.full(8000, 0.25)) == []


def test_frames_join_into_one_tone_at_the_playing_level():
    """What is played frame by frame is heard as one clean tone 12 dB below full scale."""
    frames = b"".join(tones.play(620.5, n) for n in range(0, 8000, tones.FRAME))
    (tone,) = tones.heard(np.frombuffer(frames, dtype=np.int16))
    assert len(frames) == 16000
    assert tone.hz == pytest.approx(620.5, abs=0.1)
    assert tone.level == pytest.approx(tones.PLAY_LEVEL, abs=0.1)
