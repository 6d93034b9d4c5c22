"""The testing kit as a plugin of pytest, in processes of their own."""

import os
import re
import subprocess
import sys

import pytest

from hoiio import sandbox
from support.docs import ROOT, blocks

HOW_TO = ROOT / "docs" / "testing.md"
EXAMPLE = ROOT / "examples" / "click_to_call"


ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""No plugins but those that are named: the others of this environment take their time."""


def run(*words, folder, **extra):
    """A Python of this environment, with nothing set that would configure ``hoiio``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOIIO_")}
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True, text=True, timeout=120, check=False, cwd=folder,
        env=kept | {"PYTHONDONTWRITEBYTECODE": "1"} | extra,
    )  # fmt: skip


def run_pytest(folder, *words, plugins=("hoiio.testing",)):
    named = [f"-p{name}" for name in ("no:cacheprovider", *plugins)]
    extra = ALONE if plugins else {}
    done = run("-m", "pytest", "-q", *named, *words, folder=folder, **extra)
    return done.returncode, done.stdout + done.stderr


def written(folder, text):
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    (folder / "test_it.py").write_text(text)
    return folder


CALL = """
from hoiio import Hoiio

def test_bill(hoiio_sandbox):
    res = Hoiio.voice.call("+6511111111", "+6522222222", notify_url="https://my.app/hook", tag="7")
    hoiio_sandbox.advance(61)
    Hoiio.voice.hangup(res.txn_ref)
    [told] = hoiio_sandbox.notifications
    assert (told.duration, told.tag) == (2, "7")
"""


def test_the_example_passes_its_own_tests_with_the_plugin_found_by_itself():
    code, told = run_pytest(EXAMPLE, plugins=())
    assert code == 0, told
    assert "6 passed" in told


def test_the_how_to_runs_as_it_is_written(tmp_path):
    code_blocks = [block.text for block in blocks(HOW_TO) if block.runs == "plugin"]
    code, told = run_pytest(written(tmp_path, "\n".join(code_blocks)))
    assert code == 0, told
    assert "6 passed" in told


def test_the_how_to_names_every_number():
    rows = re.findall(
        r"^\| `(\w+)(?:\((\d+)\))?` \| `(\+\d+)` \|", HOW_TO.read_text(), re.MULTILINE
    )
    found = {name: number for name, _, number in rows}
    names = {"ANSWERS", "BUSY", "UNANSWERED", "RINGS", "FAILED", "NO_CREDIT"}
    assert found == {name: getattr(sandbox, name) for name in names} | {
        "drops_after": sandbox.drops_after(30)
    }


def test_a_test_of_a_call_back_needs_nothing_but_the_fixture(tmp_path):
    code, told = run_pytest(written(tmp_path, CALL))
    assert code == 0, told


def test_each_process_of_xdist_has_a_service_of_its_own(tmp_path):
    six = "import pytest\n" + CALL.replace("(hoiio_sandbox)", "(hoiio_sandbox, turn)").replace(
        "def test_bill", "@pytest.mark.parametrize('turn', range(6))\ndef test_bill"
    )
    code, told = run_pytest(
        written(tmp_path, six), "-n2", plugins=("hoiio.testing", "xdist.plugin")
    )
    assert code == 0, told
    assert "6 passed" in told


def test_it_needs_no_sip(tmp_path):
    absent = "import sys\nsys.modules['baresip'] = sys.modules['numpy'] = None\n"
    code, told = run_pytest(written(tmp_path, absent + CALL))
    assert code == 0, told


def test_without_the_service_it_says_what_to_install(tmp_path):
    absent = "import sys\nsys.modules['starlette'] = None\n"
    code, told = run_pytest(written(tmp_path, absent + CALL))
    assert code == 1
    assert "pip install 'hoiio[testing]'" in told


def test_who_does_not_use_it_does_not_load_the_service(tmp_path):
    text = """
import sys

def test_it():
    heavy = {"httpx2", "starlette", "uvicorn", "structlog", "phonenumbers", "hoiio.server"}
    assert "hoiio.testing" in sys.modules
    assert not heavy & set(sys.modules)
"""
    code, told = run_pytest(written(tmp_path, text))
    assert code == 0, told


def test_the_numbers_need_no_dependency():
    # Without site there is nothing but the standard library and this package.
    code = "from hoiio.sandbox import BUSY, drops_after; print(BUSY, drops_after(30))"
    done = run("-S", "-c", code, folder=ROOT / "src")
    assert done.stdout.split() == ["+6500000486", "+6500001030"], done.stderr


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_passed_by(tmp_path, variable):
    text = f"import os\nos.environ['{variable}'] = 'http://127.0.0.1:9'\n{CALL}"
    code, told = run_pytest(written(tmp_path, text))
    assert code == 0, told


def test_a_failing_test_shows_the_services_log_and_no_number_in_it(tmp_path):
    text = "import structlog\n" + CALL.replace("(2,", "(3,").replace(
        "[told]", "structlog.get_logger().warning('rung', number='+6587654321')\n    [told]"
    )
    code, told = run_pytest(written(tmp_path, text), "--log-level=DEBUG")
    assert code == 1
    logged = told.partition("Captured log call")[2]
    assert "call settled" in logged
    assert "+65***321" in logged
    assert "+6587654321" not in logged


def test_the_first_test_loads_nothing_any_more(tmp_path):
    """What the first request needs is there before, so the first test is as fast as the next."""
    text = (
        "import sys\n"
        + CALL.replace("    res =", "    before = set(sys.modules)\n    res =")
        + "    assert set(sys.modules) == before\n"
    )
    code, told = run_pytest(written(tmp_path, text))
    assert code == 0, told


def test_without_pytest_it_says_what_to_install():
    code = "import sys\nsys.modules['pytest'] = None\nimport hoiio.testing"
    done = run("-c", code, folder=ROOT / "src")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "ModuleNotFoundError: hoiio.testing needs pytest"
    )
    assert "pip install 'hoiio[testing]'" in done.stderr
