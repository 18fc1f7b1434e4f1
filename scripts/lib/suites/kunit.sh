# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# KUnit suites of kdbus in the debug kernel.

# The names of the suites, from their sources.
kunit_names() {
	sed -n 's/^[[:space:]]*\.name = "\([^"]*\)",\{0,1\}$/kunit \1/p' "$KDBUS_ROOT"/ipc/kdbus/tests/*_kunit.c
}

suite_kunit() {
	local -a wanted
	mapfile -t wanted < <(kunit_names)
	((${#wanted[@]})) || die "there is no KUnit suite in ipc/kdbus/tests."
	guest_boot
	guest_report kunit "${wanted[@]}"
}
