"""Write the reference of the client from its docstrings and signatures.

What stands between the marks in docs/reference-client.md is replaced; what is before and after them
is written by hand. A test fails where the page is not what this would write.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
import textwrap
import types
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, get_args

import hoiio
from hoiio import (
    account,
    answer,
    client,
    errors,
    facade,
    notification,
    response,
    transport,
    voice,
    wire,
)
from hoiio.meanings import meaning
from hoiio.transport import with_httpx2, with_pyreqwest
from hoiio.watching import Until

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference-client.md"
BEGIN: Final = "<!-- reference: begin; written by `make reference` from the docstrings -->"
END: Final = "<!-- reference: end -->"
LINE: Final = 96

GIVES: Final = {"A": "Response", "P": "Response", "C": "Iterator[Response]"}
"""What the type variables of ``Voice`` stand for in a ``Client``."""
ASYNC: Final = """\
In an `AsyncClient` every method is awaited, for an `AsyncResponse`; but `watch` is an asynchronous
iterator of them, and `history` gives an `AsyncHistory`, which is awaited or walked.
"""
PLAIN: Final = {
    "Until": " | ".join(map(repr, get_args(Until))),
    "Method": " | ".join(map(repr, get_args(transport.Method))),
    "Library": " | ".join(map(repr, get_args(transport.Library))),
    "Secret": "str | Iterable[str]",
    "Self": "Response",
}
"""What names of types are short for."""
TESTING: Final = "hoiio.testing"


def page(text: str) -> str:
    """The page with its middle written anew. Raises ``ValueError`` where a mark is missing."""
    head, rest = text.split(BEGIN)
    _old, tail = rest.split(END)
    return f"{head}{BEGIN}\n\n{middle()}\n{END}{tail}"


def middle() -> str:
    """All sections."""
    sections = [
        clients(),
        the_facade(),
        methods("voice", voice.Voice, f"{ASYNC}\n{options()}"),
        methods("account", account.Account, ""),
        answers(),
        notifications(),
        exceptions(),
        statuses(),
        transports(),
        testing(),
    ]
    return "\n".join(section for section in sections if section)


# Sections


def clients() -> str:
    """Both clients; their keywords are the same."""
    own = client.AsyncClient.__doc__ or ""
    rows = [f"| `{name}` | {cell(text)} |" for name, _type, text in attributes(client.BaseClient)]
    rows.append(f"| `prefix` | {cell(doc(client.BaseClient.prefix))} |")
    rows.append(f"| `close()` | {cell(doc(client.Client.close))} |")
    return joined(
        "## Client",
        prose(client.Client),
        keywords(client.Client),
        table("It has | Meaning", rows),
        "## AsyncClient",
        markdown(inspect.cleandoc(own).partition("\n\n")[0]),
        "Parameters and methods are those of `Client`, to be awaited; `transport` is an "
        "`AsyncTransport` or a name. `async with` and `await client.close()` close it.",
    )


def the_facade() -> str:
    """The one client of a program."""
    return joined(
        "## Hoiio",
        prose(facade.Facade, skip_see=True),
        code(signature("Hoiio.init", facade.Facade.init)),
        prose(facade.Facade.init),
        "It has `voice`, `account`, `prefix` and `close()` as a `Client` has.",
    )


def methods(name: str, owner: type, more: str) -> str:
    """One attribute of a client: each method with its signature."""
    parts = [f"## {name}", prose(owner), more]
    for each, function in functions(owner):
        gives = GIVES[str(inspect.signature(function).return_annotation)]
        called = f"{signature(each, function)} -> {gives}"
        parts += [f"### {name}.{each}", code(called), prose(function)]
    return joined(*parts)


def options() -> str:
    """What every method takes besides its own parameters."""
    rows = [
        f"| `{name}` | `{kind(each)}` | {cell(text)} |"
        for owner in (voice.Who, voice.Options, voice.ChargeableOptions)
        for name, each, text in attributes(owner)
    ]
    return table("`**options`, of which `**who` is the first two | Type | Meaning", rows)


def answers() -> str:
    """Answers, their fields and what they can be asked."""
    fields = {name: (each, text) for name, each, text in attributes(answer.Answer)}
    rows = []
    for name, (each, text) in fields.items():
        exact = f"{name}_decimal"
        names, types_ = f"`{name}`", f"`{kind(each)}`"
        if hasattr(answer.Answer, exact):
            names, types_ = f"{names}, `{exact}`", f"{types_}, `Decimal \\| None`"
        rows.append(f"| {names} | {types_} | {cell(text)} |")
    for name, each in properties(answer.Answer):
        rows.append(f"| `{name}` | `{returned(each)}` | {cell(doc(each))} |")
    both = [*functions(answer.Answer), *functions(response.Response)]
    return joined(
        "## Response",
        prose(response.Response),
        prose(answer.Answer).partition("\n\n")[2],
        table("Attribute | Type | Meaning", rows),
        method_table(both),
        "## AsyncResponse",
        "As `Response`; these differ:",
        method_table(functions(response.AsyncResponse)),
        "## AsyncHistory",
        prose(response.AsyncHistory),
        method_table(functions(response.AsyncHistory)),
    )


def notifications() -> str:
    """What arrives at a notify_url."""
    kind_ = notification.Notification
    rows = [
        f"| `{name}` | `{kind(each)}` | {cell(text)} |" for name, each, text in attributes(kind_)
    ]
    rows += [
        f"| `{name}` | `{returned(each)}` | {cell(doc(each))} |" for name, each in properties(kind_)
    ]
    return joined(
        "## Notification",
        prose(kind_),
        code(signature("Notification.parse", kind_.parse)),
        prose(kind_.parse),
        table("Attribute | Type | Meaning", rows),
    )


def exceptions() -> str:
    """The family tree, parents before children."""
    rows: list[str] = []

    def grow(kind_: type, depth: int) -> None:
        also = [base.__name__ for base in kind_.__bases__ if base.__module__ == "builtins"]
        beside = f", a `{also[0]}` too" if also and depth else ""
        name = f"{'· ' * depth}`{kind_.__name__}`{beside}"
        rows.append(f"| {name} | {cell(doc(kind_))} |")
        for child in kind_.__subclasses__():
            if child.__name__ in hoiio.__all__:
                grow(child, depth + 1)

    grow(errors.HoiioException, 0)
    shared = [
        f"| `{name}` | `{kind(each)}` | {cell(text)} |"
        for name, each, text in attributes(errors.HoiioException)
    ]
    return joined(
        "## What raises",
        prose(errors),
        table("Exception; a dot for each step below `HoiioException` | When", rows),
        table("Every exception has | Type | Meaning", shared),
    )


def statuses() -> str:
    """What a refusal says, and what it is raised as."""
    rows = []
    for status in wire.Status:
        if status != wire.Status.SUCCESS:
            refusal = answer.Answer({"status": str(status), "json": {}})
            kind_ = type(errors.api_error(refusal)).__name__
            rows.append(f"| `{status}` | {cell(meaning(status))} | `{kind_}` |")
    rows.append("| `error_…_param_missing` | a parameter is missing | `InvalidParameter` |")
    return joined("## Statuses", table("`status` | What it says | Raised as", rows))


def transports() -> str:
    """What carries requests, and what one's own has to be."""
    parts = ["## Transports", prose(transport)]
    for kind_ in (with_httpx2.Httpx2Transport, with_pyreqwest.PyreqwestTransport):
        where = f"{kind_.__module__}.{kind_.__name__}"
        parts += [f"### {kind_.__name__}", code(signature(where, kind_.__init__)), prose(kind_)]
        parts.append(f"`Async{kind_.__name__}` is the same for an `AsyncClient`.")
    parts.append("### Your own")
    for protocol in (transport.Transport, transport.Streaming):
        parts += [prose(protocol), method_table(functions(protocol))]
    parts.append("`AsyncTransport` and `AsyncStreaming` are the same in async.")
    rows = [f"| `{name}` | `{each}` |" for name, each, _ in attributes(transport.HttpRequest)]
    parts += ["### HttpRequest", prose(transport.HttpRequest), table("Attribute | Type", rows)]
    made = signature("HttpResponse", transport.HttpResponse.__init__)
    return joined(*parts, "### HttpResponse", code(made), prose(transport.HttpResponse))


def testing() -> str:
    """The testing kit, where it is installed."""
    if importlib.util.find_spec(TESTING) is None:
        return ""
    kit = importlib.import_module(TESTING)
    parts = ["## hoiio.testing", prose(kit), "How to use it: [testing.md](testing.md)."]
    for name in ("Sandbox", "Captured"):
        kind_ = getattr(kit, name)
        rows = [f"| `{each}` | {cell(text)} |" for each, _type, text in attributes(kind_) if text]
        rows += [f"| `{each}` | {cell(doc(value))} |" for each, value in properties(kind_)]
        rows += [
            f"| `{short(each, value)}` | {cell(doc(value))} |" for each, value in functions(kind_)
        ]
        parts += [f"### {name}", prose(kind_), table("Name | Meaning", rows)]
    return joined(*parts)


# What is in a class


def functions(owner: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Its own public methods, in their order."""
    for name, value in vars(owner).items():
        if isinstance(value, types.FunctionType) and not name.startswith("_"):
            yield name, value


def properties(owner: type) -> Iterator[tuple[str, property]]:
    """Its own public properties, in their order."""
    for name, value in vars(owner).items():
        if isinstance(value, property) and not name.startswith("_"):
            yield name, value


def attributes(owner: type) -> Iterator[tuple[str, str, str]]:
    """Its annotated public names, theirs of ``__init__`` too: name, type, docstring."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    bodies = [tree.body] + [
        each.body for each in tree.body
        if isinstance(each, ast.FunctionDef) and each.name == "__init__"
    ]  # fmt: skip
    for body in bodies:
        for each, following in zip(body, [*body[1:], None], strict=True):
            if isinstance(each, ast.AnnAssign):
                name = getattr(each.target, "id", None) or each.target.attr
                if not name.startswith("_"):
                    yield name, ast.unparse(each.annotation), told(following)


def told(node: ast.stmt | None) -> str:
    """The docstring that a statement is."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return inspect.cleandoc(node.value.value)
    return ""


def doc(thing: object) -> str:
    """A docstring, without its indentation."""
    return inspect.getdoc(thing) or ""


def signature(name: str, function: Callable[..., Any]) -> str:
    """How it is called: in one line, or in one for each parameter."""
    given = [
        each for each in inspect.signature(function).parameters.values()
        if each.name not in {"self", "cls"}
    ]  # fmt: skip
    parts, starred = [], False
    for each in given:
        if each.kind is each.KEYWORD_ONLY and not starred:
            parts.append("*")
        starred = starred or each.kind in {each.KEYWORD_ONLY, each.VAR_POSITIONAL}
        parts.append(parameter(each))
    line = f"{name}({', '.join(parts)})"
    if len(line) <= LINE:
        return line
    return "\n".join([f"{name}(", *(f"    {part}," for part in parts), ")"])


def parameter(each: inspect.Parameter) -> str:
    """One of a signature."""
    if each.kind is each.VAR_KEYWORD:
        return f"**{each.name}"
    stars = "*" if each.kind is each.VAR_POSITIONAL else ""
    default = "" if each.default is each.empty else f" = {shown(each.default)}"
    return f"{stars}{each.name}: {plain(each.annotation)}{default}"


def shown(default: object) -> str:
    """A default; whole seconds without their point."""
    return f"{default:g}" if isinstance(default, float) else repr(default)


def short(name: str, function: Callable[..., Any]) -> str:
    """How it is called, for a table."""
    return signature(name, function).replace("\n    ", "").replace(",\n)", ")").replace("|", "\\|")


def keywords(owner: type) -> str:
    """The parameters of a class."""
    rows = [
        f"| `{each.name}` | `{kind(each.annotation)}` | `{shown(each.default)}` |"
        for each in inspect.signature(owner.__init__).parameters.values()
        if each.name != "self"
    ]
    return table("Parameter; from `base_url` on by name only | Type | Default", rows)


def returned(each: property) -> str:
    """The type of a property."""
    return kind(str(inspect.signature(each.fget).return_annotation))


def kind(annotation: str) -> str:
    """A type, for a table."""
    return plain(annotation).replace("|", "\\|")


def plain(annotation: str) -> str:
    """A type without names that only this package knows."""
    for name, meant in PLAIN.items():
        annotation = re.sub(rf"\b{name}\b", meant, annotation)
    return annotation.replace("str | PathLike[str]", "path")


# Markdown


def joined(*parts: str) -> str:
    """Parts with an empty line between them."""
    return "\n\n".join(part.rstrip("\n") for part in parts if part) + "\n"


def table(head: str, rows: Iterable[str]) -> str:
    """A table of rows that are written already."""
    columns = head.count(" | ") + 1
    return "\n".join([f"| {head} |", f"|{'---|' * columns}", *rows])


def method_table(found: Iterable[tuple[str, Callable[..., Any]]]) -> str:
    """Methods that need no section each."""
    rows = []
    for name, function in found:
        awaited = "await " if inspect.iscoroutinefunction(function) else ""
        rows.append(f"| `{awaited}{short(name, function)}` | {cell(doc(function))} |")
    return table("Method | What it does", rows)


def code(text: str) -> str:
    """A block that nothing runs."""
    return f"```text\n{text}\n```"


def prose(thing: object, *, skip_see: bool = False) -> str:
    """A docstring as Markdown."""
    text = markdown(doc(thing))
    return text.partition("; see")[0] + "." if skip_see else text


def cell(text: str) -> str:
    """A docstring in a table: in one line."""
    return " ".join(markdown(text).split()).replace("|", "\\|")


def markdown(text: str) -> str:
    """What docstrings mark up, marked up for a page."""
    text = re.sub(r":(?:class|meth|data|mod|func):`([^`]+)`", r"`\1`", text)
    return re.sub(r"``([^`]+)``", r"`\1`", text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
