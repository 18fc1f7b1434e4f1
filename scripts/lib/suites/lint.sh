# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The lints, and that each of them can fail.

suite_lint() {
	local status=0
	in_tree python3 /kdbus/scripts/lib/test_ktap.py || status=1
	"$KDBUS_ROOT/scripts/lint" --self-test || status=1
	"$KDBUS_ROOT/scripts/lint" || status=1
	return "$status"
}
