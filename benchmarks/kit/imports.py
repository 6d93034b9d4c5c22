"""What an import costs, in a fresh interpreter: the difference that the import makes to it."""

import json
import subprocess
import sys

_CHILD = """
import sys, time
page = __import__("os").sysconf("SC_PAGE_SIZE")
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * page
modules, memory, used = len(sys.modules), resident(), time.process_time()
{statement}
used, memory, modules = time.process_time() - used, resident() - memory, len(sys.modules) - modules
print(f"[{{used * 1000}}, {{modules}}, {{memory / 1e6}}]")
"""

STATEMENTS = {
    "import hoiio": "import hoiio",
    "hoiio": "from hoiio import Client, Hoiio",
    "hoiio and httpx2": "from hoiio import Client, Hoiio; import httpx2",
    "hoiio[fast]": "from hoiio import Client, Hoiio; import pyreqwest.client",
    "httpx2": "import httpx2",
    "pyreqwest": "import pyreqwest.client",
    "twilio": "import twilio.rest",
    "telnyx": "from telnyx import Telnyx",
    "plivo": "import plivo",
    "stripe": "import stripe",
}
"""What a program writes to begin with. ``import hoiio`` alone loads a name at its first use, so
``hoiio`` here is what has loaded the client; its HTTP library comes with the first request."""


def cost(statement):
    """Milliseconds of CPU, modules loaded, MB of memory added."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD.format(statement=statement)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return tuple(json.loads(done.stdout))
