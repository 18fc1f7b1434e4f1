# SPDX-License-Identifier: GPL-2.0
"""Build ipc/kdbus/ after each patch of the series, as built-in and as module."""

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# A small kernel with everything that kdbus uses; nothing of it is booted.
COMMON = """
64BIT SMP PRINTK BUG MULTIUSER MODULES NET UNIX INET SHMEM TMPFS PROC_FS SYSFS EPOLL EVENTFD FUTEX
BINFMT_ELF NAMESPACES USER_NS PID_NS CGROUPS MEMCG MEMFD_CREATE SECURITY AUDIT IA32_EMULATION
POSIX_TIMERS HIGH_RES_TIMERS DEBUG_FS TRACING
"""
LOCKING = "DEBUG_KERNEL PROVE_LOCKING PROVE_RCU DEBUG_ATOMIC_SLEEP DEBUG_LIST"
VALUES = {
    "y": {"enable": f"{COMMON} {LOCKING}", "KUNIT": "y", "KDBUS": "y"},
    "m": {"enable": COMMON, "KUNIT": "m", "KDBUS": "m"},
}
COMPLAINT = re.compile(r"warning|error", re.I)
# modpost without a whole kernel cannot know the kernel's exported symbols; the build
# suite links the module against a whole one. Our own symbols are looked at by nm.
FOREIGN = re.compile(r'" \[ipc/kdbus/kdbus\.ko\] undefined!$|(Module\.symvers|vmlinux\.o) is missing|'
                     r"You may get many unresolved symbol errors|You can set KBUILD_MODPOST_WARN=1|"
                     r"suppressed \d+ unresolved symbol")


def make(source, objects, *args, jobs=None):
    jobs = jobs or os.environ.get("JOBS") or str(os.cpu_count())
    done = subprocess.run(["make", "-C", source, f"O={objects}", f"-j{jobs}", "-s", *args],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False)
    return done.returncode, done.stdout


def complaints(status, text):
    found = [line for line in text.splitlines() if COMPLAINT.search(line) and not FOREIGN.search(line)]
    return found or ([f"make failed with status {status}: {text[-2000:]}"] if status else [])


def undefined_symbols(path):
    """Functions of ours that are used before the patch that brings them."""
    done = subprocess.run(["nm", "-u", str(path)], stdout=subprocess.PIPE, text=True, check=True)
    return [f"{name} is not defined yet" for name in re.findall(r" U (kdbus_\w+)$", done.stdout, re.M)]


class PrefixBuild:
    """A copy of the base by hard links, and one build directory per value of KDBUS."""

    def __init__(self, base, cache, patches):
        self.patches = Path(patches)
        self.cache = Path(cache)
        self.source = self.cache / "source"
        self.cache.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.source, ignore_errors=True)
        subprocess.run(["cp", "-al", "--", str(base), str(self.source)], check=True)
        self.configured = False

    def objects(self, value):
        return self.cache / f"objects-{value}"

    def apply(self, name):
        subprocess.run(["patch", "-s", "-p1", "-F0", "-i", str(self.patches / name)], cwd=self.source,
                       stdin=subprocess.DEVNULL, check=True)

    def configure(self, value):
        """A configuration in which KDBUS has this value; complaints if it cannot be had."""
        objects, wanted = self.objects(value), VALUES[value]
        objects.mkdir(exist_ok=True)
        fragment = objects / "fragment.config"
        lines = [f"CONFIG_{name}=y" for name in wanted["enable"].split()]
        lines += [f"CONFIG_{name}={wanted[name]}" for name in ("KUNIT", "KDBUS")]
        lines += ["CONFIG_KDBUS_KUNIT_TEST=y"]
        fragment.write_text("\n".join(lines) + "\n", encoding="utf-8")
        status, text = make(self.source, objects, f"KCONFIG_ALLCONFIG={fragment}", "allnoconfig")
        if status:
            return [text]
        config = (objects / ".config").read_text(encoding="utf-8").split("\n")
        missing = [line for line in lines[-3:] if line not in config]
        if missing:
            return [f"the configuration lacks {line}" for line in missing]
        status, text = make(self.source, objects, "prepare", "modules_prepare", jobs="1")
        return complaints(status, text) if status else []

    def build_one(self, value):
        goals = ["ipc/kdbus/"] if value == "y" else ["ipc/kdbus/kdbus.ko"]
        status, text = make(self.source, self.objects(value), "W=1", "KBUILD_MODPOST_WARN=1", *goals,
                            jobs="1")
        found = complaints(status, text)
        if not found and value == "m":
            found = undefined_symbols(self.objects(value) / "ipc/kdbus/kdbus.o")
        product = self.objects(value) / "ipc/kdbus" / ("built-in.a" if value == "y" else "kdbus.ko")
        if not found and not product.is_file():
            found = [f"{product.name} was not built"]
        return found

    def build(self):
        """Complaints per value of KDBUS after the patches applied so far."""
        with ThreadPoolExecutor(len(VALUES)) as pool:
            if not self.configured:
                self.configured = True
                bad = dict(zip(VALUES, pool.map(self.configure, VALUES)))
                if any(bad.values()):
                    return {value: [str(line) for line in lines] or ["not tried"]
                            for value, lines in bad.items()}
            return dict(zip(VALUES, pool.map(self.build_one, VALUES)))

    def close(self):
        shutil.rmtree(self.source, ignore_errors=True)


def sparse_complaints(build):
    """What sparse has to say about the series applied so far."""
    status, text = make(build.source, build.objects("y"), "C=2", "ipc/kdbus/")
    found = [line for line in text.splitlines() if "kdbus" in line and COMPLAINT.search(line)]
    return found or ([f"make failed with status {status}: {text[-2000:]}"] if status else [])
