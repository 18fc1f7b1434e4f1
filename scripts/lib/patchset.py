# SPDX-License-Identifier: GPL-2.0
"""The patch sets of this repository: manifest, messages, hooks, generated patches.

Everything here is a pure function of the files of the repository, so that the
same checkout gives the same bytes on any machine. Only the standard library.
"""

import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

CONTEXT = 3
MBOX_LINE = "From " + "0" * 40 + " Mon Sep 17 00:00:00 2001"
SLUG = re.compile(r"[a-z0-9][a-z0-9-]*\Z")
HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)\Z")
OBJECT_LINE = re.compile(r"[^#]*\+=\s*(\S+)\.o\s*\Z")
QUOTED_LINE = re.compile(r"[^'#]*'([^']+\.[ch])'[^']*\Z")
DEVNULL = "/dev/null"
# What editors, compilers and checkpatch leave behind; .gitignore has it, too.
LEFTOVERS = re.compile(r".*(~|\.swp|\.o|\.orig|\.rej)\Z|\.checkpatch-camelcase\.")


class PatchsetError(Exception):
    """One sentence that tells the person at the keyboard what to correct."""


@dataclass(frozen=True)
class Layout:
    """Where one of the two series keeps its parts, relative to the repository."""

    name: str
    patchset: str
    files: str
    owned: tuple
    patches: str
    series: str


LAYOUTS = {
    "kernel": Layout("kernel", "scripts/patchset", ".",
                     ("ipc", "include", "Documentation", "tools"), "patches", "series"),
    "systemd": Layout("systemd", "systemd-integration/patchset", "systemd-integration/overlay",
                      (".",), "systemd-integration/patches", "systemd-integration/series"),
}


@dataclass
class Hunk:
    old_start: int
    new_start: int
    section: str
    lines: list

    def old_lines(self):
        return [line[1:] for line in self.lines if line[0] in " -"]

    def new_lines(self):
        return [line[1:] for line in self.lines if line[0] in " +"]

    def text(self):
        old, new = len(self.old_lines()), len(self.new_lines())
        head = f"@@ -{span(self.old_start, old)} +{span(self.new_start, new)} @@{self.section}"
        return [head] + self.lines


@dataclass
class FileDiff:
    """The change of one file; mode is set for a new file only."""

    path: str
    hunks: list
    mode: str = ""
    index: str = ""

    def text(self):
        out = [f"diff --git a/{self.path} b/{self.path}"]
        if self.mode:
            out.append(f"new file mode {self.mode}")
        if self.index:
            out.append(f"index {self.index}")
        out.append("--- " + (DEVNULL if self.mode else f"a/{self.path}"))
        out.append(f"+++ b/{self.path}")
        for hunk in self.hunks:
            out += hunk.text()
        return out

    def counts(self):
        lines = [line for hunk in self.hunks for line in hunk.lines]
        return (sum(line[0] == "+" for line in lines), sum(line[0] == "-" for line in lines))


@dataclass
class Patch:
    slug: str
    group: str
    files: list = field(default_factory=list)


@dataclass
class Manifest:
    path: str
    patches: list
    growing: list
    base: str = ""


def span(start, count):
    return str(start) if count == 1 else f"{start},{count}"


def blob_id(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def read_text(path, label):
    """The text of a source file; refuses what a patch cannot carry unharmed."""
    try:
        data = path.read_bytes()
    except OSError as err:
        raise PatchsetError(f"{label} cannot be read: {err.strerror}.") from err
    if b"\0" in data:
        raise PatchsetError(f"{label} is a binary file; remove it or take it out of the way.")
    if b"\r" in data:
        raise PatchsetError(f"{label} has carriage returns; convert it to plain line ends.")
    if not data.endswith(b"\n"):
        raise PatchsetError(f"{label} is empty or does not end with a line end.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as err:
        raise PatchsetError(f"{label} is not valid UTF-8.") from err


def split_lines(text):
    """Lines without their ends; unlike splitlines() only at line feeds."""
    return text.split("\n")[:-1]


class Patchset:
    """One series: reads the sources below a repository, builds the patches."""

    def __init__(self, repository, layout):
        self.root = Path(repository)
        self.layout = LAYOUTS[layout]
        self.base = self.root / self.layout.patchset
        self.files_root = self.root / self.layout.files
        self.manifest = self.read_manifest()
        self.check_complete()

    # -- reading ---------------------------------------------------------

    def label(self, path):
        return os.path.normpath(os.path.join(self.layout.files, path))

    def read_manifest(self):
        name = f"{self.layout.patchset}/manifest"
        patches, growing, group, base = [], [], "", ""
        for number, line in enumerate(split_lines(read_text(self.root / name, name)), 1):
            where = f"{name}:{number}"
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            if line[0] in " \t":
                if not patches:
                    raise PatchsetError(f"{where}: a file before the first patch.")
                patches[-1].files += self.expand(line.strip(), where)
                continue
            keyword, _, value = line.partition(" ")
            value = value.strip()
            if keyword == "group" and value:
                group = value
            elif keyword == "growing" and value:
                growing.append(value)
            elif keyword == "base" and value and not base:
                base = value
            elif keyword == "patch" and SLUG.match(value):
                patches.append(Patch(value, group))
            else:
                raise PatchsetError(f"{where}: cannot be understood: '{line}'.")
        return Manifest(name, patches, growing, base)

    def expand(self, entry, where):
        path = self.files_root / entry
        if not entry.endswith("/"):
            if not path.is_file():
                raise PatchsetError(f"{where}: {self.label(entry)} does not exist.")
            return [entry]
        found = self.walk(entry.rstrip("/"))
        if not found:
            raise PatchsetError(f"{where}: there is no file below {self.label(entry)}.")
        return found

    def walk(self, directory):
        top = self.files_root / directory
        found = []
        if top.is_file():
            found.append(directory)
        for where, _, names in os.walk(top):
            found += [os.path.relpath(os.path.join(where, name), self.files_root)
                      for name in names if not LEFTOVERS.match(name)]
        return sorted(found)

    def check_complete(self):
        """Every plain file in exactly one patch, every slug with its parts."""
        seen = {}
        for patch in self.manifest.patches:
            for path in patch.files:
                if path in seen:
                    raise PatchsetError(f"{self.label(path)} is named twice, in the patches "
                                        f"{seen[path]} and {patch.slug}.")
                seen[path] = patch.slug
        for directory in self.layout.owned:
            for path in self.walk(directory):
                if path not in seen and os.path.basename(path) != ".gitignore":
                    raise PatchsetError(f"{self.label(path)} belongs to no patch: name it in "
                                        f"{self.manifest.path} or remove it.")
        for path in self.manifest.growing:
            if path not in seen:
                raise PatchsetError(f"{self.manifest.path}: growing file {path} is in no patch.")
        self.check_slugs()

    def check_slugs(self):
        slugs = [patch.slug for patch in self.manifest.patches]
        for slug in slugs:
            if slugs.count(slug) > 1:
                raise PatchsetError(f"{self.manifest.path}: patch {slug} is there twice.")
        for directory, suffix in (("msg", ""), ("hooks", ".diff")):
            for path in sorted((self.base / directory).glob("*")):
                if not path.name.endswith(suffix) or path.name.removesuffix(suffix) not in slugs:
                    raise PatchsetError(f"{self.layout.patchset}/{directory}/{path.name} belongs "
                                        f"to no patch of {self.manifest.path}.")

    def source(self, path):
        return read_text(self.files_root / path, self.label(path))

    def mode(self, path):
        return "100755" if os.access(self.files_root / path, os.X_OK) else "100644"

    def message(self, slug):
        """Headers, body and notes (below "---") of a patch message."""
        name = f"{self.layout.patchset}/msg/{slug}"
        text = read_text(self.root / name, name)
        head, gap, rest = text.partition("\n\n")
        if not gap:
            raise PatchsetError(f"{name} has no empty line between its header and its body.")
        headers = {}
        for line in head.split("\n"):
            key, colon, value = line.partition(": ")
            if not colon or key not in ("From", "Date", "Subject") or key in headers:
                raise PatchsetError(f"{name}: header line not expected: '{line}'.")
            headers[key] = value.strip()
        for key in ("From", "Date", "Subject"):
            if not headers.get(key):
                raise PatchsetError(f"{name} has no {key}: line.")
        body, _, notes = rest.partition("\n---\n")
        return headers, split_lines(body.rstrip("\n") + "\n"), split_lines(notes.rstrip("\n") + "\n") if notes.strip() else []

    def hook(self, slug):
        path = self.base / "hooks" / f"{slug}.diff"
        if not path.is_file():
            return []
        name = f"{self.layout.patchset}/hooks/{slug}.diff"
        return parse_diff(split_lines(read_text(path, name)), name)

    # -- building --------------------------------------------------------

    def grown(self, path, present):
        """The lines of a growing file, each with whether it is there yet."""
        directory = os.path.dirname(path)
        every = {name for patch in self.manifest.patches for name in patch.files}
        out = []
        for line in split_lines(self.source(path)):
            wanted = line_needs(line, directory, every)
            out.append((line, wanted is None or wanted in present))
        # What separates later lines from earlier ones comes with the later ones.
        at = len(out) - 1
        while at >= 0 and not (out[at][0].strip() and out[at][1]):
            if not out[at][0].strip() and at != len(out) - 1:
                out[at] = (out[at][0], False)
            at -= 1
        return out

    def diffs(self, number):
        """The file diffs of the patch at this position: hooks, then plain files."""
        patch = self.manifest.patches[number]
        before = {path for earlier in self.manifest.patches[:number] for path in earlier.files}
        after = before | set(patch.files)
        out = self.hook(patch.slug)
        for diff in out:
            if diff.path in after or (self.files_root / diff.path).exists():
                raise PatchsetError(f"hooks/{patch.slug}.diff changes {diff.path}, which is a "
                                    "plain file: edit that instead.")
        for path in patch.files:
            if path not in self.manifest.growing:
                out.append(new_file(path, split_lines(self.source(path)), self.mode(path)))
        for path in self.manifest.growing:
            if path in after:
                out += self.growth(path, before, after)
        if not out:
            raise PatchsetError(f"patch {patch.slug} is empty: it has no file and no hook.")
        return sorted(out, key=lambda diff: diff.path)

    def growth(self, path, before, after):
        new = self.grown(path, after)
        if path not in before:
            return [new_file(path, [line for line, there in new if there], self.mode(path))]
        old = [there for _, there in self.grown(path, before)]
        hunks = insertion_hunks([(line, was, now) for (line, now), was in zip(new, old)])
        if not hunks:
            return []
        ids = [blob_id("".join(line + "\n" for (line, now), was in zip(new, old)
                               if (was if first else now)).encode()) for first in (True, False)]
        return [FileDiff(path, hunks, index=f"{ids[0]}..{ids[1]} {self.mode(path)}")]

    def render(self, number):
        """The text of one patch file."""
        patch = self.manifest.patches[number]
        headers, body, notes = self.message(patch.slug)
        diffs = self.diffs(number)
        out = [MBOX_LINE, f"From: {headers['From']}", f"Date: {headers['Date']}",
               f"Subject: [PATCH] {headers['Subject']}", ""]
        if not headers["Subject"].isascii() or not headers["From"].isascii() or \
           not all(line.isascii() for line in body):
            out[4:4] = ["MIME-Version: 1.0", "Content-Type: text/plain; charset=UTF-8",
                        "Content-Transfer-Encoding: 8bit"]
        out += body + ["---"] + (notes + [""] if notes else []) + diffstat(diffs) + [""]
        for diff in diffs:
            out += diff.text()
        return "".join(line + "\n" for line in out)

    def render_series(self):
        out, group = [], None
        for patch in self.manifest.patches:
            if patch.group != group:
                group = patch.group
                out += ([""] if out else []) + ([f"# {group}"] if group else [])
            out.append(f"{patch.slug}.patch")
        return "".join(line + "\n" for line in out)

    def build(self):
        """Every generated file: path relative to the repository -> bytes."""
        out = {self.layout.series: self.render_series().encode()}
        for number, patch in enumerate(self.manifest.patches):
            out[f"{self.layout.patches}/{patch.slug}.patch"] = self.render(number).encode()
        return out


def line_needs(line, directory, every):
    """The plain file without which a line of a growing file makes no sense."""
    match = OBJECT_LINE.match(line)
    if match and not line.startswith("obj-"):
        name = os.path.normpath(os.path.join(directory, match.group(1) + ".c"))
        if name not in every:
            raise PatchsetError(f"{directory}: '{line.strip()}' needs {name}, which is in no patch.")
        return name
    match = QUOTED_LINE.match(line)
    if match:
        name = os.path.normpath(os.path.join(directory, match.group(1)))
        return name if name in every else None
    return None


def new_file(path, lines, mode):
    data = "".join(line + "\n" for line in lines).encode()
    hunk = Hunk(0, 1, "", ["+" + line for line in lines])
    return FileDiff(path, [hunk], mode, f"{'0' * 40}..{blob_id(data)}")


def insertion_hunks(lines):
    """Hunks between two versions of a file given as (line, was there, is there)."""
    lines = [entry for entry in lines if entry[1] or entry[2]]
    changed = [at for at, (_, was, now) in enumerate(lines) if was != now]
    ranges = []
    for at in changed:
        low, high = max(0, at - CONTEXT), min(len(lines), at + CONTEXT + 1)
        if ranges and low <= ranges[-1][1]:
            ranges[-1][1] = high
        else:
            ranges.append([low, high])
    hunks = []
    for low, high in ranges:
        old = sum(was for _, was, _ in lines[:low]) + 1
        new = sum(now for _, _, now in lines[:low]) + 1
        text = [(" " if was and now else "+" if now else "-") + line
                for line, was, now in lines[low:high]]
        hunks.append(Hunk(old, new, "", text))
    return hunks


def parse_diff(lines, name):
    """The file diffs of a hook; everything but paths and hunks is dropped."""
    out, at = [], 0
    while at < len(lines):
        if not lines[at].startswith("--- "):
            if HUNK.match(lines[at]):
                raise PatchsetError(f"{name}:{at + 1}: a hunk without its '---' and '+++' lines.")
            at += 1
            continue
        path = hook_path(lines, at, name)
        at, hunks = parse_hunks(lines, at + 2, name)
        if not hunks:
            raise PatchsetError(f"{name}: no hunk for {path}.")
        if any(diff.path == path for diff in out):
            raise PatchsetError(f"{name}: {path} is there twice.")
        out.append(FileDiff(path, hunks))
    if not out:
        raise PatchsetError(f"{name} holds no diff.")
    return out


def hook_path(lines, at, name):
    old = lines[at][4:].split("\t")[0].strip()
    new = lines[at + 1][4:].split("\t")[0].strip() if at + 1 < len(lines) else ""
    if DEVNULL in (old, new):
        raise PatchsetError(f"{name}:{at + 1}: a hook may neither create nor delete a file.")
    if old[:2] != "a/" or new[:2] != "b/" or old[2:] != new[2:]:
        raise PatchsetError(f"{name}:{at + 1}: expected '--- a/PATH' and '+++ b/PATH'.")
    return new[2:]


def parse_hunks(lines, at, name):
    hunks = []
    while at < len(lines):
        match = HUNK.match(lines[at])
        if not match:
            break
        where = f"{name}:{at + 1}"
        old_left, new_left = (int(match.group(n) or "1") for n in (2, 4))
        hunk = Hunk(int(match.group(1)), int(match.group(3)), match.group(5), [])
        at += 1
        while old_left > 0 or new_left > 0:
            line = lines[at] if at < len(lines) else None
            line = " " if line == "" else line
            if line is None or line[0] not in " +-":
                raise PatchsetError(f"{where}: the hunk does not have the lines it announces.")
            old_left -= line[0] in " -"
            new_left -= line[0] in " +"
            hunk.lines.append(line)
            at += 1
        if old_left or new_left:
            raise PatchsetError(f"{where}: the hunk does not have the lines it announces.")
        if at < len(lines) and lines[at].startswith("\\"):
            raise PatchsetError(f"{where}: files without a final line end are not supported.")
        hunks.append(hunk)
    return at, hunks


def diffstat(diffs, graph=40):
    """A diffstat as git prints it, plus the new files."""
    counts = [(diff.path, *diff.counts()) for diff in diffs]
    width = max(len(path) for path, _, _ in counts)
    most = max(plus + minus for _, plus, minus in counts)
    digits = len(str(most))
    out = []
    for path, plus, minus in counts:
        bar = ""
        for count, sign in ((plus, "+"), (minus, "-")):
            bar += sign * (count if most <= graph else -(-count * graph // most))
        out.append(f" {path:<{width}} | {plus + minus:>{digits}} {bar}")
    plus, minus = sum(c[1] for c in counts), sum(c[2] for c in counts)
    total = f" {plural(len(counts), 'file')} changed"
    total += f", {plural(plus, 'insertion')}(+)" if plus or not minus else ""
    total += f", {plural(minus, 'deletion')}(-)" if minus else ""
    out.append(total)
    return out + [f" create mode {diff.mode} {diff.path}" for diff in diffs if diff.mode]


def plural(count, word):
    return f"{count} {word}{'' if count == 1 else 's'}"
