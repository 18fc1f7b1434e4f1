# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# For suites that run commands on the host.

# shellcheck disable=SC2034 # for the suites
SUITE_STATUS=0

# assert NAME CMD…: one line of TAP; what CMD prints goes to standard error and, when it fails,
# its end into the diagnostics. Status 77 is a skipped test.
assert() {
	local name=$1 status log=$KDBUS_TEST_RUN/assert.log
	shift
	set +e
	(
		set -e
		"$@"
	) </dev/null >"$log" 2>&1
	status=$?
	set -e
	case $status in
	0) printf 'ok - %s\n' "$name" ;;
	77) printf 'ok - %s # SKIP status 77\n' "$name" ;;
	*)
		printf 'not ok - %s\n' "$name"
		tail -n 40 "$log" | sed 's/^/# /'
		SUITE_STATUS=1
		;;
	esac
}
