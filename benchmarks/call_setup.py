"""From the API's answer to both phones bridged, with phones that answer at once.

The answer's moment is taken by the caller, the bridge's by the service's own log.
"""

import json
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from kit.size import sized

from support.phones import Phone
from support.service import Service, wait_until

CALLS = sized(30, 2)
DEST1, DEST2 = "+6511111111", "+6522222222"
LOG = '[log]\nformat = "json"\n'


def main():
    with (
        tempfile.TemporaryDirectory() as folder,
        Phone(DEST1) as one,
        Phone(DEST2) as two,
        Service(
            Path(folder) / "data",
            routes={DEST1: f"sip:{one.address}", DEST2: f"sip:{two.address}"},
            config=LOG,
        ).provision() as service,
    ):
        service.start()
        taken = [measure(service) for _ in range(CALLS)]
    print(f"{CALLS} calls, from the API's answer to both phones bridged")
    print(f"  median {statistics.median(taken) * 1000:5.0f} ms   (reach: under 300)")
    print(f"  worst  {max(taken) * 1000:5.0f} ms")


def measure(service):
    with service.client() as client:
        ref = client.voice.call(DEST1, DEST2).txn_ref
        answered = time.time()
        bridged = wait_until(lambda: bridged_at(service, ref), what="the bridge")
        client.voice.hangup(ref)
        time.sleep(0.3)  # the phones get ready for the next
    return bridged - answered


def bridged_at(service, ref):
    for line in service.log.read_text().splitlines():
        if f'"{ref}"' in line and '"call bridged"' in line:
            told = json.loads(line)
            return datetime.fromisoformat(told["timestamp"]).timestamp()
    return None


if __name__ == "__main__":
    main()
