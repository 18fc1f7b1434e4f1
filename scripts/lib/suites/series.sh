# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The generator and both series.

suite_series() {
	local status=0
	in_tree python3 /kdbus/scripts/lib/test_patchset.py || status=1
	"$KDBUS_ROOT/scripts/check-patches" --kernel || status=1
	"$KDBUS_ROOT/scripts/check-patches" --systemd || status=1
	return "$status"
}
