#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of the generator on small made-up repositories; prints TAP."""

import os
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

from patchset import Patchset, PatchsetError, diffstat, parse_diff, split_lines  # noqa: E402
from patchtree import refresh_hooks  # noqa: E402
from tap import Tap  # noqa: E402

MESSAGE = ("From: A B <a@b.example>\nDate: Sun, 22 Nov 2026 00:00:00 +0000\nSubject: kdbus: add it\n\n"
           "Body.\n\nSigned-off-by: A B <a@b.example>\n")
HOOK = "--- a/ipc/Makefile\n+++ b/ipc/Makefile\n@@ -1,2 +1,3 @@\n one\n+two\n three\n"
GOOD = {
    "scripts/patchset/manifest": "growing ipc/k/Makefile\ngroup first\npatch a\n\tipc/k/Makefile\n"
                                 "\tipc/k/main.c\ngroup second\npatch b\n\tipc/k/util.c\n\ttools/t/\n",
    "scripts/patchset/msg/a": MESSAGE,
    "scripts/patchset/msg/b": MESSAGE.replace("\n\nSigned", "\n---\n\nSigned"),
    "scripts/patchset/hooks/a.diff": HOOK,
    "ipc/k/Makefile": "obj-$(CONFIG_K) += k.o\n\nk-y += main.o\nk-y += util.o\n",
    "ipc/k/main.c": "main\n",
    "ipc/k/util.c": "util\n",
    "tools/t/x.sh": "x\n",
    "tools/t/.gitignore": "y\n",
}


def change(**files):
    """The good repository with other texts: None removes, a callable edits."""
    out = dict(GOOD)
    for key, value in files.items():
        path = next((name for name in out if name.replace("/", "_").replace(".", "_").endswith(key)), key)
        out[path] = value(out[path]) if callable(value) else value
    return {path: text for path, text in out.items() if text is not None}


REFUSED = (
    ("a named file is missing", change(main_c=None), "ipc/k/main.c does not exist"),
    ("a file belongs to no patch", {**GOOD, "include/x.h": "x\n"}, "include/x.h belongs to no patch"),
    ("a file is named twice", change(manifest=lambda t: t + "\tipc/k/main.c\n"), "named twice"),
    ("a message is missing", change(msg_b=None), "msg/b cannot be read"),
    ("a message belongs to no patch", {**GOOD, "scripts/patchset/msg/c": MESSAGE}, "msg/c belongs to no patch"),
    ("a hook belongs to no patch", {**GOOD, "scripts/patchset/hooks/c.diff": HOOK}, "c.diff belongs to no patch"),
    ("a message has no Date", change(msg_b=MESSAGE.replace("Date", "When")), "header line not expected"),
    ("a message has no body", change(msg_b=MESSAGE.split("\n\n", maxsplit=1)[0] + "\n"), "no empty line"),
    ("a patch is empty", change(manifest=lambda t: t + "patch c\n", **{"scripts/patchset/msg/c": MESSAGE}),
     "patch c is empty"),
    ("a patch is there twice", change(manifest=lambda t: t + "patch a\n"), "patch a is there twice"),
    ("the manifest has an unknown line", change(manifest=lambda t: t + "nonsense\n"), "cannot be understood"),
    ("a hook creates a file", change(a_diff=HOOK.replace("a/ipc/Makefile", "/dev/null")), "neither create nor delete"),
    ("a hook changes a plain file", change(a_diff=HOOK.replace("ipc/Makefile", "ipc/k/main.c")), "is a plain file"),
    ("a hunk is too short", change(a_diff=HOOK.replace("-1,2", "-1,3")), "does not have the lines"),
    ("a hook holds no diff", change(a_diff="nothing\n"), "holds no diff"),
    ("an object has no source", change(k_Makefile=lambda t: t + "k-y += gone.o\n"), "needs ipc/k/gone.c"),
    ("a file has no final line end", change(main_c="main"), "does not end with a line end"),
    ("a file has carriage returns", change(main_c="main\r\n"), "carriage returns"),
    ("a file is binary", change(main_c="ma\0in\n"), "is a binary file"),
    ("a directory of the manifest is empty", change(manifest=lambda t: t + "\ttools/none/\n"), "no file below"),
)


def write(root, files):
    for path, text in files.items():
        target = Path(root) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())


def build(files):
    with tempfile.TemporaryDirectory() as root:
        write(root, files)
        if (Path(root) / "tools/t/x.sh").exists():
            os.chmod(Path(root) / "tools/t/x.sh", 0o755)
        return {name: data.decode() for name, data in Patchset(root, "kernel").build().items()}


def test_output(tap):
    out = build(GOOD)
    first, second = out["patches/a.patch"], out["patches/b.patch"]
    tap.check(out["series"] == "# first\na.patch\n\n# second\nb.patch\n", "series lists groups and patches")
    tap.check("+k-y += main.o\n" in first and "util" not in first, "the Makefile has only what is there")
    tap.check("@@ -1,3 +1,4 @@\n obj-$(CONFIG_K) += k.o\n \n k-y += main.o\n+k-y += util.o\n" in second,
              "the Makefile grows by a hunk", second)
    late = build(change(k_Makefile=lambda t: t.replace("k-y += util", "\nk-y += util")))
    tap.check("main.o\ndiff" in late["patches/a.patch"] and "+\n+k-y += util.o\n" in late["patches/b.patch"],
              "no empty line at the end of a growing file")
    tap.check("new file mode 100755\n" in second, "an executable file keeps its mode")
    tap.check("/dev/null\n+++ b/tools/t/.gitignore\n" in second, "a hidden file is in the patch")
    tap.check(HOOK in first, "a hook is taken as it is")
    tap.check(build(GOOD) == out, "the same sources give the same bytes")
    stat = diffstat(parse_diff(split_lines(HOOK), "hook"))
    tap.check(stat == [" ipc/Makefile | 1 +", " 1 file changed, 1 insertion(+)"], "the diffstat counts", stat)


def test_refusals(tap):
    for name, files, sentence in REFUSED:
        try:
            build(files)
            said = "nothing was refused"
        except PatchsetError as err:
            said = str(err)
        tap.check(sentence in said, f"refused: {name}", said)


def test_refresh(tap):
    """Hooks follow their lines to another place; two hooks of one file add up."""
    second = "--- a/ipc/Makefile\n+++ b/ipc/Makefile\n@@ -3,1 +3,2 @@\n three\n+four\n"
    files = {**GOOD, "scripts/patchset/hooks/b.diff": second}
    with tempfile.TemporaryDirectory() as root, tempfile.TemporaryDirectory() as tree:
        write(root, files)
        write(tree, {"ipc/Makefile": "zero\nhalf\none\nthree\n", "Makefile": "VERSION = 6\n"})
        refresh_hooks(Patchset(root, "kernel"), Path(tree))
        texts = [(Path(root) / f"scripts/patchset/hooks/{slug}.diff").read_text(encoding="utf-8") for slug in "ab"]
        tap.check("@@ -3,2 +3,3 @@\n one\n+two\n three\n" in texts[0], "--refresh moves a hook", texts[0])
        tap.check("@@ -5 +5,2 @@\n three\n+four\n" in texts[1], "--refresh counts earlier hooks", texts[1])
        write(tree, {"ipc/Makefile": "one\nother\n"})
        try:
            refresh_hooks(Patchset(root, "kernel"), Path(tree))
            said = "nothing was refused"
        except PatchsetError as err:
            said = str(err)
        tap.check("does not fit this tree" in said, "--refresh refuses a hook that does not fit", said)


if __name__ == "__main__":
    results = Tap()
    test_output(results)
    test_refusals(results)
    test_refresh(results)
    sys.exit(results.finish())
