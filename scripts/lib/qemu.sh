# shellcheck shell=bash
# Guests: the accelerator that really works, QEMU with hard timeouts, verdicts out of band.

[[ -z ${KDBUS_QEMU_LOADED:-} ]] || return 0
KDBUS_QEMU_LOADED=1
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/tree.sh"

QEMU_PID=

qemu_kill() {
	[[ -n $QEMU_PID ]] || return 0
	kill -KILL "$QEMU_PID" 2>/dev/null || true
	wait "$QEMU_PID" 2>/dev/null || true
	QEMU_PID=
}
at_exit qemu_kill

# run_directory: a directory for this process's guests, removed at exit; sets RUN_DIRECTORY.
run_directory() {
	[[ -z ${RUN_DIRECTORY:-} ]] || return 0
	RUN_DIRECTORY=$(mktemp -d "${TMPDIR:-/tmp}/kdbus-run.XXXXXX")
	at_exit rm -rf -- "$RUN_DIRECTORY"
}

# ---- verdicts ----------------------------------------------------------------

# verdict_preset FILE: before the guest starts, the verdict is failure.
verdict_preset() { printf 'failed: the guest gave no verdict\n' >"$1"; }

# verdict_passed FILE: did the guest's last line say so?
verdict_passed() { [[ $(tail -n1 "$1" 2>/dev/null | tr -d '\r') == passed ]]; }

# ---- initramfs ---------------------------------------------------------------

initramfs_script() {
	cat <<'SCRIPT'
set -eu
programs=$1 out=$2
work=$(mktemp -d)
mkdir -p "$work/bin" "$work/dev" "$work/proc" "$work/sys" "$work/tmp" "$work/run" "$work/etc" "$work/root"
cp -a "$programs/." "$work/"
cp /bin/busybox "$work/bin/busybox"
cp /kdbus/scripts/lib/guest-init "$work/init"
chmod 755 "$work/init"
printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$work/etc/passwd"
printf 'root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n' >"$work/etc/group"
cd "$work"
find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 --reproducible | gzip -1n >"$out"
SCRIPT
}

# initramfs_build DIR: an initramfs with busybox, scripts/lib/guest-init and the static programs of
# DIR (which lies below the cache); DIR must hold the program "run-tests". Prints its path.
initramfs_build() {
	local dir tmp
	[[ -x $1/run-tests ]] || die "$1 holds no program run-tests."
	dir=$(cache_root)/initramfs-$(content_key "$1" "$KDBUS_ROOT/scripts/lib/guest-init" "$(initramfs_script)")
	if ! cache_get "$dir"; then
		tmp=$(cache_begin "$dir")
		in_tree sh -c "$(initramfs_script)" initramfs "$(tree_path "$1")" "$(tree_path "$tmp")/initrd.gz" >&2 ||
			die "the initramfs could not be made."
		cache_commit "$dir"
		cache_prune "$(cache_root)/initramfs" 6
	fi
	printf '%s\n' "$dir/initrd.gz"
}

# ---- accelerator -------------------------------------------------------------

# qemu_probe_kvm KERNEL: does a short boot of KERNEL under KVM really work?
qemu_probe_kvm() {
	local kernel=$1 programs verdict initrd
	[[ -r /dev/kvm && -w /dev/kvm ]] || return 1
	run_directory
	programs=$(cache_root)/probe.$$
	mkdir -p "$programs"
	printf '#!/bin/sh\nexit 0\n' >"$programs/run-tests"
	chmod 755 "$programs/run-tests"
	initrd=$(initramfs_build "$programs")
	rm -rf -- "$programs"
	verdict=$RUN_DIRECTORY/probe
	verdict_preset "$verdict"
	qemu_run --accel kvm --kernel "$kernel" --initrd "$initrd" --memory 512 --cpus 1 --timeout 20 \
		--port kdbus.verdict="$verdict" --serial "$(cache_root)/log/qemu-probe.log" \
		--append "kdbus.probe=1" || return 1
	verdict_passed "$verdict"
}

# qemu_accel auto|kvm|tcg [KERNEL]: print kvm or tcg. The answer of a probe is kept until the
# host boots again.
qemu_accel() {
	local kept
	case $1 in
	kvm | tcg)
		printf '%s\n' "$1"
		return
		;;
	auto) ;;
	*) die "there is no accelerator '$1': say auto, kvm or tcg." ;;
	esac
	kept=$(cache_root)/accel-$(tr -dc 0-9a-f </proc/sys/kernel/random/boot_id)
	if [[ ! -s $kept ]]; then
		[[ -n ${2:-} ]] || die "the accelerator can only be probed with a kernel."
		rm -f "$(cache_root)"/accel-*
		if qemu_probe_kvm "$2" >&2; then
			say "A short boot under KVM worked: using KVM."
			printf 'kvm\n' >"$kept.$$"
		else
			say "KVM does not work here: using QEMU's own emulation (TCG), which is slow."
			printf 'tcg\n' >"$kept.$$"
		fi
		mv "$kept.$$" "$kept"
	fi
	cat "$kept"
}

# ---- running -----------------------------------------------------------------

# qemu_run OPTION...: run a guest to its end. Returns 0 when QEMU ended by itself, 124 when the
# time was over, else QEMU's status. What the guest found is for the ports to tell, not for it.
#   --kernel FILE  --initrd FILE  --drive FILE (never written to)  --append WORDS
#   --accel auto|kvm|tcg  --memory MIB  --cpus N  --timeout SECONDS (0: none, interactive)
#   --port NAME=FILE   virtio-serial port NAME, appended to FILE (a fifo may be)
#   --fw NAME=FILE     fw_cfg file opt/NAME with the content of FILE
#   --serial FILE|stdio  --tick TEXT (show progress)
#   --until FILE SECONDS  once FILE has a last line "exit N", give the guest SECONDS to power off
qemu_run() {
	local kernel='' initrd='' drive='' append='' accel=auto memory=1024 cpus=2 timeout=600
	local serial='' tick='' until='' grace=0 ports=0 start status=0 done_at=0 seen=-1
	local -a devices=() command=()
	while (($#)); do
		case $1 in
		--kernel) kernel=$2 ;;
		--initrd) initrd=$2 ;;
		--drive) drive=$2 ;;
		--append) append+=" $2" ;;
		--accel) accel=$2 ;;
		--memory) memory=$2 ;;
		--cpus) cpus=$2 ;;
		--timeout) timeout=$2 ;;
		--serial) serial=$2 ;;
		--tick) tick=$2 ;;
		--port)
			devices+=(-chardev "file,id=port$ports,append=on,path=${2#*=}"
				-device "virtserialport,chardev=port$ports,name=${2%%=*}")
			ports=$((ports + 1))
			;;
		--fw) devices+=(-fw_cfg "name=opt/${2%%=*},file=${2#*=}") ;;
		--until)
			until=$2 grace=$3
			shift
			;;
		*) die "qemu_run: there is no option $1." ;;
		esac
		shift 2
	done
	accel=$(qemu_accel "$accel" "$kernel")
	run_directory
	serial=${serial:-$RUN_DIRECTORY/serial}
	command=(qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none -monitor none
		-machine q35 -smp "$cpus" -m "$memory" -device virtio-rng-pci -device virtio-serial-pci
		-kernel "$kernel")
	if [[ $accel == kvm ]]; then
		command+=(-accel kvm -cpu host)
	else
		command+=(-accel "tcg,thread=multi" -cpu max)
		# On a busy host the guest measures its TSC and timer wrongly, and its clock then runs
		# too fast by far; the HPET is right always.
		append+=" no_timer_check tsc=unstable"
	fi
	[[ -z $initrd ]] || command+=(-initrd "$initrd")
	[[ -z $drive ]] || command+=(-drive "file=$drive,if=virtio,format=raw,snapshot=on")
	command+=(-append "console=ttyS0${append}" "${devices[@]}")
	if [[ $serial == stdio ]]; then
		"${command[@]}" -chardev stdio,id=tty,mux=on,signal=off -serial chardev:tty -mon chardev=tty || status=$?
		return "$status"
	fi
	"${command[@]}" -serial "file:$serial" </dev/null >"$serial.qemu" 2>&1 &
	QEMU_PID=$!
	start=$SECONDS
	while kill -0 "$QEMU_PID" 2>/dev/null; do
		if ((timeout > 0 && SECONDS - start >= timeout)); then
			status=124
			break
		fi
		if [[ -n $until && $done_at == 0 ]] && grep -q '^exit [0-9]*$' "$until" 2>/dev/null; then
			done_at=$SECONDS
		fi
		if ((done_at > 0 && SECONDS - done_at >= grace)); then
			warn "the guest did not power off within $grace s; it was stopped."
			break
		fi
		if [[ -n $tick ]] && ((SECONDS - start != seen)); then
			seen=$((SECONDS - start))
			step_tick "$seen" "$serial"
		fi
		sleep 0.1
	done
	[[ -z $tick || ! -t 2 ]] || printf '\r\033[K' >&2
	if ! kill -0 "$QEMU_PID" 2>/dev/null; then
		wait "$QEMU_PID" || status=$?
		QEMU_PID=
	fi
	qemu_kill
	[[ ! -s $serial.qemu ]] || sed 's/^/qemu: /' "$serial.qemu" >&2
	rm -f "$serial.qemu"
	return "$status"
}
