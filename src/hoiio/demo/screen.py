"""How the demo looks on a terminal: numbered steps, code that a reader would type, and facts."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table


class Screen:
    """Prints as things happen; plain text where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps = 0

    def step(self, title: str) -> None:
        """Begin the next part of the story."""
        self._steps += 1
        self._console.print(f"\n[bold cyan]{self._steps}. {escape(title)}[/]")

    def command(self, line: str) -> None:
        """What a user types into a shell."""
        self._print(f"   [dim]$ {escape(line)}[/]")

    def code(self, line: str) -> None:
        """What a user writes in Python."""
        self._print(f"   [yellow]>>> {escape(line)}[/]")

    def fact(self, text: str) -> None:
        """What was really seen."""
        self._print(f"   [green]✓[/] {escape(text)}")

    def paste(self, line: str) -> None:
        """Something to copy, without anything before it."""
        self._print(f"[yellow]{escape(line)}[/]")

    def note(self, text: str) -> None:
        """Something that happens meanwhile."""
        self._print(f"   {escape(text)}")

    def table(self, rows: Mapping[str, str]) -> None:
        """Names and values under each other."""
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 3))
        for name, value in rows.items():
            table.add_row(f"[dim]{escape(name)}[/]", escape(value))
        self._console.print(table)

    def done(self, text: str) -> None:
        """The last line, when all went well."""
        self._print(f"\n[bold green]{escape(text)}[/]")

    def failed(self, text: str) -> None:
        """The last line, when something was not seen."""
        self._print(f"\n[bold red]not seen:[/] {escape(text)}")

    def _print(self, markup: str) -> None:
        self._console.print(markup, highlight=False, soft_wrap=True)
