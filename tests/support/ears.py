"""Judges what a phone heard over a while, second by second."""

from statistics import median

SETTLING = 2
"""Seconds left out at the start: one that had begun before, one with a call just being joined."""

SMEAR_HERTZ, SMEAR_DECIBELS = 50, 12
"""How near and how much fainter is what a concealed frame smears a tone into."""


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
        """Every second so far had these tones, none else, none louder or fainter than usual.

        A frame that comes late on a busy machine is concealed, and the jump in phase smears the
        tone into its neighbourhood for that second; one second in eight may have that, no more.
        """
        heard = self.seconds()
        assert len(heard) >= at_least, f"only {len(heard)} seconds were heard"
        plain = [without_smear(second) for second in heard]
        smeared = [second for second, rest in zip(heard, plain, strict=True) if second != rest]
        assert len(smeared) <= max(1, len(heard) // 8), f"{self.phone.number} heard {smeared}"
        for place, hz in enumerate(sorted(self.hertz)):
            levels = []
            for second in plain:
                tones = sorted(second, key=lambda tone: tone["hz"])
                assert len(tones) == len(self.hertz), f"{self.phone.number} heard {second}"
                assert abs(tones[place]["hz"] - hz) <= 0.03 * hz, f"no {hz} Hz in {second}"
                levels.append(tones[place]["level"])
            usual = median(levels)
            off = max(abs(level - usual) for level in levels)
            assert off <= decibels, f"{self.phone.number}: {hz} Hz {off:.1f} dB off in {levels}"


def without_smear(tones):
    """The tones of a second without those that lie beside a much louder one."""
    return [
        tone
        for tone in tones
        if not any(
            other["level"] - tone["level"] > SMEAR_DECIBELS
            and abs(other["hz"] - tone["hz"]) <= SMEAR_HERTZ
            for other in tones
        )
    ]
