"""Figures as Markdown: tables, aims with what was reached, and where in a document they stand."""

import platform
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


@dataclass(frozen=True)
class Aim:
    """``reached`` None: not measured, as what it needs is not installed."""

    what: str
    measured: str
    aim: str
    reached: bool | None

    @property
    def verdict(self):
        return {True: "reached", False: "**missed**", None: "not measured"}[self.reached]


def table(head, rows):
    """A Markdown table; all columns but the first are aligned right."""
    marks = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in [head, marks, *rows])


def aims_table(aims):
    rows = [(aim.what, aim.measured, aim.aim, aim.verdict) for aim in aims]
    return table(("What", "Measured", "Aim", ""), rows)


def machine():
    """Processor, cores and interpreter."""
    model, cores = platform.processor() or platform.machine(), 0
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        cores += name.strip() == "processor"
        if name.strip() == "model name":
            model = value.strip()
    interpreter = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{model}, {cores} cores; {platform.system()}; {interpreter}"


def replaced(document, text):
    """The document with this text between the marks."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"
