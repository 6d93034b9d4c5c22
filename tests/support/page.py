"""Runs the blocks of one page, top to bottom, in a process of their own.

Reads a JSON list of blocks on standard input. Python shares one namespace; a traceback names the
page and its line. What a line shows is compared with the comment behind it, where that begins with
a Python literal: ``res.duration  # 2`` or ``print(res.room)  # 'R101': made for them``. Answers
that a line asks for must be successes, unless the block's environment says that they may be errors.
"""

import ast
import asyncio
import inspect
import io
import json
import subprocess
import sys
import tokenize

NOTHING = object()


def told_by(comment):
    """The literal that a comment begins with; NOTHING where it is prose."""
    text = comment.lstrip("#").strip()
    ends = [at for at, sign in enumerate(text) if sign in ",;:"]
    for end in (len(text), *reversed(ends)):
        try:
            return ast.literal_eval(text[:end])
        except (ValueError, SyntaxError):
            continue
    return NOTHING


def comments(text):
    """Line -> what the comment behind its code tells."""
    found = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and token.line[: token.start[1]].strip():
            found[token.start[0]] = told_by(token.string)
    return {line: value for line, value in found.items() if value is not NOTHING}


class Watched(ast.NodeTransformer):
    """Hands what each expression statement gives, or prints, to the page."""

    def __init__(self):
        self.lines = set()

    def visit_Expr(self, node):
        self.generic_visit(node)
        line = ast.Constant(node.end_lineno)
        value = node.value
        if isinstance(value, ast.Constant):
            return node
        self.lines.add(node.end_lineno)
        if isinstance(value, ast.Call) and getattr(value.func, "id", "") == "print":
            shown = ast.Name("__printed__", ast.Load())
            node.value = ast.Call(shown, [line, *value.args], value.keywords)
        else:
            node.value = ast.Call(ast.Name("__seen__", ast.Load()), [line, value], [])
        return node


class Page:
    def __init__(self, name, loop):
        self.name, self.loop = name, loop
        self.space = {
            "__name__": "__main__", "__seen__": self.seen, "__printed__": self.printed,
        }  # fmt: skip
        self.expected, self.reached, self.may_be_refused = {}, set(), False

    def run(self, block):
        self.may_be_refused = block["runs"].endswith("refused")
        if block["language"] == "python":
            self.python("\n" * (block["line"] - 1) + block["text"])
        else:
            for command in block["commands"]:
                subprocess.run(["sh", "-ec", command], check=True, timeout=60)

    def python(self, text):
        self.expected, self.reached = comments(text), set()
        watched = Watched()
        tree = ast.fix_missing_locations(watched.visit(ast.parse(text, self.name)))
        # What stands behind an assignment is prose about it.
        self.expected = {at: v for at, v in self.expected.items() if at in watched.lines}
        code = compile(tree, self.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if code.co_flags & inspect.CO_COROUTINE:
            self.loop.run(eval(code, self.space))
        else:
            exec(code, self.space)
        unreached = self.expected.keys() - self.reached
        assert not unreached, f"{self.name}: never came to lines {sorted(unreached)}"
        for name, value in self.space.items():
            self.check_success(name, value)

    def seen(self, line, value):
        self.compare(line, value)
        self.check_success(f"line {line}", value)

    def printed(self, line, *values, **options):
        shown = io.StringIO()
        print(*values, **{"file": shown} | options)
        print(*values, **options)
        self.compare(line, values[0] if len(values) == 1 else None, shown.getvalue().strip())

    def compare(self, line, value, shown=None):
        self.reached.add(line)
        if line in self.expected:
            told = self.expected[line]
            same = value == told or (shown is not None and shown == str(told))
            assert same, (
                f"{self.name}:{line}: told {told!r}, got {value if shown is None else shown!r}"
            )

    def check_success(self, what, value):
        success = getattr(value, "is_success", None)
        if callable(success) and not isinstance(value, type) and not self.may_be_refused:
            assert success(), f"{self.name}: {what}: {value.status}"


def main():
    with asyncio.Runner() as loop:
        page = Page(sys.argv[1], loop)
        for block in json.load(sys.stdin):
            page.run(block)


if __name__ == "__main__":
    main()
