# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# systemd's own tests of the parts that the series touches, and those that the series adds.

SYSTEMD_TESTS=(
	test-bus-address test-bus-creds test-bus-error test-bus-introspect test-bus-marshal test-bus-match
	test-bus-objects test-bus-queue-ref-cycle test-bus-server test-bus-signature test-bus-track
	test-bus-vtable test-bus-watch-bind
	test-fdset test-proc-cmdline test-serialize test-tables
)

# The tests that the series adds: src/…/test-*.c of the overlay.
systemd_new_tests() {
	find "$KDBUS_ROOT/systemd-integration/overlay/src" -name 'test-*.c' -printf '%f\n' | sed 's/\.c$//' | sort
}

suite_systemd() {
	local name
	local -a names
	mapfile -t names < <(systemd_new_tests)
	names+=("${SYSTEMD_TESTS[@]}")
	assert "systemd builds with the series" systemd_build
	for name in "${names[@]}"; do
		assert "$name" systemd_test "$name"
	done
	return "$SUITE_STATUS"
}
