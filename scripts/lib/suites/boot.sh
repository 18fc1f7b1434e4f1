# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Debian 13 booted in the ways that matter to a user.

# boot_guest NAME SCRIPT OPTION…: boot, run a script of this directory in the guest, take its TAP.
boot_guest() {
	local name=$1 script=$2 line output=$KDBUS_TEST_RUN/boot.tap status=0 results=0
	shift 2
	"$KDBUS_ROOT/scripts/boot" --run "$(cat "$KDBUS_ROOT/scripts/lib/suites/guest-checks" \
		"$KDBUS_ROOT/scripts/lib/suites/$script")" "$@" >"$output" || status=$?
	while IFS= read -r line; do
		case $line in
		"ok "* | "not ok "*)
			results=$((results + 1))
			printf '%s\n' "${line/ - / - $name: }"
			;;
		"#"*) printf '%s\n' "$line" ;;
		esac
	done <"$output"
	if ((status == 0 && results > 0)) && grep -q '^checks done$' "$output"; then
		printf 'ok - %s: the guest ran all its checks\n' "$name"
	else
		printf 'not ok - %s: the guest ran all its checks\n# status %s, %s results\n' "$name" "$status" "$results"
		SUITE_STATUS=1
	fi
}

suite_boot() {
	boot_guest "switch on" guest-on
	boot_guest "switch off" guest-off --no-kdbus
	boot_guest "kernel without kdbus" guest-module --kernel module
	return "$SUITE_STATUS"
}
