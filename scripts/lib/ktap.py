#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Flatten what a test guest printed into plain TAP.

The guest's output (standard input) is divided by lines "@@begin LABEL" and "@@end STATUS";
within a section stands TAP or KTAP, with nested sub tests. The sections that must be there
are named on the command line; one that is missing, has no end, keeps no plan or ends with a
status that its results do not explain is a failure. With --prefix, other sections are left out.
"""

import argparse
import re
import sys

sys.dont_write_bytecode = True

from tap import Tap  # noqa: E402

RESULT = re.compile(r"( *)(not ok|ok)\b *(\d+)?(?: +- +| +)?(.*)\Z")
PLAN = re.compile(r"( *)1\.\.(\d+)")
DIRECTIVE = re.compile(r"#\s*(SKIP)\b.*\Z", re.I)
SKIPPED_STATUS = 4


class Section:
    """The results of one test program or one KUnit suite."""

    def __init__(self, label):
        self.label = label
        self.lines = []
        self.status = None

    def leaves(self):
        """(good, name, skipped, diagnostics) of each result without sub tests, and problems."""
        out, problems = [], []
        pending = {}    # depth -> results of that depth whose parent has not come yet
        plans = {}
        said = []
        for line in self.lines:
            match = RESULT.match(line)
            if not match:
                plan = PLAN.match(line)
                if plan:
                    plans[len(plan.group(1))] = int(plan.group(2))
                else:
                    said.append(line.strip().removeprefix("#").strip())
                continue
            depth, good = len(match.group(1)), match.group(2) == "ok"
            name = match.group(4)
            directive = DIRECTIVE.search(name)
            name = DIRECTIVE.sub("", name).strip() or f"test {match.group(3)}"
            skipped = directive.group(0).lstrip("# ") if directive else ""
            children = self.close(depth, pending, plans, problems)
            if not children:
                out.append((good, name, skipped, said))
            elif not good and all(children):
                problems.append(f"{name} failed, but none of its sub tests did")
            said = []
            pending.setdefault(depth, []).append(good)
        for depth in sorted(pending, reverse=True):
            self.check_plan(depth, pending.pop(depth), plans, problems)
        for depth, count in plans.items():
            if count:
                problems.append(f"a plan of {count} tests at depth {depth // 4} had no result")
        return out, problems + self.status_problems(out)

    def close(self, depth, pending, plans, problems):
        """Results deeper than this depth: the sub tests of the result that came now."""
        children = []
        for deeper in sorted((at for at in pending if at > depth), reverse=True):
            results = pending.pop(deeper)
            self.check_plan(deeper, results, plans, problems)
            children = results
        return children

    @staticmethod
    def check_plan(depth, results, plans, problems):
        wanted = plans.pop(depth, None)
        if wanted is None and depth < 8:    # KUnit's parameters have no plan
            problems.append(f"{len(results)} results without a plan")
        elif wanted not in (None, len(results)):
            problems.append(f"{len(results)} results, but {wanted} were planned")

    def status_problems(self, leaves):
        if self.status is None:
            return ["did not end"]
        if self.status and not (self.status == SKIPPED_STATUS and leaves) and all(leaf[0] for leaf in leaves):
            return [f"ended with status {self.status}"]
        return [] if leaves else ["has no result"]


def read_sections(stream):
    sections, current = {}, None
    for line in stream:
        line = line.rstrip("\r\n")
        if line.startswith("@@begin "):
            current = Section(line[len("@@begin "):])
            sections[current.label] = current
        elif line.startswith("@@end ") and current:
            current.status = int(line.split()[1])
            current = None
        elif current:
            current.lines.append(line)
    return sections


def report(tap, section):
    leaves, problems = section.leaves()
    for good, name, skipped, said in leaves:
        name = f"{section.label}: {name}" + (f" # SKIP {skipped[4:].strip()}" if skipped else "")
        tap.check(good, name, "\n".join(said[-40:]))
    if problems:
        tap.check(False, f"{section.label}: the results are complete",
                  "\n".join(problems + ["the end of its output:"] + section.lines[-20:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefix", default="", help="only sections whose label begins so")
    parser.add_argument("wanted", nargs="*", metavar="LABEL")
    args = parser.parse_args()
    tap = Tap()
    sys.stdin.reconfigure(errors="replace")
    sections = read_sections(sys.stdin)
    for label, section in sections.items():
        if label.startswith(args.prefix):
            report(tap, section)
    for label in args.wanted:
        if label not in sections:
            tap.check(False, f"{label}: has run", "the guest did not get that far")
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
