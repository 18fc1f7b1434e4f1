#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tables, plots and limits from what kdbus-bench printed in a guest.

An argument MODE=FILE names the output of one boot; MODE is icount, kvm or tcg. In the file stand
passes, each between "@@begin OPTIONS" and "@@end STATUS", of lines "row payload n min p50 p90 p99
unit". Everything is compared within its pass: the ratio of a row is to AF_UNIX SEQPACKET with the
same payload, of a broadcast to the same number of sendmsg.
"""

import argparse
import csv
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.dont_write_bytecode = True

from tap import Tap  # noqa: E402

KIB, MIB = 1 << 10, 1 << 20

# Figures of other implementations for comparison: instructions for a call and its reply, all of
# one boot of Linux 6.12.117 (-O2, full SLUB) under icount. The first line is absolute, the others
# are ratios to it.
REFERENCE_PAYLOADS = (0, 64, KIB, 8 * KIB, 64 * KIB, 512 * KIB)
REFERENCE_BASE = (11749, 12318, 12791, 18118, 56078, 297649)
REFERENCE = (
    ("kdbus of 2015, sync", (1.70, 1.68, 1.63, 1.37, 0.96, 0.98)),
    ("kdbus of 2015, async + poll", (1.76, 1.74, 1.69, 1.41, 0.97, 0.98)),
    ("sd-bus without a bus", (2.74, 3.68, 3.66, 2.98, 2.14, 1.76)),
    ("sd-bus over dbus-broker", (7.97, 8.95, 8.70, 7.05, 4.21, 3.38)),
    ("sd-bus over dbus-daemon", (12.7, 14.0, 13.7, 12.3, 10.2, 14.2)),
)
REFERENCE_MORE = "4 MiB, kdbus of 2015: memfd reused 0.85x, fresh 7.5x; a pipe, without payload: about 9000"
REFERENCE_FURTHER = ("each further receiver: kdbus of 2015 4954, sendmsg to each 4003, dbus-broker 19720, "
                     "dbus-daemon 23968")
REFERENCE_FIXED = {
    "syscall": "268",
    "kdbus-lookup": "kdbus of 2015 about 6000, dbus-broker 63303, dbus-daemon 139215",
    "kdbus-meta-creds": "kdbus of 2015 +2088",
    "kdbus-meta-pids": "kdbus of 2015 +1678",
    "kdbus-meta-names": "kdbus of 2015 +1071",
    "kdbus-meta-exe": "kdbus of 2015 +5205",
    "kdbus-meta-cgroup": "kdbus of 2015 +3818",
    "kdbus-meta-all": "kdbus of 2015 +14400",
    "kdbus-idle-1000": "kdbus of 2015 124 for each connection",
    "kdbus-unmatched-1000": "kdbus of 2015 124 for each connection",
}
PLACES = {"1": "all on one CPU", "2": "peers on the other CPU", "none": "not pinned"}
SAMPLE = ("n", "min", "p50", "p90", "p99")


class Problem(Exception):
    """The input is not what it should be."""


@dataclass
class Pass:
    """What one run of the program measured: (row, payload) -> figures, None if not available."""

    mode: str
    options: dict
    about: str = ""
    rows: dict = field(default_factory=dict)

    @property
    def pin(self):
        return self.options.get("pin", "none")

    @property
    def unit(self):
        return "instructions" if self.mode == "icount" else "ns"

    @property
    def statistic(self):
        """Emulation stalls now and then; there only the fastest run tells something."""
        return "min" if self.mode == "tcg" else "p50"

    def value(self, row, payload=0):
        figures = self.rows.get((row, payload))
        return figures[self.statistic] if figures else None

    def ratio(self, row, payload, base=None):
        value = self.value(row, payload)
        against = self.value(*(base or base_of(row, payload)))
        return value / against if value and against else None

    def names(self, *, payloads):
        """Rows that have several payloads, or those that do not, in the order of the program."""
        found = {}
        for row, payload in self.rows:
            found.setdefault(row, []).append(payload)
        return [row for row in found if varies(row) == payloads]


def varies(row):
    """Has the row a payload that varies?"""
    fixed = ("clock", "syscall", "kdbus-crowded", "kdbus-lookup", "kdbus-meta-")
    return not row.startswith(fixed) and number_of(row) is None


def number_of(row):
    """Receivers or connections of a row."""
    tail = row.rpartition("-")[2]
    return int(tail) if tail.isdigit() else None


def base_of(row, payload):
    """What a row is compared with."""
    if row.startswith("kdbus-broadcast-"):
        return f"seqpacket-fanout-{number_of(row)}", payload
    return "seqpacket", payload


# ---- input -----------------------------------------------------------------

def parse_row(line):
    words = line.split("\t")
    if len(words) != 8:
        raise Problem(f"this is no row: {line}")
    key = (words[0], int(words[1]))
    if words[7] == "not available":
        return key, None
    if words[7] != "ns" or not all(word.isdigit() for word in words[2:7]):
        raise Problem(f"this is no row: {line}")
    return key, dict(zip(SAMPLE, map(int, words[2:7])))


def parse_options(text):
    return dict(word[2:].partition("=")[::2] for word in text.split())


def read_passes(mode, path):
    passes, current, done = [], None, False
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith("@@begin"):
            current = Pass(mode, parse_options(line[len("@@begin"):]))
        elif line.startswith("@@end ") and current:
            if line != "@@end 0":
                raise Problem(f"{path}: kdbus-bench ended with status {line.split()[1]}")
            passes.append(current)
            current = None
        elif line.startswith("#") and current:
            current.about = line[1:].strip()
        elif current:
            key, figures = parse_row(line)
            if key in current.rows:
                raise Problem(f"{path}: {key[0]} {key[1]} stands there twice")
            current.rows[key] = figures
        done = line == "@@done"
    if not done or current or not passes:
        raise Problem(f"{path}: is not complete")
    return passes


# ---- table -----------------------------------------------------------------

def size_text(size):
    for unit, text in ((MIB, "M"), (KIB, "K")):
        if size >= unit and size % unit == 0:
            return f"{size // unit}{text}"
    return str(size)


def times(ratio):
    return "-" if ratio is None else f"{ratio:.2f}x"


def amount(value):
    return "-" if value is None else f"{value}"


def print_lines(head, lines, left=()):
    """A table: name, then columns to the right, those in left to the left."""
    lines = [head, *lines]
    width = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        cells = (cell.ljust(width[i]) if i in (0, *left) else cell.rjust(width[i]) for i, cell in enumerate(line))
        print("  " + "  ".join(cells).rstrip())


def print_calls(run, reference):
    """Rows over payload."""
    rows = run.names(payloads=True)
    payloads = sorted({payload for row, payload in run.rows if row in rows})
    if not rows:
        return
    print(f"\nCall and reply: {run.unit} of AF_UNIX SEQPACKET, the others as ratio to it\n")
    lines = []
    for row in rows:
        if row == "seqpacket":
            lines.insert(0, [row] + [amount(run.value(row, payload)) for payload in payloads])
        else:
            lines.append([row] + [times(run.ratio(row, payload)) for payload in payloads])
    print_lines(["payload"] + [size_text(payload) for payload in payloads], lines)
    if not reference:
        return
    print("\n  Reference (instructions)\n")
    lines = [["AF_UNIX SEQPACKET", *map(str, REFERENCE_BASE)]]
    lines += [[name, *map(times, ratios)] for name, ratios in REFERENCE]
    print_lines(["payload", *map(size_text, REFERENCE_PAYLOADS)], lines)
    print(f"\n  {REFERENCE_MORE}")


def further(run, kind):
    """What each receiver beyond the first one costs, from the fewest and the most."""
    values = {number_of(row): run.value(row, 64) for row, payload in run.rows
              if row.rpartition("-")[0] == kind and run.value(row, payload)}
    if len(values) < 2:
        return None
    few, many = min(values), max(values)
    return round((values[many] - values[few]) / (many - few))


def print_fanout(run, reference):
    """Rows over the number of receivers."""
    numbers = sorted({number_of(row) for row, _ in run.rows if row.startswith("seqpacket-fanout-")})
    if not numbers:
        return
    print(f"\n64 bytes to many receivers: {run.unit} until all have them\n")
    lines = []
    for kind in ("seqpacket-fanout", "kdbus-broadcast"):
        values = [run.value(f"{kind}-{number}", 64) for number in numbers]
        lines.append([kind] + [amount(value) for value in values] + [amount(further(run, kind))])
    ratios = [times(run.ratio(f"kdbus-broadcast-{number}", 64)) for number in numbers]
    lines.append(["ratio", *ratios, ""])
    print_lines(["receivers"] + [str(number) for number in numbers] + ["each further"], lines)
    if reference:
        print(f"\n  Reference (instructions), {REFERENCE_FURTHER}")


def print_fixed(run, reference):
    """Rows without size, and those over connections."""
    rows = [row for row in run.names(payloads=False) if "fanout" not in row and "broadcast" not in row]
    if not rows:
        return
    print(f"\nOthers: {run.unit}; of metadata also what it adds to kdbus-sync\n")
    lines, plain = [], run.value("kdbus-sync", 0)
    for row in rows:
        value = run.value(row, 64 if number_of(row) else 0)
        added = f"{value - plain:+d}" if value and plain and row.startswith("kdbus-meta-") else ""
        lines.append([row, amount(value), added, REFERENCE_FIXED.get(row, "") if reference else ""])
    print_lines(["", run.unit, "adds", "reference (instructions)" if reference else ""], lines, left=(3,))


# ---- targets ---------------------------------------------------------------

def worst(run, row, payloads, base="seqpacket"):
    """The largest ratio over some payloads; None unless all are there."""
    ratios = [run.ratio(row, payload, (base, payload)) for payload in payloads]
    return None if None in ratios else max(ratios)


def quotient(upper, lower):
    return upper / lower if upper and lower else None


def spread(run, row, payloads):
    values = [run.value(row, payload) for payload in payloads]
    return None if None in values else max(values) / min(values)


def targets(run):
    """(what, measured, must, goal) of each target of the raw interface."""
    small, large, reused = (0, 64, KIB), (64 * KIB, 512 * KIB, 2 * MIB), (64 * KIB, 512 * KIB, 2 * MIB, 4 * MIB)
    full = "kdbus-full" if run.value("kdbus-full") else "kdbus-sync"
    yield f"{full}, 0 to 1 KiB, to seqpacket", worst(run, full, small), 1.0, 0.65
    yield ("kdbus-async, 0 to 1 KiB, to seqpacket-epoll",
           worst(run, "kdbus-async", small, "seqpacket-epoll"), 1.2, 1.0)
    for payload in large:
        yield f"{full}, {size_text(payload)}, to seqpacket", run.ratio(full, payload), 0.7, 0.55
    yield "kdbus-memfd-reused, 64K to 4M: most to least", spread(run, "kdbus-memfd-reused", reused), 1.05, 1.0
    yield ("kdbus-memfd-reused to kdbus-sync without payload",
           quotient(run.value("kdbus-memfd-reused", 64 * KIB), run.value("kdbus-sync")), None, 1.2)
    for kind in ("kdbus-idle", "kdbus-unmatched"):
        yield (f"{kind}: 1000 connections to 10",
               quotient(run.value(f"{kind}-1000", 64), run.value(f"{kind}-10", 64)), 1.1, 1.0)
    yield ("kdbus-crowded to kdbus-name",
           quotient(run.value("kdbus-crowded"), run.value("kdbus-name")), 1.1, 1.0)
    figures = run.rows.get((full, 0))
    if figures and run.pin != "none" and run.mode == "kvm":
        yield f"{full}: p99 to p50", figures["p99"] / figures["p50"], 2.0, None


def print_targets(run):
    print("\nTargets\n")
    lines = []
    for what, measured, must, goal in targets(run):
        if measured is None:
            verdict = "not available"
        elif must is not None and measured > must:
            verdict = "MISSED"
        else:
            verdict = "goal" if goal is not None and measured <= goal else "met" if must is not None else "goal missed"
        lines.append([what, times(measured), times(must), times(goal), verdict])
    print_lines(["", "measured", "must", "goal", ""], lines, left=(4,))


def print_pass(run, reference):
    """All tables of a pass; with the reference figures, which are the same for all of them."""
    place = PLACES.get(run.pin, run.pin)
    title = f"{run.mode}: {run.unit}, {run.statistic}, {place}"
    print(f"\n{title}\n{'=' * len(title)}\n{run.about}")
    if run.mode == "icount":
        print("Virtual time counts instructions: code paths only, no cache, no TLB, no other CPU; copied bytes\n"
              "are dearer than on silicon, so that a copy less looks better than it is.")
    elif run.mode == "tcg":
        print("Emulated: each switch of address space is so dear that small differences vanish.")
    print_calls(run, reference)
    print_fanout(run, reference)
    print_fixed(run, reference)
    print_targets(run)


# ---- CSV and plots ---------------------------------------------------------

def write_csv(path, passes):
    reference = {("seqpacket", payload): value for payload, value in zip(REFERENCE_PAYLOADS, REFERENCE_BASE)}
    with open(path, "w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream)
        out.writerow(["mode", "pin", "row", "payload", *SAMPLE, "unit", "ratio", "reference"])
        for run in passes:
            for (row, payload), figures in run.rows.items():
                ratio = run.ratio(row, payload)
                out.writerow([run.mode, run.pin, row, payload, *(figures[name] if figures else "" for name in SAMPLE),
                              run.unit if figures else "not available", f"{ratio:.4f}" if ratio else "",
                              reference.get((row, payload), "")])
        for name, ratios in REFERENCE:
            for payload, ratio, base in zip(REFERENCE_PAYLOADS, ratios, REFERENCE_BASE):
                out.writerow(["reference", "1", name, payload, "", "", round(ratio * base), "", "", "instructions",
                              f"{ratio:.4f}", ""])


COLOURS = ("#000000", "#d62728", "#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#e377c2", "#17becf",
           "#7f7f7f")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 900, 520, 80, 220, 40, 60


def plot(title, labels, series):
    """An SVG: one line per series over equidistant labels, logarithmic upwards."""
    values = [value for line in series.values() for value in line if value]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) + 0.01)
    inner_x, inner_y = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(i):
        return LEFT + inner_x * i / max(1, len(labels) - 1)

    def y(value):
        return TOP + inner_y * (high - math.log10(value)) / (high - low)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" '
           f'font-size="12">', '<rect width="100%" height="100%" fill="#fff"/>',
           f'<text x="{LEFT}" y="24" font-size="15">{title}</text>']
    for power in range(low, high + 1):
        at = y(10 ** power)
        out += [f'<line x1="{LEFT}" y1="{at:.1f}" x2="{LEFT + inner_x}" y2="{at:.1f}" stroke="#ddd"/>',
                f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{10 ** power}</text>']
    for i, label in enumerate(labels):
        out.append(f'<text x="{x(i):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{label}</text>')
    for number, (name, line) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        dash = ' stroke-dasharray="6 4"' if number >= len(COLOURS) else ""
        points = " ".join(f"{x(i):.1f},{y(value):.1f}" for i, value in enumerate(line) if value)
        out += [f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>',
                f'<text x="{LEFT + inner_x + 12}" y="{TOP + 16 * number + 12}" fill="{colour}">{name}</text>']
    return "\n".join(out + ["</svg>", ""])


def plots_of(run):
    """(name, title, labels, series) of each plot of a pass."""
    place = f"{run.unit}, {PLACES.get(run.pin, run.pin)} ({run.mode})"
    rows = run.names(payloads=True)
    payloads = sorted({payload for row, payload in run.rows if row in rows})
    yield ("payload", f"Call and reply over bytes of payload: {place}", [size_text(payload) for payload in payloads],
           {row: [run.value(row, payload) for payload in payloads] for row in rows})
    numbers = sorted({number_of(row) for row, _ in run.rows if row.startswith("seqpacket-fanout-")})
    yield ("receivers", f"64 bytes over number of receivers: {place}", [str(number) for number in numbers],
           {kind: [run.value(f"{kind}-{number}", 64) for number in numbers]
            for kind in ("seqpacket-fanout", "kdbus-broadcast")})


def write_plots(directory, passes):
    for run in passes:
        for name, title, labels, series in plots_of(run):
            series = {key: line for key, line in series.items() if any(line)}
            if series:
                path = Path(directory) / f"{name}-{run.mode}-{run.pin}.svg"
                path.write_text(plot(title, labels, series), encoding="utf-8")


# ---- limits ----------------------------------------------------------------

def read_limits(path):
    limits = {}
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            row, payload, limit = words
            limits[row, int(payload)] = float(limit)
        except ValueError as error:
            raise Problem(f"{path}:{number}: is not 'row payload limit': {line}") from error
    if not limits:
        raise Problem(f"{path}: there is no limit in it")
    return limits


def has_ratio(run, row, payload):
    return row.startswith("kdbus-") and run.ratio(row, payload) is not None


def check_limits(tap, run, limits):
    for (row, payload), limit in limits.items():
        ratio = run.ratio(row, payload)
        if ratio is None:
            tap.check(False, f"{row} {payload}: at most {limit:.3f} x {base_of(row, payload)[0]}", "not measured")
        else:
            tap.check(ratio <= limit, f"{row} {payload}: {ratio:.3f}, at most {limit:.3f} x {base_of(row, payload)[0]}")
    for row, payload in run.rows:
        if has_ratio(run, row, payload) and (row, payload) not in limits:
            tap.say(f"no limit for {row} {payload}: {run.ratio(row, payload):.3f}")


def print_suggestions(run):
    """Limits; none where next to nothing is left of what SEQPACKET costs."""
    print()
    for row, payload in run.rows:
        if has_ratio(run, row, payload) and run.ratio(row, payload) > 0.1:
            print(f"{row:<24} {payload:>8} {math.ceil(run.ratio(row, payload) * 1030) / 1000:.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="+", metavar="MODE=FILE")
    parser.add_argument("--csv", metavar="FILE")
    parser.add_argument("--svg", metavar="DIRECTORY")
    parser.add_argument("--limits", metavar="FILE", help="compare the first pass under icount with these limits")
    parser.add_argument("--no-table", action="store_true")
    parser.add_argument("--suggest", action="store_true", help="print limits a little above what was measured")
    args = parser.parse_args()
    passes = []
    for result in args.results:
        mode, _, path = result.partition("=")
        passes += read_passes(mode, path)
    counted = [run for run in passes if run.mode == "icount"]
    if not args.no_table:
        for number, run in enumerate(passes):
            print_pass(run, reference=number == 0)
    if args.csv:
        write_csv(args.csv, passes)
    if args.svg:
        write_plots(args.svg, passes)
    if (args.limits or args.suggest) and not counted:
        raise Problem("limits are for icount, which was not measured")
    if args.suggest:
        print_suggestions(counted[0])
    if args.limits:
        tap = Tap()
        if not args.no_table:
            print()
        check_limits(tap, counted[0], read_limits(args.limits))
        return tap.finish()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Problem as problem:
        sys.exit(f"error: {problem}")
