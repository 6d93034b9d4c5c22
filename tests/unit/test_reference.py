"""The reference is what the docstrings say, and nothing public is missing from it."""

import importlib.util

import pytest

import hoiio
from support.docs import ROOT

pytest.importorskip("pyreqwest")  # its transport is in the reference
SPEC = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
reference = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(reference)
TEXT = reference.PAGE.read_text()


def test_the_page_is_what_the_docstrings_say():
    assert reference.page(TEXT) == TEXT, "make reference"


def test_every_public_name_is_there():
    assert [name for name in hoiio.__all__ if f"`{name}`" not in TEXT and name not in TEXT] == []


@pytest.mark.parametrize("owner", [hoiio.Response, hoiio.AsyncResponse, hoiio.Notification])
def test_every_attribute_is_there(owner):
    names = [name for name in dir(owner) if not name.startswith("_")]
    assert [name for name in names if f"{name}`" not in TEXT and f"{name}(" not in TEXT] == []


def test_no_field_is_without_a_meaning():
    assert [line for line in TEXT.splitlines() if line.endswith("|  |")] == []


def test_a_page_without_its_marks_is_refused():
    with pytest.raises(ValueError, match="not enough values"):
        reference.page("# A page")
