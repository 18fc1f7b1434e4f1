# shellcheck shell=bash
# The benchmark: its program in a guest of its own, in real time or counting instructions.

[[ -z ${KDBUS_BENCH_LOADED:-} ]] || return 0
KDBUS_BENCH_LOADED=1
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/tree.sh"
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/kernel.sh"
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/qemu.sh"

BENCH_TESTS=tools/testing/selftests/kdbus

bench_program_make() {
	local out=$1 source
	source=$(kernel_source)
	in_tree make -s -C "/kdbus/$BENCH_TESTS" KSRC="$source" OUTPUT="$(tree_path "$out")" \
		"$(tree_path "$out")/kdbus-bench" || return
	find "$out" ! -name kdbus-bench -type f -delete
}

# bench_program: print the directory that holds the program; made when something changed.
bench_program() {
	local dir tmp
	dir=$(cache_root)/bench-program-$(content_key "$KDBUS_ROOT/$BENCH_TESTS/Makefile" \
		"$KDBUS_ROOT/$BENCH_TESTS"/kdbus-{bench,util}*.[ch] "$KDBUS_ROOT/include/uapi/linux/kdbus.h" \
		"$(tree_key)" "$(declare -f bench_program_make)")
	if ! cache_get "$dir"; then
		kernel_source_dir >/dev/null
		tmp=$(cache_begin "$dir")
		step "Building the benchmark" bench-build bench_program_make "$tmp" ||
			die "the benchmark could not be built."
		cache_commit "$dir"
		cache_prune "$(cache_root)/bench-program" 2
	fi
	printf '%s\n' "$dir"
}

# bench_initramfs OPTIONS...: an initramfs that runs the program once with each of them.
# Prints its path.
bench_initramfs() {
	local program tmp
	program=$(bench_program)
	tmp=$(cache_begin "$(cache_root)/bench-guest")
	rm -rf -- "${tmp:?}"/*
	cp "$program/kdbus-bench" "$tmp/"
	cp "$KDBUS_ROOT/scripts/lib/bench-guest" "$tmp/run-tests"
	chmod 755 "$tmp/run-tests"
	printf '%s\n' "$@" >"$tmp/passes"
	initramfs_build "$tmp"
	rm -rf -- "$tmp"
}

# bench_machine icount|kvm|tcg: the machine, one argument of QEMU a line. No virtio devices: their
# interrupts come when the host pleases. Without erms and fsrm, because emulation counts "rep movsb"
# byte by byte. With icount one instruction is one nanosecond.
bench_machine() {
	case $1 in
	icount)
		printf '%s\n' -accel tcg,thread=single -icount shift=0,sleep=off -cpu max,-erms,-fsrm -smp 1 \
			-seed 1 -rtc base=2024-01-01,clock=vm
		;;
	tcg) printf '%s\n' -accel tcg,thread=multi -cpu max,-erms,-fsrm -smp 2,sockets=2,cores=1 ;;
	kvm) printf '%s\n' -accel kvm -cpu host -smp 2,sockets=2,cores=1 ;;
	esac
}

# bench_qemu MODE KERNEL INITRD RESULTS SECONDS: run the guest to its end; what it found is in
# RESULTS and on the console. Returns QEMU's status, 124 when the time was over.
bench_qemu() {
	local mode=$1 kernel=$2 initrd=$3 results=$4 seconds=$5 status=0 words start=$SECONDS seen=-1
	local -a machine
	mapfile -t machine < <(bench_machine "$mode")
	words="console=ttyS0 quiet panic=-1 norandmaps kdbus.timeout=$seconds"
	# The clock must not depend on how the guest judges its processor.
	[[ $mode == kvm ]] || words+=" tsc=reliable no_timer_check"
	: >"$results"
	qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none -monitor none \
		-machine q35 -m 2048 "${machine[@]}" -kernel "$kernel" -initrd "$initrd" -append "$words" \
		-serial "file:$(bench_console "$mode")" -serial "file:$results" </dev/null >&2 &
	QEMU_PID=$!
	while kill -0 "$QEMU_PID" 2>/dev/null; do
		if ((SECONDS - start >= seconds)); then
			qemu_kill
			return 124
		fi
		if ((SECONDS - start != seen)); then
			seen=$((SECONDS - start))
			step_tick "$seen" "$(bench_console "$mode")"
		fi
		sleep 0.5
	done
	[[ ! -t 2 ]] || printf '\r\033[K' >&2
	wait "$QEMU_PID" || status=$?
	QEMU_PID=
	return "$status"
}

bench_console() { printf '%s/log/bench-%s.log\n' "$(cache_root)" "$1"; }

# bench_run MODE KERNEL RESULTS SECONDS OPTIONS...: measure with each of the options in one boot,
# collect in RESULTS what the program printed. Fails unless all of it is there and the kernel had
# nothing to report. No other run measures until the caller's shell ends.
bench_run() {
	local mode=$1 kernel=$2 results=$3 seconds=$4 initrd status=0 start=$SECONDS
	shift 4
	cache_lock bench
	initrd=$(bench_initramfs "$@")
	say "Measuring ($mode; console: $(bench_console "$mode"))"
	bench_qemu "$mode" "$kernel" "$initrd" "$results" "$seconds" || status=$?
	tr -d '\r' <"$results" >"$results.$$"
	mv "$results.$$" "$results"
	if [[ $(tail -n1 "$results") == @@done ]] && tr -d '\r' <"$(bench_console "$mode")" | grep -qax 'verdict: passed'; then
		say "  done in $((SECONDS - start)) s"
		return 0
	fi
	warn "the guest did not measure everything (QEMU's status $status); the end of $(bench_console "$mode"):"
	tail -n 20 "$(bench_console "$mode")" | tr -cd '[:print:]\n' | sed 's/^/  | /' >&2
	return 1
}
