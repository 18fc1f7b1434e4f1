#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Prove one generated series: run by scripts/check-patches inside the build tree.

Applies the series on a pristine base by patch(1), git am and quilt, compares the
result with the plain files, checks the messages, and builds every prefix.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True

from patchlint import lint_message  # noqa: E402
from patchset import LAYOUTS, Patchset, PatchsetError, split_lines  # noqa: E402
from patchtree import base_version  # noqa: E402
from prefixbuild import PrefixBuild, sparse_complaints  # noqa: E402
from tap import Tap  # noqa: E402

NOISE = re.compile(r"(patching file|checking file) ")
# Ignored types of checkpatch, each with its reason.
CHECKPATCH_IGNORE = (
    "FILE_PATH_CHANGES",     # the MAINTAINERS entry is in the first patch and covers all files
    "UNCOMMENTED_DEFINITION", # what a lock protects stands in the kernel-doc of the struct
    "MACRO_ARG_REUSE",       # iterators use their arguments more than once, as all iterators do
    "EMAIL_SUBJECT",         # is the lint of patchlint.py; "[PATCH]" is added by the generator
)
# Of one patch alone.
CHECKPATCH_IGNORE_IN = {
    # Assertions of kselftest_harness.h are two statements: a loop without braces goes on
    # after one has failed. What its macros define cannot be put in parentheses, and a pointer to
    # what FIXTURE_VARIANT() names is taken for a product.
    "selftests": ("BRACES", "COMPLEX_MACRO", "SPACING"),
}


def run(args, **more):
    """Run a command without terminal and network; returns (status, output)."""
    done = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False, **more)
    return done.returncode, done.stdout


def read_series(root, layout):
    lines = split_lines((root / layout.series).read_text(encoding="utf-8"))
    return [line for line in lines if line and not line.startswith("#")]


def snapshot(tree):
    """Path -> (mode, bytes) of every file of a small tree."""
    found = {}
    for where, dirs, names in os.walk(tree):
        dirs[:] = [name for name in dirs if name not in (".git", ".pc")]
        for name in names:
            path = Path(where) / name
            found[str(path.relative_to(tree))] = (os.access(path, os.X_OK), path.read_bytes())
    return found


def differences(got, wanted):
    for path in sorted(got.keys() | wanted.keys()):
        if path not in got:
            yield f"{path} is missing"
        elif path not in wanted:
            yield f"{path} should not be there"
        elif got[path] != wanted[path]:
            yield f"{path} differs"


class SeriesCheck:
    def __init__(self, args, tap):
        self.tap = tap
        self.root = args.repository
        self.layout = LAYOUTS[args.series]
        self.base = args.base
        self.work = Path(tempfile.mkdtemp(prefix="series-", dir=args.work))
        self.cache = args.cache
        self.patchset = Patchset(self.root, args.series)
        wanted = self.patchset.manifest.base
        self.exact = wanted in ("", base_version(self.base))
        if not self.exact:
            tap.say(f"the hooks were made for {wanted}, the base is {base_version(self.base)}: "
                    "offsets are told, not counted")
        self.slugs = [patch.slug for patch in self.patchset.manifest.patches]
        self.hooks = {diff.path for slug in self.slugs for diff in self.patchset.hook(slug)}
        self.result = {}

    def patch_file(self, name):
        return self.root / self.layout.patches / name

    # -- the generated files ---------------------------------------------

    def generate(self, name, environment):
        out = self.work / name
        out.mkdir()
        status, text = run([sys.executable, self.root / "scripts/gen-patches", self.layout.name,
                            "--repository", self.root, "--output", out],
                           cwd=out, env={**os.environ, **environment})
        return snapshot(out) if status == 0 else {"": text}

    def check_generated(self):
        built = {path: (False, data) for path, data in self.patchset.build().items()}
        there = {path: (False, (self.root / path).read_bytes()) for path in
                 [self.layout.series] + [f"{self.layout.patches}/{entry.name}" for entry in
                                         sorted((self.root / self.layout.patches).glob("*"))]
                 if (self.root / path).is_file()}
        self.tap.problems(differences(there, built),
                          "the committed patches are what scripts/gen-patches makes")
        first = self.generate("one", {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"})
        second = self.generate("two", {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo",
                                       "LC_ALL": "C.UTF-8", "COLUMNS": "40"})
        self.tap.problems(list(differences(first, second)) + list(differences(first, built)),
                          "two runs of the generator give the same bytes")
        self.tap.check(read_series(self.root, self.layout) == [f"{slug}.patch" for slug in self.slugs],
                       "series names the patches of the manifest in its order")

    # -- applying --------------------------------------------------------

    def small_tree(self, name):
        """The pristine files that the hooks touch, and nothing else."""
        tree = self.work / name
        for path in sorted(self.hooks):
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.base / path, tree / path)
        return tree

    def check_base(self):
        new = [path for patch in self.patchset.manifest.patches for path in patch.files]
        self.tap.problems([f"{path} is in the pristine base already" for path in new
                           if (self.base / path).exists()] +
                          [f"{path} is not in the pristine base" for path in sorted(self.hooks)
                           if not (self.base / path).is_file()],
                          "every plain file is new to the base, every hook file is in it")

    def apply_one(self, tree, name):
        """Apply one patch by patch(1); complaints about fuzz, offsets and rejects."""
        status, text = run(["patch", "-p1", "-F0", "-N", "--no-backup-if-mismatch",
                            "-i", self.patch_file(name)], cwd=tree)
        noise = [line for line in text.splitlines() if not NOISE.match(line)]
        moved = [line for line in noise if re.search(r"\boffset\b", line) and "fuzz" not in line]
        bad = noise if self.exact or status else [line for line in noise if line not in moved]
        if moved and not bad:
            self.tap.say(f"{name}: base is another release than the hooks were made for: "
                         + "; ".join(moved))
        if status and not bad:
            bad = [f"patch failed with status {status}"]
        return bad

    def check_apply(self):
        tree = self.small_tree("patch")
        for name in read_series(self.root, self.layout):
            before = snapshot(tree)
            self.tap.problems(self.apply_one(tree, name), f"{name} applies with -F0" + (" and no offset" if self.exact else ""))
            after = snapshot(tree)
            touched = {path for path in before.keys() | after.keys()
                       if before.get(path) != after.get(path)}
            diffs = parse_diff_paths(self.patch_file(name))
            self.tap.problems(sorted(touched ^ diffs), f"{name} touches the files it lists")
        self.result = snapshot(tree)
        plain = {path: (self.patchset.mode(path) == "100755",
                        (self.patchset.files_root / path).read_bytes())
                 for patch in self.patchset.manifest.patches for path in patch.files}
        ours = {path: data for path, data in self.result.items() if path not in self.hooks}
        self.tap.problems(differences(ours, plain),
                          "the applied series gives every plain file byte for byte")
        changed = {path for path in self.hooks if self.result.get(path, (0, b""))[1]
                   != (self.base / path).read_bytes()}
        self.tap.problems(sorted(changed ^ self.hooks),
                          "the upstream files changed are those of the hooks")

    def check_git_am(self):
        tree = self.small_tree("git")
        environment = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(self.work),
                       "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "user.name",
                       "GIT_CONFIG_VALUE_0": "check", "GIT_CONFIG_KEY_1": "user.email",
                       "GIT_CONFIG_VALUE_1": "check@localhost"}
        for args in (["init", "-q"], ["add", "-A"], ["commit", "-q", "--allow-empty", "-m", "base"]):
            status, text = run(["git", *args], cwd=tree, env=environment)
            if status:
                break
        if not status:
            patches = [self.patch_file(name) for name in read_series(self.root, self.layout)]
            status, text = run(["git", "am", "-q", "--whitespace=error-all", *patches],
                               cwd=tree, env=environment)
        self.tap.check(status == 0, "git am takes the series", text)
        self.tap.problems(differences(snapshot(tree), self.result), "git am gives the same files")
        status, text = run(["git", "log", "--reverse", "--format=%an <%ae>%x09%aD%x09%s", "-n",
                            str(len(self.slugs))], cwd=tree, env=environment)
        messages = [self.patchset.message(slug)[0] for slug in self.slugs]
        wanted = [f"{m['From']}\t{m['Date']}\t{m['Subject']}" for m in messages]
        self.tap.problems([f"got '{a}', not '{b}'" for a, b in zip(text.splitlines(), wanted) if a != b],
                          "git am keeps author, date and subject")

    def check_quilt(self):
        tree = self.small_tree("quilt")
        pristine = snapshot(tree)
        environment = {**os.environ, "QUILT_PATCHES": str(self.root / self.layout.patches),
                       "QUILT_SERIES": str(self.root / self.layout.series), "HOME": str(self.work),
                       "QUILT_PC": ".pc", "QUILT_PUSH_ARGS": ""}
        status, text = run(["quilt", "--quiltrc", "/dev/null", "push", "-a", "--fuzz=0"],
                           cwd=tree, env=environment)
        self.tap.check(status == 0, "quilt push -a takes the series", text)
        self.tap.problems(differences(snapshot(tree), self.result), "quilt gives the same files")
        status, text = run(["quilt", "--quiltrc", "/dev/null", "pop", "-a"], cwd=tree, env=environment)
        self.tap.check(status == 0, "quilt pop -a takes it back", text)
        self.tap.problems(differences(snapshot(tree), pristine), "quilt pop -a leaves the pristine files")

    # -- messages --------------------------------------------------------

    def check_messages(self):
        for slug in self.slugs:
            headers, body, _ = self.patchset.message(slug)
            self.tap.problems(lint_message(headers, body, self.layout.name),
                              f"{slug}: the message is well formed")

    def checkpatch(self, slug):
        ignore = CHECKPATCH_IGNORE + CHECKPATCH_IGNORE_IN.get(slug, ())
        status, text = run([self.base / "scripts/checkpatch.pl", "--strict", "--no-tree", "--quiet",
                            "--no-summary", "--show-types", "--ignore", ",".join(ignore),
                            self.patch_file(f"{slug}.patch")], cwd=self.work)
        return status == 0 and not text.strip(), text[-6000:]

    def check_checkpatch(self):
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for slug, (good, text) in zip(self.slugs, pool.map(self.checkpatch, self.slugs)):
                self.tap.check(good, f"{slug}: checkpatch --strict is clean", text)

    # -- builds ----------------------------------------------------------

    def check_builds(self):
        names = read_series(self.root, self.layout)
        build = PrefixBuild(self.base, self.cache, self.root / self.layout.patches)
        try:
            for number, name in enumerate(names, 1):
                build.apply(name)
                good = True
                for value, problems in build.build().items():
                    good &= self.tap.problems(problems, f"prefix {number} ({name.removesuffix('.patch')}) "
                                                        f"builds with W=1, KDBUS={value}")
                if not good:
                    self.tap.check(False, "the later prefixes build", "not tried")
                    return
            self.tap.problems(sparse_complaints(build), "the whole series is clean under sparse")
        finally:
            build.close()

    def close(self):
        shutil.rmtree(self.work, ignore_errors=True)


def parse_diff_paths(path):
    """The files a generated patch changes, from its 'diff --git' lines."""
    text = path.read_text(encoding="utf-8")
    return set(re.findall(r"^diff --git a/(\S+) b/\1$", text, re.M))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("series", choices=sorted(LAYOUTS))
    parser.add_argument("--base", required=True, type=Path, help="pristine source tree")
    parser.add_argument("--cache", required=True, type=Path, help="directory for kernel builds")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--repository", type=Path, default=REPOSITORY)
    parser.add_argument("--no-build", action="store_true", help="leave out the prefix builds")
    args = parser.parse_args()
    tap = Tap()
    try:
        check = SeriesCheck(args, tap)
    except PatchsetError as err:
        tap.check(False, f"the sources of the {args.series} series are complete", err)
        return tap.finish()
    try:
        check.check_generated()
        check.check_base()
        check.check_apply()
        check.check_git_am()
        check.check_quilt()
        check.check_messages()
        if args.series == "kernel":
            check.check_checkpatch()
            if not args.no_build:
                check.check_builds()
    except (PatchsetError, OSError) as err:
        tap.check(False, f"the check of the {args.series} series ran to its end", err)
    finally:
        check.close()
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
