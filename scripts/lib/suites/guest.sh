# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# One boot of the debug kernel for the suites kunit, selftests and selftests32.

# guest_programs_make OUT: the static test programs of both sizes, and what the guest runs.
guest_programs_make() {
	local out=$1 source
	source=$(kernel_source)
	cp "$KDBUS_ROOT/scripts/lib/suites/run-tests" "$out/" || return
	guest_compile "$source" "$out/selftests" gcc || return
	guest_compile "$source" "$out/selftests32" "gcc -m32"
}

# guest_compile KERNEL-SOURCE OUT COMPILER
guest_compile() {
	local tests=/kdbus/tools/testing/selftests/kdbus
	mkdir "$2" || return
	in_tree make -s -C "$tests" -j"$(jobs_number)" KSRC="$1" OUTPUT="$(tree_path "$2")" CC="$3" || return
	in_tree make -s -C "$tests" KSRC="$1" OUTPUT="$(tree_path "$2")" list >"$2/list" || return
	[[ -s $2/list ]] || return
	cp "$KDBUS_ROOT"/tools/testing/selftests/kdbus/*.csv "$2/" || return
	find "$2" -name '*.o' -delete -o -name '*-rows.h' -delete
}

# guest_programs: print the directory of the test programs; made when something changed.
guest_programs() {
	local dir tmp
	dir=$(cache_root)/programs-$(content_key "$KDBUS_ROOT/tools/testing/selftests/kdbus" "$(tree_key)" \
		"$KDBUS_ROOT/include/uapi/linux/kdbus.h" "$KDBUS_ROOT/scripts/lib/suites/run-tests" \
		"$(declare -f guest_programs_make guest_compile)")
	if ! cache_get "$dir"; then
		tmp=$(cache_begin "$dir")
		step "Building the selftests" selftests-build guest_programs_make "$tmp" ||
			die "the selftests could not be built."
		cache_commit "$dir"
		cache_prune "$(cache_root)/programs" 2
	fi
	printf '%s\n' "$dir"
}

# guest_sections: which of the three suites this run of scripts/test wants.
guest_sections() {
	local suite
	for suite in kunit selftests selftests32; do
		[[ " $KDBUS_TEST_SUITES " != *" $suite "* ]] || printf '%s\n' "$suite"
	done
}

# guest_boot: boot once for all of them; the output stays in $KDBUS_TEST_RUN for this run only.
guest_boot() {
	local kernel programs set tmp initrd
	[[ ! -e $KDBUS_TEST_RUN/debug.done ]] || return 0
	kernel=$(kernel_build debug)
	programs=$(guest_programs)
	# The sections are part of what is booted.
	set=$(cache_root)/guest-$(content_key "$programs" "$(guest_sections)")
	if ! cache_get "$set"; then
		tmp=$(cache_begin "$set")
		cp -al "$programs/." "$tmp/"
		rm -f "$tmp/.complete"
		guest_sections >"$tmp/sections"
		cache_commit "$set"
		cache_prune "$(cache_root)/guest" 4
	fi
	initrd=$(initramfs_build "$set")
	verdict_preset "$KDBUS_TEST_RUN/debug.verdict"
	: >"$KDBUS_TEST_RUN/debug.output"
	say "Booting the debug kernel (console: $(cache_root)/log/guest-console.log)"
	qemu_run --kernel "$kernel" --initrd "$initrd" --memory 3072 --cpus 2 --timeout "$GUEST_TIMEOUT" --tick guest \
		--serial "$(cache_root)/log/guest-console.log" --append "kdbus.timeout=$((GUEST_TIMEOUT - 120)) kunit.enable=1" \
		--port kdbus.verdict="$KDBUS_TEST_RUN/debug.verdict" \
		--port kdbus.output="$KDBUS_TEST_RUN/debug.output" \
		--port kdbus.dmesg="$(cache_root)/log/guest-dmesg.log" ||
		warn "the guest was ended with status $? (124: its time was over)."
	cp "$KDBUS_TEST_RUN/debug.output" "$(cache_root)/log/guest-output.log"
	: >"$KDBUS_TEST_RUN/debug.done"
}
GUEST_TIMEOUT=2700

# guest_report SECTION LABEL…: the results of a section as TAP, and the verdict on the kernel.
guest_report() {
	local section=$1 status=0
	shift
	in_tree python3 /kdbus/scripts/lib/ktap.py --prefix "$section " "$@" <"$KDBUS_TEST_RUN/debug.output" || status=1
	if grep -q '^@@done' "$KDBUS_TEST_RUN/debug.output" && verdict_passed "$KDBUS_TEST_RUN/debug.verdict"; then
		printf 'ok - the debug kernel reported nothing and leaked nothing\n'
		return "$status"
	fi
	printf 'not ok - the debug kernel reported nothing and leaked nothing\n'
	sed 's/^/# /' "$KDBUS_TEST_RUN/debug.verdict"
	grep -aE '^(splat|leak): ' "$(cache_root)/log/guest-console.log" | head -n 60 | sed 's/^/# /' || true
	return 1
}

# guest_labels SECTION: the labels that must be there.
guest_labels() {
	local test
	while IFS= read -r test; do
		printf '%s %s as root\n%s %s as user\n' "$1" "$test" "$1" "$test"
	done <"$(guest_programs)/$1/list"
}
