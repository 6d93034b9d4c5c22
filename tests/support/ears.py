"""Judges what a phone heard over a while, second by second."""

from statistics import median

SETTLING = 2
"""Seconds left out at the start: one that had begun before, one with a call just being joined."""


class Ears:
    """From its making on: ``Ears(phone, 600)`` expects this tone and no other at an even level."""

    def __init__(self, phone, *hertz):
        self.phone = phone
        self.hertz = hertz
        self.begin = len(phone.events)

    def seconds(self):
        told = self.phone.events[self.begin :]
        return [each["tones"] for each in told if each["event"] == "hearing"][SETTLING:]

    def check(self, at_least, decibels=1.0):
        """Every second so far had these tones, none else, none louder or fainter than usual."""
        heard = self.seconds()
        assert len(heard) >= at_least, f"only {len(heard)} seconds were heard"
        for place, hz in enumerate(sorted(self.hertz)):
            levels = []
            for second in heard:
                tones = sorted(second, key=lambda tone: tone["hz"])
                assert len(tones) == len(self.hertz), f"{self.phone.number} heard {second}"
                assert abs(tones[place]["hz"] - hz) <= 0.03 * hz, f"no {hz} Hz in {second}"
                levels.append(tones[place]["level"])
            usual = median(levels)
            off = max(abs(level - usual) for level in levels)
            assert off <= decibels, f"{self.phone.number}: {hz} Hz {off:.1f} dB off in {levels}"
