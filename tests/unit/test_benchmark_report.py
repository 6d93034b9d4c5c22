"""What a benchmark's report promises its reader: no aim is called reached that was not."""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from client_rivals import against, at_most
from kit.chart import OURS, Panel, chart
from kit.report import BEGIN, END, aims_table, replaced, table
from kit.rounds import medians, ratio


def test_an_aim_is_reached_at_its_limit_and_missed_beyond():
    """Most and least alike."""
    assert at_most("x", 1.15, 1.15, "us").reached
    assert at_most("x", 1.16, 1.15, "us").reached is False
    assert against("x", 0.6, 0.6, "them").reached
    assert against("x", 0.61, 0.6, "them").reached is False
    assert against("x", 2.0, 2, "them", least=True).reached
    assert against("x", 1.99, 2, "them", least=True).reached is False


def test_what_was_not_measured_is_not_reached():
    """It says so."""
    aim = against("x", None, 2, "them")
    assert aim.reached is None
    assert "| not measured |" in aims_table([aim])


def test_a_missed_aim_stands_out():
    """In bold, in the row of its aim."""
    assert "| **missed** |" in aims_table([at_most("x", 2, 1, "us")])


def test_ratios_are_of_the_same_round():
    """A round in which the machine was busy changes both, and so not the ratio."""
    mine, theirs = [(2.0,), (20.0,), (4.0,)], [(1.0,), (10.0,), (2.0,)]
    assert ratio(mine, theirs, 0) == 2.0
    assert medians(mine) == (4.0,)


def test_only_what_stands_between_the_marks_is_replaced():
    """However often."""
    document = f"before {BEGIN} old {END} after"
    once = replaced(document, "new")
    assert once == f"before {BEGIN}\n\nnew\n\n{END} after"
    assert replaced(once, "new") == once


@pytest.mark.parametrize("document", ["", BEGIN, END, f"{END} {BEGIN}"])
def test_a_document_without_marks_is_left_alone(document):
    """It is an error."""
    with pytest.raises(ValueError, match="has no"):
        replaced(document, "new")


def test_a_table_has_as_many_marks_as_columns():
    """Of three columns here."""
    head, marks, row = table(("", "a", "b"), [("x", 1, 2)]).splitlines()
    assert head.count("|") == marks.count("|") == row.count("|") == 4


def test_the_chart_is_wellformed_and_true_to_scale():
    """Bars are as long as their figures, whatever the names hold."""
    drawn = chart([Panel("a < b & c", "less", {"hoiio": 50.0, "<them>": 100.0})])
    root = ET.fromstring(drawn)
    bars = list(root.iter("{http://www.w3.org/2000/svg}rect"))[1:]
    ours, theirs = (int(bar.get("width")) for bar in bars)
    assert theirs == 2 * ours
    assert bars[0].get("fill") == OURS
    assert "<them>" in {it.text for it in root.iter("{http://www.w3.org/2000/svg}text")}


def test_a_chart_of_nothing_is_still_one():
    """As when all contenders were left out."""
    assert ET.fromstring(chart([Panel("a", "b", {})])).tag.endswith("svg")
