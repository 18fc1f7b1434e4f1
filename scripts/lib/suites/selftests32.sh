# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The kselftests as 32-bit programs in the debug kernel, as root and as an ordinary user.

suite_selftests32() {
	local -a wanted
	mapfile -t wanted < <(guest_labels selftests32)
	((${#wanted[@]})) || die "there is no selftest."
	guest_boot
	guest_report selftests32 "${wanted[@]}"
}
