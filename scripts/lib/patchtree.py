# SPDX-License-Identifier: GPL-2.0
"""Hook diffs against a tree: exact places of hunks, corrected line numbers."""

import re

from patchset import PatchsetError, split_lines


def place(lines, old, guess):
    """Where the lines of a hunk stand, nearest to the guess; -1 if nowhere."""
    count = len(old)
    spots = [at for at in range(len(lines) - count + 1) if lines[at:at + count] == old]
    return min(spots, key=lambda at: abs(at - guess), default=-1)


def apply_diff(lines, diff, name):
    """Apply one file diff; corrects its line numbers in place."""
    shift, drift = 0, 0
    for hunk in diff.hunks:
        old, new = hunk.old_lines(), hunk.new_lines()
        guess = hunk.old_start - 1 + shift + drift
        at = place(lines, old, guess)
        if at < 0:
            raise PatchsetError(f"{name}: the hunk at line {hunk.old_start} of {diff.path} does "
                                "not fit this tree; redo it by hand.")
        drift += at - guess
        hunk.old_start, hunk.new_start = at - shift + 1, at + 1
        lines[at:at + len(old)] = new
        shift += len(new) - len(old)


def base_version(tree):
    """The release of a pristine tree of Linux or of systemd, as the manifests give it."""
    changelog = tree / "debian/changelog"
    if changelog.is_file():
        match = re.search(r"\(([^)]+)\)", changelog.read_text(encoding="utf-8").split("\n", 1)[0])
        return match.group(1) if match else ""
    if (tree / "meson.version").is_file():
        return (tree / "meson.version").read_text(encoding="utf-8").strip()
    text = (tree / "Makefile").read_text(encoding="utf-8")[:1000]
    parts = [re.search(rf"^{name} = *(\S*)$", text, re.M) for name in
             ("VERSION", "PATCHLEVEL", "SUBLEVEL")]
    return ".".join(match.group(1) for match in parts if match)


def write_base(patchset, version):
    """Note in the manifest for which release the hooks are exact."""
    path = patchset.base / "manifest"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"^base .*$", f"base {version}", text, flags=re.M), encoding="utf-8")


def refresh_hooks(patchset, tree):
    """Rewrite the hooks of a series with the line numbers of this tree."""
    state = {}
    for patch in patchset.manifest.patches:
        diffs = patchset.hook(patch.slug)
        name = f"{patchset.layout.patchset}/hooks/{patch.slug}.diff"
        for diff in diffs:
            if diff.path not in state:
                try:
                    text = (tree / diff.path).read_text(encoding="utf-8")
                except OSError as err:
                    raise PatchsetError(f"{name}: {diff.path} is not in {tree}.") from err
                state[diff.path] = split_lines(text)
            apply_diff(state[diff.path], diff, name)
        if diffs:
            text = "".join(line + "\n" for diff in diffs for line in diff.text())
            (patchset.root / name).write_text(text, encoding="utf-8")
    write_base(patchset, base_version(tree))
