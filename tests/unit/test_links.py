"""Links between the pages lead somewhere, and every page is within reach of the README."""

import re

import pytest

from support.docs import PAGES, ROOT

LINK = re.compile(r"\]\((?!https?:)(?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINKING = [*PAGES, ROOT / "CHANGELOG.md", ROOT / "tests" / "README.md"]


def anchors(page):
    """Of a page's headings, as GitHub makes them."""
    prose = FENCED.sub("", page.read_text())
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def links(page):
    """(the file it leads to, its anchor or None) of each."""
    for link in LINK.finditer(FENCED.sub("", page.read_text())):
        target = (page.parent / link["path"]).resolve() if link["path"] else page
        yield target, link["anchor"]


@pytest.mark.parametrize("page", LINKING, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    for target, anchor in links(page):
        assert target.exists(), target
        assert anchor is None or anchor in anchors(target), f"{target.name}#{anchor}"


def test_every_page_is_in_the_readme():
    linked = {target for target, _anchor in links(ROOT / "README.md")}
    assert [page.name for page in PAGES if page not in linked and page.name != "README.md"] == []


def test_links_and_anchors_are_found(tmp_path):
    page = tmp_path / "x.md"
    page.write_text("# A `b`, c\n[a](#a-b-c) [b](y.md#z) [c](https://x.y/z)\n```\n[d](e)\n```\n")
    assert anchors(page) == {"a-b-c"}
    assert list(links(page)) == [(page, "a-b-c"), (tmp_path / "y.md", "z")]
