# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What kdbus costs, counted in instructions, against the limits of scripts/lib/bench-limits.
# The figures are compared within one boot; a second boot must show the same ones.

# shellcheck source=scripts/lib/bench.sh
. "$KDBUS_ROOT/scripts/lib/bench.sh"

BENCH_SECONDS=900

# bench_measure N: the release kernel under icount; its results are in $KDBUS_TEST_RUN/bench.N.
bench_measure() {
	kernel_build release >/dev/null
	bench_run icount "$KERNEL_IMAGE" "$KDBUS_TEST_RUN/bench.$1" "$BENCH_SECONDS" "--pin=1 --count=200"
}

bench_repeats() { diff -u "$KDBUS_TEST_RUN/bench.1" "$KDBUS_TEST_RUN/bench.2"; }

suite_bench() {
	local out status=0
	in_tree python3 /kdbus/scripts/lib/test_bench.py || status=1
	assert "the benchmark runs" bench_measure 1
	assert "the benchmark runs once more" bench_measure 2
	assert "two boots count the same instructions" bench_repeats
	out=$(cache_root)/bench/limits.tsv
	mkdir -p "${out%/*}"
	cp "$KDBUS_TEST_RUN/bench.1" "$out"
	in_tree python3 /kdbus/scripts/lib/bench.py --no-table --limits /kdbus/scripts/lib/bench-limits \
		"icount=$(tree_path "$out")" || status=1
	return $((SUITE_STATUS || status))
}
