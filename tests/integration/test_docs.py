"""Every block of the documentation does what the page says.

Python and console blocks run top to bottom, a page in one process and one folder. A block is not
run only where a table below says why.
"""

import json
import subprocess
import sys

import pytest

from hoiio.server.billing.tariff import parse_tariff
from hoiio.server.config import load_config
from support import page as runner
from support.docs import LANGUAGES, PAGES, ROOT, SHELL, blocks, indented
from support.playground import ENVIRONMENTS

RUN_ELSEWHERE = {
    "plugin": "integration/test_plugin.py",
    "receivers": "integration/test_receivers.py",
}
"""Blocks marked so are run by that test."""

FOREVER = "runs until it is stopped; "
NOT_RUN = {
    "README.md": {
        "make demo": "integration/test_demo.py runs it",
        "make test": "this is it",
        "pip install 'hoiio[server]'": "would fetch what an index has; .ci/run installs the wheel",
        "hoiio serve --config hoiio.toml": FOREVER + "integration/api/test_serve.py",
    },
    "docs/get-started.md": {
        "make demo": "integration/test_demo.py runs it",
        "make serve": FOREVER + "integration/test_demo.py",
        "export HOIIO_APP_ID=...  HOIIO_ACCESS_TOKEN=...  HOIIO_BASE_URL=...": "gaps to be "
        "filled in, as the environment of the test does",
        ".venv/bin/hoiio serve --route +6511111111=sip:127.0.0.1:5070 "
        "--route +6522222222=sip:127.0.0.1:5072": FOREVER + "acceptance/test_guide.py",
        ".venv/bin/hoiio phone +6511111111 --listen 127.0.0.1:5070": FOREVER
        + "integration/test_softphone.py",
        ".venv/bin/hoiio phone +6522222222 --listen 127.0.0.1:5072 --tone 600": FOREVER
        + "integration/test_softphone.py",
    },
    "docs/testing.md": {
        "pip install 'hoiio[testing]'": "would fetch what an index has",
    },
    "docs/transports.md": {
        "pip install 'hoiio[fast]'": "would fetch what an index has",
    },
    "docs/operate.md": {"hoiio serve": FOREVER + "integration/api/test_serve.py"},
}
"""Commands by page, and why they are not run."""

ALL = [block for path in PAGES for block in blocks(path)]
RUNNABLE = [block for block in ALL if block.language in {"python", *SHELL}]
TO_RUN = [block for block in RUNNABLE if block.runs not in RUN_ELSEWHERE]


def asked(block):
    """What the runner is told of a block."""
    kept_out = NOT_RUN.get(block.page, {})
    return {
        "line": block.line,
        "language": block.language,
        "text": block.text,
        "commands": [command for command in block.commands if command not in kept_out],
        "runs": block.runs,
    }


def run(name, todo, folder):
    """Run a page's blocks; returns the finished process."""
    (environment,) = {ENVIRONMENTS[block["runs"]] for block in todo}
    with environment(folder) as playground:
        return subprocess.run(
            [sys.executable, "-W", "error", runner.__file__, name],
            input=playground.adapt(json.dumps(todo)),
            cwd=playground.folder,
            env=playground.environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.mark.parametrize("name", sorted({block.page for block in TO_RUN}))
def test_a_page_runs_from_top_to_bottom(name, tmp_path):
    ran = run(name, [asked(block) for block in TO_RUN if block.page == name], tmp_path)
    assert ran.returncode == 0, ran.stderr + ran.stdout


def test_a_block_says_what_it_is():
    """So none is passed over for want of a language, or for being only indented."""
    assert [block.place for block in ALL if block.language not in LANGUAGES] == []
    assert [place for path in PAGES for place in indented(path)] == []


def test_a_marker_names_an_environment_or_a_test():
    unknown = {block.runs for block in ALL} - ENVIRONMENTS.keys() - RUN_ELSEWHERE.keys()
    assert not unknown
    for marker, place in RUN_ELSEWHERE.items():
        assert any(block.runs == marker for block in ALL)
        assert f'"{marker}"' in (ROOT / "tests" / place).read_text()


def test_what_is_not_run_is_still_there_and_so_are_the_tests_that_do_it_instead():
    for page, kept_out in NOT_RUN.items():
        there = {each for block in RUNNABLE if block.page == page for each in block.commands}
        assert kept_out.keys() - there == set()
    for reason in (reason for kept_out in NOT_RUN.values() for reason in kept_out.values()):
        for place in (word for word in reason.split() if word.endswith(".py")):
            assert (ROOT / "tests" / place).is_file()


@pytest.mark.parametrize("block", [b for b in ALL if b.language == "toml"], ids=lambda b: b.place)
def test_a_configuration_is_one(block, tmp_path):
    (tmp_path / "hoiio.toml").write_text(block.text)
    assert load_config({}, {}, tmp_path / "hoiio.toml")


@pytest.mark.parametrize("block", [b for b in ALL if b.language == "csv"], ids=lambda b: b.place)
def test_a_tariff_is_one(block):
    assert parse_tariff(block.text.splitlines())


# The machinery itself


def block(text, language="python", runs="client"):
    return {
        "line": 7,
        "language": language,
        "text": text,
        "commands": text.splitlines(),
        "runs": runs,
    }


CALL = """\
from hoiio import Hoiio
res = Hoiio.voice.call("+6511111111", "+6522222222")
"""
REFUSED = """\
from hoiio import Hoiio
Hoiio.voice.call("+6511111111", "+6512")
"""
NAMED = REFUSED.replace("Hoiio.voice.call", "named = Hoiio.voice.call")
STRANGER = """\
from hoiio import Client
Client("a", "b", base_url="http://127.0.0.1:1/").account.balance()
"""
WRONG = {
    "raises": ([block("1 / 0")], 'File "x.md", line 7'),
    "another value": ([block("1 + 1  # 3")], "x.md:7: told 3, got 2"),
    "another print": ([block("print('a')  # 'b'")], "x.md:7: told 'b', got 'a'"),
    "deep inside": ([block("for n in (1, 2):\n    n  # 1: the first")], "x.md:8: told 1, got 2"),
    "never reached": ([block("if False:\n    abs(1)  # 1")], "never came to lines [8]"),
    "awaited": ([block("import asyncio\nawait asyncio.sleep(0, 5)  # 6")], "told 6, got 5"),
    "an answer that is an error": ([block(REFUSED)], "line 8: error_dest2_invalid"),
    "a name that is one": ([block(NAMED)], "named: error_dest2_invalid"),
    "a command": ([block("hoiio call +6511111111 x", "console")], "non-zero exit status"),
    "the second of two": ([block("true\nfalse", "console")], "non-zero exit status"),
    "another address": ([block(STRANGER)], "ConnectionFailed"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_block_that_is_wrong_is_found(case, tmp_path):
    todo, said = WRONG[case]
    ran = run("x.md", todo, tmp_path)
    assert ran.returncode == 1
    assert said in ran.stderr


RIGHT = f"""\
{CALL}
res.txn_ref  # AA-C-141147, say
print(res.status)  # 'success_ok': accepted
print(res.status, 1)  # 'success_ok 1'
--
$ echo kept > file
$ hoiio status AA-C-1000001
--
import pathlib
pathlib.Path("file").read_text()  # 'kept\\n'
res.status, 1  # ('success_ok', 1)
res.tag  # None when none was given
--
import asyncio
async def two():
    return 2
await two()  # 2
async with asyncio.timeout(9):
    res.is_success()  # True
--
from hoiio import Client
with Client("my-app-id", "my-access-token", base_url="http://127.0.0.1:8080/open/") as client:
    client.account.balance().currency  # 'SGD'
"""


def test_blocks_that_are_right_pass(tmp_path):
    """One namespace, one folder, one service; async too; prose behind a line is no promise."""
    todo = [
        block(text.replace("$ ", ""), "console" if "$" in text else "python")
        for text in RIGHT.split("--\n")
    ]
    ran = run("x.md", todo, tmp_path)
    assert ran.returncode == 0, ran.stderr


def test_answers_may_be_errors_where_the_page_says_so(tmp_path):
    todo = [block(NAMED + "named.status  # 'error_dest2_invalid'", runs="refused")]
    ran = run("x.md", todo, tmp_path)
    assert ran.returncode == 0, ran.stderr


SHOWN = """\
<!-- runs: refused -->
```python
1
```

```console
a \\
b   # why

c
```
```bash
$ d
out
```

    make
    it
"""


def test_pages_are_taken_apart_as_they_are_shown(tmp_path, monkeypatch):
    """A marker counts for the next block only; what is only indented is found."""
    path = tmp_path / "docs" / "x.md"
    path.parent.mkdir()
    path.write_text(SHOWN)
    monkeypatch.setattr("support.docs.ROOT", tmp_path)
    first, second, third = blocks(path)
    assert (first.place, first.runs, first.text) == ("docs/x.md:3", "refused", "1\n")
    assert (second.runs, second.commands) == ("client", ["a  b", "c"])
    assert (third.language, third.commands) == ("bash", ["d"])
    assert list(indented(path)) == ["docs/x.md:17"]
    path.write_text("```python\n1\n")
    with pytest.raises(AssertionError, match="not closed"):
        blocks(path)
