# SPDX-License-Identifier: GPL-2.0
"""Results in TAP: one line per assertion, diagnostics behind '#'."""

import sys
import time


class Tap:
    def __init__(self, stream=None):
        self.stream = stream or sys.stdout
        self.count = 0
        self.failed = 0
        self.since = time.monotonic()

    def say(self, text):
        for line in str(text).rstrip("\n").split("\n"):
            print(f"# {line}", file=self.stream)
        self.stream.flush()

    def check(self, good, name, detail=""):
        """One assertion; the detail is shown only when it failed."""
        self.count += 1
        self.failed += not good
        now = time.monotonic()
        took = f" # {now - self.since:.1f} s" if now - self.since >= 1 else ""
        self.since = now
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}{took}", file=self.stream)
        if not good and detail:
            self.say(detail)
        self.stream.flush()
        return good

    def problems(self, problems, name):
        """An assertion that holds if a list of complaints is empty."""
        shown = list(problems)
        more = [f"… and {len(shown) - 30} more"] if len(shown) > 30 else []
        return self.check(not shown, name, "\n".join(map(str, shown[:30] + more)))

    def finish(self):
        print(f"1..{self.count}", file=self.stream)
        self.stream.flush()
        return 1 if self.failed or not self.count else 0
