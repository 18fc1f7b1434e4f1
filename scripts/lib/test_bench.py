#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of what bench.py makes of the benchmark's output; prints TAP."""

import io
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

from bench import Problem, base_of, check_limits, further, plot, read_limits, read_passes, targets  # noqa: E402
from tap import Tap  # noqa: E402

HEAD = "@@begin --pin=1 --count=2\n# about\n"
ROWS = """seqpacket\t0\t2\t990\t1000\t1100\t1200\tns
kdbus-sync\t0\t2\t500\t600\t700\t800\tns
kdbus-name\t0\t0\t-\t-\t-\t-\tnot available
seqpacket-fanout-1\t64\t2\t10\t10\t10\t10\tns
seqpacket-fanout-4\t64\t2\t40\t40\t40\t40\tns
kdbus-broadcast-4\t64\t2\t60\t60\t60\t60\tns
"""
GOOD = f"{HEAD}{ROWS}@@end 0\n@@done\n"


def read(text, reader, *args):
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "file"
        path.write_text(text, encoding="utf-8")
        return reader(*args, path)


def refused(text, reader, *args):
    try:
        read(text, reader, *args)
    except (Problem, ValueError):
        return True
    return False


def exceeded(run, text):
    """How many limits of a file the measurement does not keep."""
    tap = Tap(io.StringIO())
    check_limits(tap, run, read(text, read_limits))
    return tap.failed


def main():
    tap = Tap()
    runs = read(GOOD, read_passes, "icount")
    run = runs[0]
    tap.check(len(runs) == 1 and run.pin == "1" and run.about == "about", "a pass is read")
    tap.check(run.value("kdbus-sync") == 600 and run.value("kdbus-name") is None, "figures, and none")
    tap.check(read(GOOD, read_passes, "tcg")[0].value("kdbus-sync") == 500, "emulated, the minimum counts")
    tap.check(run.ratio("kdbus-sync", 0) == 0.6 and run.ratio("kdbus-name", 0) is None, "ratio to seqpacket")
    tap.check(base_of("kdbus-broadcast-4", 64) == ("seqpacket-fanout-4", 64) and
              run.ratio("kdbus-broadcast-4", 64) == 1.5, "ratio of a broadcast")
    tap.check(further(run, "seqpacket-fanout") == 10 and further(run, "kdbus-broadcast") is None,
              "what each further receiver costs")
    found = {what: measured for what, measured, _, _ in targets(run)}
    tap.check(found["kdbus-sync, 0 to 1 KiB, to seqpacket"] is None, "a target wants all of its payloads")

    for what, text in (("without end", GOOD.replace("@@done\n", "")),
                       ("of a program that failed", GOOD.replace("@@end 0", "@@end 1")),
                       ("cut off", GOOD.replace("@@end 0\n", "")), ("without a pass", "@@done\n"),
                       ("with a row twice", GOOD.replace("kdbus-name", "kdbus-sync")),
                       ("with half a row", GOOD.replace("\t1200\tns", "")),
                       ("with an odd figure", GOOD.replace("\t600\t", "\t6x0\t"))):
        tap.check(refused(text, read_passes, "icount"), f"output {what} is refused")

    tap.check(exceeded(run, "kdbus-sync 0 0.600 # why\n# more\nkdbus-broadcast-4 64 1.5\n") == 0, "limits are kept")
    tap.check(exceeded(run, "kdbus-sync 0 0.599\n") == 1, "a limit is exceeded")
    tap.check(exceeded(run, "kdbus-name 0 9\n") == 1, "a row that is not available keeps no limit")
    tap.check(exceeded(run, "kdbus-more 0 9\n") == 1, "neither does one that was not measured")
    for text in ("", "kdbus-sync 0\n", "kdbus-sync 0 much\n"):
        tap.check(refused(text, read_limits), f"limits that read {text!r} are refused")
    tap.check(plot("t", ["0", "64"], {"a": [1, None], "b": [10, 1000]}).count("<polyline") == 2, "a plot has its lines")
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
