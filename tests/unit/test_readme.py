"""The index of promises names files and tests that are there."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROW = re.compile(r"\| .+ \| \[(?P<file>\S+)\]\((?P=file)\) \| (?:`(?P<test>\w+)`)? *\|")
TABLES = [
    line
    for line in (TESTS / "README.md").read_text().splitlines()
    if line.startswith("|") and not line.startswith(("| Promise", "|---"))
]


@pytest.mark.parametrize("line", TABLES)
def test_a_promise_is_tried_where_the_index_says(line):
    row = ROW.fullmatch(line)
    assert row is not None
    text = (TESTS / row["file"]).read_text()
    if row["test"]:
        assert re.search(rf"^(async )?def {row['test']}\(", text, re.MULTILINE)
