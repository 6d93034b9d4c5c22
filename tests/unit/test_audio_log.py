"""What an operator is told of the audio: a line a minute, and when it is a warning."""

from contextlib import contextmanager

from structlog.testing import capture_logs

from hoiio.server.engines.embedded.audio_log import AudioLog
from hoiio.server.engines.embedded.messages import MixerStats, Stats
from hoiio.wire import MICROS


@contextmanager
def told():
    """A log of a child, and the lines that it writes."""
    with capture_logs() as lines:
        yield AudioLog(7), lines


def report(second, frames=0, missing=0, late=0, dropped=0):
    mixer = MixerStats(
        frames=frames, missing_frames=missing, dropped_frames=dropped, late_max_us=late
    )
    return Stats(second * MICROS, 2, 1, mixer)


def test_a_line_a_minute_counts_from_the_last_one():
    """Nothing within the minute; then its frames, what was missing, and its latest tick."""
    with told() as (log, lines):
        log.take(report(0))
        log.take(report(30, 3000, 1, late=9000))
        log.take(report(59, 5900, 3, late=1000))
        assert lines == []
        log.take(report(60, 6000, 4, late=2000, dropped=5))
        log.take(report(120, 12_000, 6, late=3000, dropped=6))
    assert [line["event"] for line in lines] == ["engine.audio"] * 2
    names = ("frames", "missing", "dropped", "late_max_ms", "legs", "pid")
    assert [tuple(line[name] for name in names) for line in lines] == [
        (6000, 4, 5, 9.0, 2, 7),
        (6000, 2, 1, 3.0, 2, 7),
    ]


def test_a_minute_without_calls_is_not_worth_a_line():
    """A child with no audio in the last minute writes nothing."""
    with told() as (log, lines):
        for second in range(0, 300, 30):
            log.take(report(second, 100))
        log.tell()
    assert len(lines) == 1


def test_more_than_one_in_a_hundred_missing_is_a_warning():
    """The share of the last minute counts, not that of the child's whole life."""
    with told() as (log, lines):
        log.take(report(0))
        log.take(report(60, 10_000, 100))
        log.take(report(120, 20_000, 201))
    assert [line["log_level"] for line in lines] == ["info", "warning"]


def test_the_last_minute_of_a_child_is_told_at_its_end():
    """Whatever was carried since the last line is told, once."""
    with told() as (log, lines):
        log.take(report(0))
        log.take(report(10, 500, 3))
        log.tell()
        log.tell()
    assert [line["frames"] for line in lines] == [500]
