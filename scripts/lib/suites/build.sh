# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The kernels, and ipc/kdbus/ by itself for another architecture. W=1 and sparse: suite series.

# selftests_in_tree: the selftests build in a kernel tree as its own do, with lib.mk.
selftests_in_tree() {
	local source out
	source=$(kernel_prepared)
	out=$(cache_root)/kernel/selftests
	mkdir -p "$out"
	in_tree make -s -C "$source" O="$(tree_path "$out")" headers
	in_tree make -C "$source/tools/testing/selftests/kdbus" OUTPUT="$(tree_path "$out")" \
		KHDR_INCLUDES="-isystem $(tree_path "$out")/usr/include" -j"$(jobs_number)" all >"$KDBUS_TEST_RUN/make.log" 2>&1 || {
		cat "$KDBUS_TEST_RUN/make.log"
		return 1
	}
	! grep -E 'warning:|error:' "$KDBUS_TEST_RUN/make.log"
}

suite_build() {
	local flavour
	for flavour in debug release; do
		assert "the $flavour kernel builds" kernel_build "$flavour"
	done
	assert "a kernel with kdbus as a module builds, and the module links" kernel_check_module
	assert "ipc/kdbus has no warning on arm64" kernel_check_arm64
	assert "the selftests build in a kernel tree" selftests_in_tree
	return "$SUITE_STATUS"
}
