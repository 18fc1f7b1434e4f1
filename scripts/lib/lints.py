# SPDX-License-Identifier: GPL-2.0
"""The lints of scripts/lint: each takes a Context and yields complaints.

A lint that has nothing to look at yet yields nothing; scripts/lint --self-test
shows for each one a sample it accepts and samples it refuses.
"""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

# Layers of ipc/kdbus, lowest first: a file may include what stands in an earlier row, or
# earlier in its own row. Documentation of the layers: ipc/kdbus/main.c.
LAYERS = (
    ("limits", "util", "active", "item", "args", "pool", "quota"),
    ("policy", "names", "match", "reply", "queue", "facts", "meta", "files", "message"),
    ("node", "domain", "bus", "endpoint", "conn"),
    ("access", "delivery", "call", "tx", "notify", "handover", "ownership", "teardown"),
    ("cmd",),
    ("cmd_bus", "cmd_conn", "cmd_msg", "cmd_query", "cmd_name", "cmd_match"),
    ("ioctl", "handle", "fs", "main"),
)
# Files of a row whose members may not include each other.
STRANGERS = {"cmd_bus", "cmd_conn", "cmd_msg", "cmd_name", "cmd_match"}
# Declarations that any file may include and that include nothing of ours.
SIDE = {"security", "trace"}
# Files that include nothing of ours.
ALONE = {"abi"}

FUNCTION_MAX, FUNCTION_P90 = 80, 45
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
NAME = re.compile(r"\bKDBUS_[A-Z0-9_]*[A-Z0-9]\b")
WILDCARD = re.compile(r"\b(KDBUS_[A-Z0-9_]*_)(?=\*)")
# Names of the interface that other headers define.
FOREIGN_NAMES = {"KDBUS_SUPER_MAGIC"}
PLACES = re.compile("/work" r"/(main|shared)\b|/var/tmp" r"/kd\b|/\.library" r"/")
MIRRORS = re.compile(r"\b(deb|ftp|cdn|security|snapshot|mirrors?)(\.[a-z0-9-]+)*\.(debian|ubuntu)"
                     r"\.(org|com|net)\b|https?://\S+/debian(-security)?\b")
NOTES = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
SPDX = "SPDX-License" "-Identifier: "
SKIPPED_DIRECTORIES = {".git", "__pycache__", ".pc"}


@dataclass
class Context:
    """What the lints look at."""

    root: Path
    base: Path = Path("/nonexistent")

    def files(self, *tops, pattern="*"):
        """Sorted files below some directories, relative to the root."""
        found = []
        for top in tops or (".",):
            for where, dirs, names in os.walk(self.root / top):
                dirs[:] = sorted(set(dirs) - SKIPPED_DIRECTORIES)
                found += [(Path(where) / name).relative_to(self.root) for name in names]
        return sorted(path for path in found if path.match(pattern))

    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")


def run(args, **more):
    done = subprocess.run([str(arg) for arg in args], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **more)
    return done.returncode, done.stdout


# ---- layers ----------------------------------------------------------------

def stem_of(path):
    """Which unit a file belongs to; a test belongs to what it tests."""
    return path.stem.removesuffix("_kunit") if path.parent.name == "tests" else path.stem


def rank(stem):
    for row, names in enumerate(LAYERS):
        if stem in names:
            return row, names.index(stem)
    return None


def include_allowed(stem, other):
    if other == stem or other in SIDE:
        return True
    if stem in SIDE or stem in ALONE or {stem, other} <= STRANGERS:
        return False
    return rank(other) is not None and rank(other) < rank(stem)


def lint_layers(ctx):
    """ipc/kdbus: #include lines follow the layers"""
    for path in ctx.files("ipc/kdbus", pattern="*.[ch]"):
        stem = stem_of(path)
        if rank(stem) is None and stem not in SIDE | ALONE:
            yield f"{path}: has no place in the table of layers (scripts/lib/lints.py)"
            continue
        for name in INCLUDE.findall(ctx.text(path)):
            target = Path(os.path.normpath(path.parent / name))
            other = stem_of(target)
            if target.parts[:2] != ("ipc", "kdbus"):
                yield f'{path}: includes "{name}", which is outside ipc/kdbus; use <…>'
            elif not (ctx.root / target).is_file():
                yield f'{path}: includes "{name}", which does not exist'
            elif not include_allowed(stem, other):
                yield f'{path}: includes "{name}" of a layer that it may not use'


# ---- sources ---------------------------------------------------------------

def functions(text):
    """(line of the opening brace, name, lines of the body) of each C function."""
    lines, start, name = text.split("\n"), None, ""
    for number, line in enumerate(lines, 1):
        if line == "{":
            head = " ".join(lines[max(0, number - 6):number - 1])
            names = re.findall(r"(\w+)\s*\(", head.rsplit(";", 1)[-1].rsplit("}", 1)[-1])
            start, name = number, names[0] if names else "?"
        elif line.startswith("}") and start is not None:
            yield start, name, number - start - 1
            start = None


def lint_function_length(ctx):
    """ipc/kdbus: no function over 80 lines, 90 % under 45"""
    lengths = []
    for path in ctx.files("ipc/kdbus", pattern="*.c"):
        for line, name, length in functions(ctx.text(path)):
            lengths.append(length)
            if length > FUNCTION_MAX:
                yield f"{path}:{line}: {name}() has {length} lines, more than {FUNCTION_MAX}"
    lengths.sort()
    if lengths and lengths[(len(lengths) * 9 + 9) // 10 - 1] > FUNCTION_P90:
        yield f"less than 90 % of {len(lengths)} functions have at most {FUNCTION_P90} lines"


def lint_spdx(ctx):
    """sources: the licence is named in the first line"""
    for path in ctx.files("ipc", "include", "tools", "systemd-integration/overlay"):
        if path.suffix not in (".c", ".h", ".sh", ".py") and path.name not in ("Makefile", "Kconfig"):
            continue
        lines = ctx.text(path).split("\n")
        line = lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0]
        if SPDX not in line:
            yield f"{path}: no {SPDX.strip()} in the first line"


def added(path, text):
    """Numbered lines of a file that are ours; of a diff only what it adds."""
    for number, line in enumerate(text.split("\n"), 1):
        if path.suffix not in (".diff", ".patch") or (line.startswith("+") and not line.startswith("+++")):
            yield number, line


def lint_words(ctx):
    """everywhere: no path of one machine, no mirror's name, no left-over note"""
    for path in ctx.files():
        if path.suffix == ".patch":
            continue
        for number, line in added(path, ctx.text(path)):
            for what, pattern in (("a path of one machine", PLACES), ("the name of a mirror", MIRRORS),
                                  ("a left-over note", NOTES)):
                match = pattern.search(line)
                if match:
                    yield f"{path}:{number}: {what}: {match.group(0)}"


def lint_whitespace(ctx):
    """everywhere: no trailing space, every file ends with a line end"""
    for path in ctx.files():
        if path.suffix in (".diff", ".patch"):
            continue
        text = ctx.text(path)
        if text and not text.endswith("\n"):
            yield f"{path}: does not end with a line end"
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip():
                yield f"{path}:{number}: trailing space"


# ---- scripts ---------------------------------------------------------------

def is_shell(ctx, path):
    if path.suffix == ".sh":
        return True
    first = ctx.text(path).split("\n", 1)[0]
    return bool(re.match(r"#!.*\b(bash|sh|dash)\b|# shellcheck shell=", first))


def lint_shellcheck(ctx):
    """shell scripts: shellcheck has nothing to say"""
    scripts = [path for path in ctx.files("scripts", ".ci", "systemd-integration", "tools")
               if path.suffix not in (".patch", ".diff", ".c", ".h") and is_shell(ctx, path)]
    if scripts:
        status, text = run(["shellcheck", "--format=gcc", "--external-sources", *scripts], cwd=ctx.root)
        if status:
            yield from text.splitlines()


def lint_python(ctx):
    """Python scripts: pyflakes has nothing to say"""
    scripts = [path for path in ctx.files("scripts", "systemd-integration")
               if path.suffix == ".py" or ctx.text(path).startswith("#!/usr/bin/env python3")]
    if scripts:
        status, text = run(["pyflakes3", *scripts], cwd=ctx.root)
        if status:
            yield from text.splitlines()


# ---- documentation ---------------------------------------------------------

def lint_manual_names(ctx):
    """Documentation/kdbus.txt: the names of the header, all of them and no others"""
    manual, header = "Documentation/kdbus.txt", "include/uapi/linux/kdbus.h"
    if not (ctx.root / manual).is_file() or not (ctx.root / header).is_file():
        return
    names, text = set(NAME.findall(ctx.text(header))), ctx.text(manual)
    said = set(NAME.findall(text))
    yield from (f"{manual}: does not mention {name}" for name in sorted(names - said))
    yield from (f"{manual}: mentions {name}, which {header} does not have"
                for name in sorted(said - names - FOREIGN_NAMES))
    for prefix in sorted(set(WILDCARD.findall(text))):
        if not any(name.startswith(prefix) for name in names):
            yield f"{manual}: mentions {prefix}*, but {header} has no such name"


def lint_manual_syntax(ctx):
    """Documentation/kdbus.txt: valid reStructuredText"""
    manual = "Documentation/kdbus.txt"
    if (ctx.root / manual).is_file():
        status, text = run(["python3", "-m", "docutils", "--report=info", "--halt=5", "--exit-status=2",
                            "--syntax-highlight=none", "--writer=null", manual], cwd=ctx.root)
        if status or text.strip():
            yield from text.splitlines() or [f"docutils failed with status {status}"]


def lint_manual_example(ctx):
    """Documentation/kdbus.txt: its example is the one that is compiled"""
    script = "tools/testing/selftests/kdbus/check-manual.sh"
    if (ctx.root / script).is_file():
        status, text = run(["bash", script], cwd=ctx.root)
        if status:
            yield from text.splitlines() or [f"{script} failed with status {status}"]


def lint_vendored_header(ctx):
    """systemd's copy of the header is the header as the kernel installs it"""
    script = "systemd-integration/check-header"
    if (ctx.root / script).is_file():
        status, text = run([f"./{script}"], cwd=ctx.root)
        if status:
            yield from text.splitlines() or [f"{script} failed with status {status}"]


def lint_kernel_doc(ctx):
    """header and ipc/kdbus: kernel-doc has nothing to say"""
    sources = ctx.files("include", "ipc", pattern="*.[ch]")
    if sources:
        status, text = run([ctx.base / "scripts/kernel-doc", "-none", "-Wall", *sources], cwd=ctx.root)
        if status or text.strip():
            yield from text.splitlines() or [f"kernel-doc failed with status {status}"]


LINTS = {
    "layers": lint_layers,
    "function-length": lint_function_length,
    "spdx": lint_spdx,
    "words": lint_words,
    "whitespace": lint_whitespace,
    "shellcheck": lint_shellcheck,
    "python": lint_python,
    "manual-names": lint_manual_names,
    "manual-syntax": lint_manual_syntax,
    "manual-example": lint_manual_example,
    "kernel-doc": lint_kernel_doc,
    "vendored-header": lint_vendored_header,
}
