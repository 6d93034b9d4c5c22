"""The pages of the documentation, taken apart into their code blocks."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHELL = {"console", "bash"}
LANGUAGES = SHELL | {"python", "toml", "csv", "text"}
"""What a block may be; ``text`` is for what nothing can run."""

_FENCE = re.compile(r" *```(?P<language>\S*)")
_COMMENT = re.compile(r"(^| )# .*")
_MARKER = re.compile(r"<!-- runs: (?P<name>[a-z-]+) -->")


@dataclass(frozen=True)
class Block:
    """One block; ``line`` is its first in the page, ``runs`` what the comment before it says."""

    page: str
    line: int
    language: str
    text: str
    runs: str

    @property
    def place(self):
        return f"{self.page}:{self.line}"

    @property
    def commands(self):
        """A console block's, continued lines as one, without comments, prompts and output."""
        whole = self.text.replace("\\\n", " ")
        lines = [_COMMENT.sub("", line).strip() for line in whole.splitlines()]
        prompted = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        return prompted or [line for line in lines if line]


def blocks(page):
    """All blocks of a page, in its order."""
    found, opened, marker = [], None, "client"
    name = page.relative_to(ROOT).as_posix()
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = _FENCE.fullmatch(line)
        if opened is not None and line.strip() == "```":
            language, first, text = opened
            found.append(Block(name, first, language, "\n".join(text) + "\n", marker))
            opened, marker = None, "client"
        elif opened is not None:
            opened[2].append(line)
        elif fence:
            opened = (fence["language"], number + 1, [])
        elif mark := _MARKER.fullmatch(line):
            marker = mark["name"]
    assert opened is None, f"{name}: a block is not closed"
    return found


def indented(page):
    """Lines of blocks that are only indented, which say no language and would not be run."""
    lines, inside = page.read_text().splitlines(), False
    for number, line in enumerate(lines[1:], 2):
        if line.strip().startswith("```"):
            inside = not inside
        elif not inside and line.startswith("    ") and not lines[number - 2].strip():
            yield f"{page.relative_to(ROOT)}:{number}"
