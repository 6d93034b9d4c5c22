"""``python -m hoiio.softphone``: the same as ``hoiio phone``."""

import sys

from hoiio.cli import main

main(["phone", *sys.argv[1:]])
