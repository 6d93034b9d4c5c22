"""The client beside other SDKs and the bare HTTP libraries: imports, requests, a long history.

    python benchmarks/client_rivals.py

All ask the same local server, each from a process of its own, in turns of one run. It prints its
report, and writes it into ``docs/benchmarks.md`` and ``docs/benchmarks.svg``.
"""

import importlib.metadata
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path

from kit import imports
from kit.answering import ENTRIES, size
from kit.chart import Panel, chart
from kit.contenders import AT_ONCE, CONTENDERS
from kit.local import Program, Turns
from kit.report import Aim, aims_table, machine, replaced, table
from kit.rounds import medians, ratio, turns
from kit.size import QUICK, sized

DOCS = Path(__file__).parents[1] / "docs"
ROUNDS = sized(15, 1)
SECONDS = sized(0.4, 0.02)
"""About what a turn takes."""

LEAST = {"sync": sized(100, 5), "async": sized(200, AT_ONCE)}
"""Requests of the shortest turn."""

GROWTH = 1.0
"""MB within which memory counts as flat; a single page of entries is about a third of it."""

CPU, MODULES, MEMORY = 0, 1, 2
RATE = 1


def installed(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def versions():
    """Those that are compared, and those left out."""
    needed = {name for contender in CONTENDERS.values() for name in contender.needs}
    found = {name: installed(name) for name in sorted(needed)}
    return {name: it for name, it in found.items() if it}, [n for n, it in found.items() if not it]


def import_costs(missing):
    """``{name: [(CPU ms, modules, MB), …]}`` of every import."""
    ways = {
        name: lambda statement=statement: imports.cost(statement)
        for name, statement in imports.STATEMENTS.items()
        if not any(left_out in statement for left_out in missing)
    }
    turns(ways, 1)  # compiles what was not compiled yet
    return turns(ways, ROUNDS)


def request_costs(url, names, way):
    """``{name: [(CPU us, requests a second), …]}`` of every contender."""
    with ExitStack() as running:
        contenders = (Turns(name, url, way, SECONDS, LEAST[way]) for name in names)
        ready = {
            name: running.enter_context(it) for name, it in zip(names, contenders, strict=True)
        }
        for it in ready.values():
            it.fit()
        return turns({name: it.turn for name, it in ready.items()}, ROUNDS)


def history(url, transport):
    """Microseconds of CPU an entry; MB of memory early and late in the walk."""
    with Program("walk.py", url, transport) as program:
        told = program.line()
    if told["entries"] != ENTRIES:
        raise ValueError(f"{told['entries']} entries of {ENTRIES}")
    return told["cpu"] / told["entries"] * 1e6, told["early"], told["late"]


def histories(url):
    """The medians of each transport's."""
    ways = {name: lambda name=name: history(url, name) for name in ("httpx2", "pyreqwest")}
    return {name: medians(found) for name, found in turns(ways, sized(3, 1)).items()}


def times(found, mine, theirs, figure):
    """How often theirs mine is; None when either was left out."""
    if mine not in found or theirs not in found:
        return None
    return ratio(found[mine], found[theirs], figure)


def at_most(what, value, limit, unit):
    return Aim(what, f"{value:.2f} {unit}", f"at most {limit:g} {unit}", value <= limit)


def against(what, value, limit, whom, *, least=False):
    aim = f"at {'least' if least else 'most'} {limit:g} × {whom}"
    if value is None:
        return Aim(what, "–", aim, None)
    return Aim(what, f"{value:.2f} × {whom}", aim, value >= limit if least else value <= limit)


def judged(imported, sync, flooded, walked):
    """Every figure with its aim."""
    own, literal = medians(imported["hoiio"]), medians(imported["import hoiio"])
    entry = f"CPU of an entry, {ENTRIES:,} iterated"
    grown = max(0.0, *(late - early for _, early, late in walked.values()))
    request, many = "CPU of a request", f"requests a second, {AT_ONCE} in flight"
    return [
        at_most("CPU of `import hoiio`", literal[CPU], 40, "ms"),
        against("", times(imported, "import hoiio", "twilio", CPU), 0.2, "`import twilio.rest`"),
        at_most("modules of `from hoiio import Client, Hoiio`", own[MODULES], 99, "modules"),
        at_most("memory that it adds", own[MEMORY], 6, "MB"),
        against(f"{request}, `httpx2`", times(sync, "hoiio", "httpx2", CPU), 1.15, "bare httpx2"),
        against("", times(sync, "hoiio", "twilio", CPU), 0.6, "twilio"),
        against(
            f"{request}, `pyreqwest`",
            times(sync, "hoiio[fast]", "pyreqwest", CPU),
            1.5,
            "bare pyreqwest",
        ),
        against("", times(sync, "hoiio[fast]", "twilio", CPU), 0.2, "twilio"),
        against(
            f"{many}, `pyreqwest`",
            times(flooded, "hoiio[fast]", "pyreqwest", RATE),
            0.8,
            "bare pyreqwest",
            least=True,
        ),
        against("", times(flooded, "hoiio[fast]", "twilio", RATE), 2, "twilio", least=True),
        at_most(f"{entry}, `httpx2`", walked["httpx2"][CPU], 25, "us"),
        at_most("the same, `pyreqwest`", walked["pyreqwest"][CPU], 25, "us"),
        at_most("memory that they add, second tenth to last", grown, GROWTH, "MB"),
    ]


def against_twilio(imported):
    """A sentence on the whole client's import, where there is something to compare it with."""
    share = times(imported, "hoiio", "twilio", CPU)
    return "" if share is None else f"That is {share:.2f} × `import twilio.rest`. "


def middle_half(values):
    """Where it begins and ends."""
    if len(values) < 2:
        return values[0], values[0]
    first, _, last = statistics.quantiles(values, n=4)
    return first, last


def side_by_side(imported, sync, flooded, found):
    """One row for each contender."""
    rows = []
    for name in sync:
        version = "" if name.startswith("hoiio") else f" {found[CONTENDERS[name].needs[0]]}"
        cost, modules, memory = medians(imported[name])
        used = medians(sync[name])[CPU]
        apart = middle_half([figures[CPU] for figures in sync[name]])
        used_async, rate = medians(flooded[name]) if name in flooded else (None, None)
        rows.append(
            (
                f"{name}{version}",
                f"{cost:.0f}",
                f"{modules:,.0f}",
                f"{memory:.1f}",
                f"{used:,.0f}",
                f"{apart[0]:,.0f} – {apart[1]:,.0f}",
                "–" if rate is None else f"{used_async:,.0f}",
                "–" if rate is None else f"{rate:,.0f}",
                f"{size(CONTENDERS[name].path)}",
            )
        )
    head = (
        "",
        "import, ms",
        "modules",
        "memory, MB",
        "request, us",
        "its middle half",
        "async, us",
        "async, a second",
        "answer, bytes",
    )
    return table(head, rows)


def panels(imported, sync, flooded):
    def bars(runs, figure):
        return {name: medians(runs[name])[figure] for name in CONTENDERS if name in runs}

    return [
        Panel("CPU of a request, µs", "less is better", bars(sync, CPU)),
        Panel(f"Requests a second, {AT_ONCE} in flight", "more is better", bars(flooded, RATE)),
        Panel("CPU of the import, ms", "less is better", bars(imported, CPU)),
    ]


def main():
    found, missing = versions()
    if missing and not QUICK:
        sys.exit(f"not installed: {', '.join(missing)}; run `make bench`, which installs them")
    here = {
        name: contender
        for name, contender in CONTENDERS.items()
        if not set(contender.needs) & set(missing)
    }
    imported = import_costs(missing)
    with Program("answering.py") as server:
        url = f"http://127.0.0.1:{server.line()}/"
        sync = request_costs(url, here, "sync")
        flooded = request_costs(url, [n for n, it in here.items() if it.asynchronous], "async")
        walked = histories(url)
    aims = judged(imported, sync, flooded, walked)
    bare = ", ".join(f"{name} {version}" for name, version in found.items())
    after = medians(imported["hoiio and httpx2"])
    report = "\n\n".join(
        (
            f"On {machine()}. {bare}. Medians of {ROUNDS} rounds.",
            aims_table(aims),
            side_by_side(imported, sync, flooded, found),
            "`import hoiio` alone loads a name at its first use; the row of `hoiio` is of "
            "`from hoiio import Client, Hoiio`, which has loaded the client. "
            f"{against_twilio(imported)}The first request loads httpx2: the client and it together "
            f"take {after[CPU]:.0f} ms, {after[MODULES]:.0f} modules and {after[MEMORY]:.1f} MB.",
        )
    )
    picture = chart(panels(imported, sync, flooded))
    if missing:
        print(f"left out, not installed: {', '.join(missing)}")
    print(report)
    document = DOCS / "benchmarks.md"
    text = replaced(document.read_text(), report)
    if not QUICK:
        document.write_text(text)
        (DOCS / "benchmarks.svg").write_text(picture)
    missed = [aim for aim in aims if aim.reached is False]
    print(f"\n{len(missed)} of {len(aims)} aims missed")


if __name__ == "__main__":
    main()
