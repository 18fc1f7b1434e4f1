# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The kselftests in the debug kernel, as root and as an ordinary user.

suite_selftests() {
	local -a wanted
	mapfile -t wanted < <(guest_labels selftests)
	((${#wanted[@]})) || die "there is no selftest."
	guest_boot
	guest_report selftests "${wanted[@]}"
}
