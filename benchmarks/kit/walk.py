"""A program that walks a whole history: ``python walk.py URL TRANSPORT``, then a line of JSON.

``cpu`` is seconds of CPU for ``entries``; ``early`` and ``late`` are the most memory in MB that was
seen in the second tenth of the walk and in its last. Each entry's typed fields are read.
"""

import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import hoiio
from kit.answering import ENTRIES
from kit.process import memory

LOOK_EVERY = 200


def main():
    url, transport = sys.argv[1:]
    tenth, seen = ENTRIES // 10, defaultdict(float)
    count = minutes = 0
    with hoiio.Client("id", "token", base_url=f"{url}open/", transport=transport) as client:
        client.voice.history()  # loads what the first request loads
        used = time.process_time()
        for entry in client.voice.history().all():
            minutes += entry.duration if entry.debit_decimal and entry.date_utc else 0
            if count % LOOK_EVERY == 0:
                seen[count // tenth] = max(seen[count // tenth], memory(os.getpid()) / 1e6)
            count += 1
        used = time.process_time() - used
    assert minutes == 7 * count
    print(json.dumps({"entries": count, "cpu": used, "early": seen[1], "late": seen[9]}))


if __name__ == "__main__":
    main()
