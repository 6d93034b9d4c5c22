"""Each new line of the page about moving from Python 2 runs, in its order, on the new client."""

import re

from integration.test_docs import run
from support.docs import ROOT

PAGE = "docs/moving-from-python-2.md"
ROW = re.compile(r"\| (?P<old>.+) \| `(?P<new>[^`]+)` \|")
GUIDE = """
res = Hoiio.voice.call('+6511111111', '+6522222222')
print res.is_success()
print 'The txn ref:', res.txn_ref
print 'Error:', res.status
res = Hoiio.voice.conference('+6511111111', '+6522222222', '+6533333333')
print res.room
print res.txn_refs
res = Hoiio.voice.conference('+6544444444', room='MY-ROOM')
res = Hoiio.voice.hangup('TX-4')
res = Hoiio.voice.status('TX-1234')
print res.txn_ref
print res.tag
print res.date
print res.dest1
print res.dest2
print res.call_status_dest1
print res.call_status_dest2
print res.duration
print res.currency
print res.rate
print res.debit
res = Hoiio.voice.history()
print res.total_entries_count
print res.entries_count
res = Hoiio.voice.history(page=2)
res = Hoiio.voice.rate('+6511111111', '+6522222222')
print res.talktime
""".strip().splitlines()
"""The lines of the original SDK's guide, but for what spans several of its lines."""


def rows():
    """(line in the page, old cell, new code) of its tables."""
    for number, line in enumerate((ROOT / PAGE).read_text().splitlines(), 1):
        if row := ROW.fullmatch(line):
            yield number, row["old"], row["new"]


def test_each_new_line_runs(tmp_path):
    todo = [
        {"line": number, "language": "python", "text": new, "commands": [], "runs": "moving"}
        for number, _old, new in rows()
    ]
    todo.insert(0, {**todo[0], "line": 1, "text": "from hoiio import Hoiio\n"})
    ran = run(PAGE, todo, tmp_path)
    assert ran.returncode == 0, ran.stderr


def test_every_line_of_the_guide_is_there():
    there = {old.strip("`") for _line, old, _new in rows()}
    assert [line for line in GUIDE if line not in there] == []
