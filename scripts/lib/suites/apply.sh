# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# scripts/apply on trees of a user's own, as an ordinary user.

suite_apply() {
	local kernel systemd
	kernel=$(kernel_source)
	systemd=$(systemd_source)
	in_tree setpriv --reuid 65534 --regid 65534 --clear-groups \
		bash /kdbus/scripts/lib/suites/apply-cases.sh "$kernel" "$systemd"
}
