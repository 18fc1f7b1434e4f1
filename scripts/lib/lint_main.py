#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Run the lints, or show that each of them can fail: run by scripts/lint in the build tree."""

import argparse
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

from lints import LINTS, Context  # noqa: E402
from patchlint import lint_message  # noqa: E402
from tap import Tap  # noqa: E402

REPOSITORY = Path(__file__).resolve().parent.parent.parent
TAG = "SPDX-License" "-Identifier: GPL-2.0\n"
C = f"// {TAG}"
HEADER = f"/* {TAG[:-1]} */\nenum {{\n\tKDBUS_ONE = 1,\n\tKDBUS_TWO_A,\n}};\n"
CHECK_HEADER = REPOSITORY / "systemd-integration/check-header"
LONG = C + "int f(int a)\n{\n" + "\ta++;\n" * 81 + "\treturn a;\n}\n"
MIDDLING = C + "".join(f"int f{n}(int a)\n{{\n" + "\ta++;\n" * 60 + "\treturn a;\n}\n" for n in range(3))
DOC = "/**\n * f() - do it\n * @a: number\n *\n * Return: a number\n */\nint f(int a)\n{\n\treturn a;\n}\n"


def vendored(copy):
    """A repository with a header, systemd's copy of it, and the script that compares them."""
    return {"include/uapi/linux/kdbus.h": HEADER, "systemd-integration/overlay/src/basic/linux/kdbus.h": copy,
            "systemd-integration/check-header": CHECK_HEADER.read_text(encoding="utf-8")}


def manual(example):
    """A repository with a manual, the program in it, and the script that compares them."""
    tests = "tools/testing/selftests/kdbus"
    script = (REPOSITORY / tests / "check-manual.sh").read_text(encoding="utf-8")
    program = f"{C}/*\n * one\n */\nint one;\n"
    return {"include/uapi/linux/kdbus.h": HEADER.replace("enum", "/*\n */\nenum", 1) + "struct kdbus_one;\n",
            f"{tests}/check-manual.sh": script, f"{tests}/kdbus-example.c": program,
            "Documentation/kdbus.txt": "KDBUS_ONE KDBUS_TWO_A struct kdbus_one::\n\n    /*\n     * one\n     */\n" + example}


# lint -> (sample that it accepts, samples that it refuses); a sample is path -> text.
SAMPLES = {
    "layers": (
        {"ipc/kdbus/pool.c": '#include "pool.h"\n#include "util.h"\n', "ipc/kdbus/pool.h": "\n",
         "ipc/kdbus/util.h": "\n", "ipc/kdbus/tests/pool_kunit.c": '#include "../pool.h"\n'},
        [{"ipc/kdbus/pool.h": '#include "conn.h"\n', "ipc/kdbus/conn.h": "\n"},
         {"ipc/kdbus/util.h": '#include "pool.h"\n', "ipc/kdbus/pool.h": "\n"},
         {"ipc/kdbus/tests/util_kunit.c": '#include "../pool.h"\n', "ipc/kdbus/pool.h": "\n"},
         {"ipc/kdbus/cmd_msg.c": '#include "cmd_bus.h"\n', "ipc/kdbus/cmd_bus.h": "\n"},
         {"ipc/kdbus/cmd_bus.c": '#include "cmd_msg.h"\n', "ipc/kdbus/cmd_msg.h": "\n"},
         {"ipc/kdbus/abi.c": '#include "util.h"\n', "ipc/kdbus/util.h": "\n"},
         {"ipc/kdbus/pool.c": '#include "gone.h"\n'},
         {"ipc/kdbus/pool.c": '#include "../util.h"\n', "ipc/util.h": "\n"},
         {"ipc/kdbus/novelty.c": "\n"}]),
    "function-length": ({"ipc/kdbus/a.c": C + "int f(int a)\n{\n\treturn a;\n}\n"},
                        [{"ipc/kdbus/a.c": LONG}, {"ipc/kdbus/a.c": MIDDLING}]),
    "spdx": ({"ipc/kdbus/a.c": C, "tools/x.sh": f"#!/bin/sh\n# {TAG}"},
             [{"ipc/kdbus/a.c": "\n" + C}, {"ipc/kdbus/Kconfig": "config X\n"}, {"include/a.h": "\n"}]),
    "words": ({"README": "mktemp /tmp/a.XXXXXX\n", "a.diff": " TO" "DO\n"},
              [{"README": "see /work" "/main/x\n"}, {"README": "/var/tmp" "/kd\n"},
               {"README": "deb.deb" "ian.org\n"}, {"README": "https://mirror.example/deb" "ian x\n"},
               {"README": "FIX" "ME later\n"}, {"a.diff": "+ XX" "X\n"}]),
    "whitespace": ({"a": "b\n"}, [{"a": "b \n"}, {"a": "b"}]),
    "shellcheck": ({"scripts/a": '#!/bin/sh\necho "$1"\n'}, [{"scripts/a": "#!/bin/sh\nrm $1\n"}]),
    "python": ({"scripts/a.py": "import os\nprint(os)\n"},
               [{"scripts/a.py": "import os\n"}, {"scripts/a": "#!/usr/bin/env python3\nx = y\n"}]),
    "manual-names": (
        {"include/uapi/linux/kdbus.h": HEADER, "Documentation/kdbus.txt": "KDBUS_ONE KDBUS_TWO_A KDBUS_TWO_*\n"},
        [{"include/uapi/linux/kdbus.h": HEADER, "Documentation/kdbus.txt": text} for text in
         ("KDBUS_ONE\n", "KDBUS_ONE KDBUS_TWO_A KDBUS_B\n", "KDBUS_ONE KDBUS_TWO_A KDBUS_C_*\n")]),
    "manual-syntax": ({"Documentation/kdbus.txt": "Title\n=====\n\n*text*\n"},
                      [{"Documentation/kdbus.txt": "Title\n==\n"},
                       {"Documentation/kdbus.txt": "a *text without end\n"},
                       {"Documentation/kdbus.txt": ".. nonsense::\n"}]),
    "kernel-doc": ({"ipc/kdbus/a.c": C + DOC},
                   [{"ipc/kdbus/a.c": C + DOC.replace("@a", "@b")},
                    {"ipc/kdbus/a.c": C + DOC.replace(" * Return: a number\n", "")}]),
    "manual-example": (manual("    int one;\n"), [manual("    int two;\n")]),
    "vendored-header": (vendored(HEADER), [vendored(HEADER.replace("1", "2")), vendored("")]),
}

MESSAGE = ({"From": "A B <a@b.example>", "Date": "Sun, 22 Nov 2026 00:00:00 +0000",
            "Subject": "kdbus: pool: add slices"},
           ["One line of the body that is long enough to say something about the change,",
            "and another line.", "", "Signed-off-by: A B <a@b.example>"])
BAD_MESSAGES = (
    ("From", "A B"), ("Date", "Mon, 22 Nov 2026 00:00:00 +0000"), ("Date", "Sun, 22 Nov 2026 00:00:00 +0100"),
    ("Subject", "pool: add slices"), ("Subject", "kdbus: pool: added slices"),
    ("Subject", "kdbus: pool: add slices."), ("Subject", "kdbus: pool: Add slices"),
    ("Subject", "kdbus: pool: add " + "x" * 60), ("body", ["short", "Signed-off-by: A B <a@b.example>"]),
    ("body", MESSAGE[1][:2]), ("body", MESSAGE[1][:2] + ["Signed-off-by: C <c@d.example>"]),
    ("body", ["x y " * 20] + MESSAGE[1]), ("body", ["diff -u a b"] + MESSAGE[1]),
    ("body", ["From here on"] + MESSAGE[1]), ("body", ["space "] + MESSAGE[1]),
)


def complaints(lint, base, sample):
    with tempfile.TemporaryDirectory() as root:
        for path, text in sample.items():
            (Path(root) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(root) / path).write_text(text, encoding="utf-8")
            (Path(root) / path).chmod(0o755 if text.startswith("#!") else 0o644)
        return list(lint(Context(Path(root), base)))


def self_test(tap, base):
    for name, lint in LINTS.items():
        good, bad = SAMPLES[name]
        tap.problems(complaints(lint, base, good), f"{name}: a good sample is accepted")
        for number, sample in enumerate(bad, 1):
            tap.check(bool(complaints(lint, base, sample)), f"{name}: bad sample {number} is refused")
    tap.problems(lint_message(*MESSAGE, "kernel"), "message: a good sample is accepted")
    for number, (key, value) in enumerate(BAD_MESSAGES, 1):
        headers, body = dict(MESSAGE[0]), list(MESSAGE[1])
        if key == "body":
            body = value
        else:
            headers[key] = value
        tap.check(bool(list(lint_message(headers, body, "kernel"))), f"message: bad sample {number} is refused")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lints", nargs="*")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--base", type=Path, required=True, help="pristine kernel tree")
    parser.add_argument("--repository", type=Path, default=REPOSITORY)
    args = parser.parse_args()
    for name in args.lints:
        if name not in LINTS:
            parser.error(f"there is no lint '{name}'; there are {', '.join(LINTS)}")
    tap = Tap()
    if args.self_test:
        self_test(tap, args.base)
        return tap.finish()
    for name in args.lints or LINTS:
        tap.problems(LINTS[name](Context(args.repository, args.base)), LINTS[name].__doc__)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
