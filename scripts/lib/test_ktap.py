#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of the KTAP reader; prints TAP."""

import io
import sys

sys.dont_write_bytecode = True

from ktap import read_sections, report  # noqa: E402
from tap import Tap  # noqa: E402

KUNIT = """KTAP version 1
1..1
    KTAP version 1
    # Subtest: kdbus_util
    1..3
    ok 1 plain
        KTAP version 1
        # Subtest: table
        ok 1 first
        ok 2 second
        1..2
    ok 2 table
    ok 3 later # SKIP no memory
# kdbus_util: pass:2 fail:0 skip:1 total:3
ok 1 kdbus_util
"""
SELFTEST = "TAP version 13\n1..2\n#  RUN           global.a ...\nok 1 global.a\nnot ok 2 global.b\n# FAILED\n"


def flatten(text, status=0, end=True):
    """The TAP lines that a section with this text gives."""
    lines = f"boot\n@@begin it\n{text}\n" + (f"@@end {status}\n" if end else "")
    out = io.StringIO()
    tap = Tap(out)
    for section in read_sections(io.StringIO(lines)).values():
        report(tap, section)
    return [line for line in out.getvalue().split("\n") if line.startswith(("ok", "not ok"))]


def failures(*args, **more):
    return sum(line.startswith("not ok") for line in flatten(*args, **more))


def main():
    tap = Tap()
    lines = flatten(KUNIT)
    tap.check(lines == ["ok 1 - it: plain", "ok 2 - it: first", "ok 3 - it: second",
                        "ok 4 - it: later # SKIP no memory"], "nested results are flattened", lines)
    tap.check(failures(KUNIT.replace("ok 2 second", "not ok 2 second").replace("ok 2 table", "not ok 2 table")
                       .replace("ok 1 kdbus", "not ok 1 kdbus")) == 1, "a failure counts once")
    tap.check(failures(SELFTEST, 1) == 1, "the status of a failed program is explained by its results")
    cases = (
        ("a parent that fails alone", (KUNIT.replace("ok 1 kdbus", "not ok 1 kdbus"),), {}),
        ("a missing result", (KUNIT.replace("    ok 1 plain\n", ""),), {}),
        ("a missing sub test", (KUNIT.replace("        ok 1 first\n", ""),), {}),
        ("no plan", (SELFTEST.replace("1..2\n", "").replace("not ok", "ok"),), {}),
        ("a status without a failed result", (SELFTEST.replace("not ok", "ok"), 139), {}),
        ("no end", (SELFTEST.replace("not ok", "ok"),), {"end": False}),
        ("no result at all", ("",), {}),
        ("a plan without results", ("1..3",), {}),
    )
    for name, args, more in cases:
        tap.check(failures(*args, **more) >= 1, f"refused: {name}", flatten(*args, **more))
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
