"""What the database says after the soak, read from its file."""

import json
from collections import Counter

from integration.storage.store import ask
from integration.storage.store import problems as audited

AUDIO = "engine.audio"


def problems(data, placed):
    """What ``hoiio admin audit`` finds; then records and settlements against what was asked."""
    yield from (f"the audit: {problem}" for problem in audited(data))
    refs = [ref for (ref,) in ask(data, "SELECT ref FROM calls")]
    if sorted(refs) != sorted(placed):
        yield f"{len(refs)} records for {len(placed)} calls that were placed"
    yield from (
        f"{ref}: still live" for (ref,) in ask(data, "SELECT ref FROM calls WHERE live = 1")
    )
    wrong = ask(data, "SELECT ref FROM calls WHERE debit <> duration * (rate1 + rate2)")
    yield from (f"{ref}: its debit is not duration x rate" for (ref,) in wrong)
    wrong = ask(
        data,
        """SELECT ref FROM calls WHERE
        (SELECT count(*) FROM ledger WHERE call = calls.id AND kind = 'hold') < max(1, duration)""",
    )
    yield from (f"{ref}: a minute was not held" for (ref,) in wrong)
    if ask(data, "SELECT * FROM rooms"):
        yield "a room outlived its people"


def notified(posts, placed):
    """Problems: calls whose end was not told exactly once."""
    told = Counter(posts)
    for ref in placed:
        if told[ref] != 1:
            yield f"{ref}: notified {told[ref]} times"


def log_problems(text):
    """Problems: what the service logged as an error, or as a warning of more than its audio."""
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            yield f"a line of the log that is none: {line[:200]}"
            continue
        if entry.get("level") != "info" and entry.get("event") != AUDIO:
            yield f"logged: {line[:300]}"


def audio(text):
    """Frames of audio that the engine carried, how many were missing, and its latest tick in ms."""
    lines = [json.loads(line) for line in text.splitlines() if f'"{AUDIO}"' in line]
    sums = (sum(line[name] for line in lines) for name in ("frames", "missing"))
    return *sums, max((line["late_max_ms"] for line in lines), default=0.0)
