# shellcheck shell=bash
# The kernel: Debian's source, the series on top of it, and the builds.
#
# All paths that these functions print are paths inside the tree (/cache/...), except for
# kernel_build, which prints the image's path on the host.

[[ -z ${KDBUS_KERNEL_LOADED:-} ]] || return 0
KDBUS_KERNEL_LOADED=1
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/tree.sh"
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/series.sh"

# tree_package_version NAME: version of a package installed in the tree.
tree_package_version() {
	tree_ensure
	awk -v name="$1" '$1 == "Package:" { hit = $2 == name } hit && $1 == "Version:" { print $2; exit }' \
		"$TREE/var/lib/dpkg/status"
}

kernel_unpack() {
	in_tree tar -C "$(tree_path "$1")" --strip-components=1 -xf /usr/src/linux-source-6.12.tar.xz
}

# kernel_source_dir: the pristine source on the host; made when missing. Sets KERNEL_SOURCE.
kernel_source_dir() {
	local dir
	tree_ensure
	dir=$(cache_root)/linux-$(tree_package_version linux-source-6.12)
	if ! cache_get "$dir"; then
		cache_lock linux-source
		if ! cache_get "$dir"; then
			cache_begin "$dir" >/dev/null
			step "Unpacking Debian's linux-source-6.12" linux-source kernel_unpack "$dir.tmp.$$" ||
				die "Debian's kernel source could not be unpacked."
			cache_commit "$dir"
		fi
		cache_unlock linux-source
	fi
	KERNEL_SOURCE=$dir
	printf '%s\n' "$dir"
}

# kernel_source: the pristine unpacked source, as seen inside the tree. Nobody writes to it.
kernel_source() {
	kernel_source_dir >/dev/null
	tree_path "$KERNEL_SOURCE"
}

# kernel_prepared_dir: the source with the whole series applied, on the host; updated if needed.
# Sets KERNEL_PREPARED and leaves the lock "kernel" with the caller.
kernel_prepared_dir() {
	kernel_source_dir >/dev/null
	KERNEL_PREPARED=$(cache_root)/kernel/prepared-${KERNEL_SOURCE##*/linux-}
	cache_lock kernel
	mkdir -p "${KERNEL_PREPARED%/*}"
	series_prepare kernel "$KERNEL_SOURCE" "$KERNEL_PREPARED" series patches ||
		die "the kernel series does not apply to Debian's linux-source-6.12 $(tree_package_version linux-source-6.12)."
	printf '%s\n' "$KERNEL_PREPARED"
}

# kernel_prepared: the same path as seen inside the tree.
kernel_prepared() {
	kernel_prepared_dir >/dev/null
	tree_path "$KERNEL_PREPARED"
}

kernel_series_key() { series_key series patches; }

# ---- builds ----------------------------------------------------------------

KERNEL_MAKE=(make KBUILD_BUILD_USER=kdbus KBUILD_BUILD_HOST=debian
	"KBUILD_BUILD_TIMESTAMP=Sun Nov 22 00:00:00 UTC 2026" KBUILD_BUILD_VERSION=1)

# kernel_fragments FLAVOUR: the configuration fragments, the later ones win.
kernel_fragments() {
	case $1 in
	release | debug) printf '%s\n' base "$1" ;;
	module) printf '%s\n' base release module ;;
	arm64) printf '%s\n' arm64 ;;
	*) die "there is no kernel configuration '$1'." ;;
	esac
}

# kernel_configure_script: make .config from the fragments and check that each line took effect.
kernel_configure_script() {
	cat <<'SCRIPT'
set -eu
source=$1 out=$2
shift 2
mkdir -p "$out"
cat >"$out/fragments.new"
cmp -s "$out/fragments.new" "$out/fragments" || mv "$out/fragments.new" "$out/fragments"
cp "$out/.config" "$out/.config.before" 2>/dev/null || :
"$@" -C "$source" O="$out" KCONFIG_ALLCONFIG="$out/fragments" allnoconfig
"$@" -C "$source" O="$out" olddefconfig
# Same content, same time: nothing is built again for it.
if cmp -s "$out/.config" "$out/.config.before"; then mv "$out/.config.before" "$out/.config"; fi
awk -F= '
	FILENAME == ARGV[1] {
		if ($0 ~ /^CONFIG_[A-Za-z0-9_]+=/) { name = $1; sub(/^[^=]*=/, ""); want[name] = $0 }
		next
	}
	$0 ~ /^CONFIG_[A-Za-z0-9_]+=/ { name = $1; sub(/^[^=]*=/, ""); have[name] = $0 }
	END {
		for (name in want) {
			value = (name in have) ? have[name] : "n"
			if (value != want[name]) {
				printf "not in force: %s=%s (is %s)\n", name, want[name], value
				bad = 1
			}
		}
		exit bad
	}' "$out/fragments" "$out/.config"
SCRIPT
}

# kernel_configure FLAVOUR SOURCE OUT [MAKE-VARIABLE...]
kernel_configure() {
	local flavour=$1 source=$2 out=$3 fragment
	shift 3
	for fragment in $(kernel_fragments "$flavour"); do
		cat "$KDBUS_ROOT/scripts/config/$fragment.config"
	done | awk -F= '/^CONFIG_/ { last[$1] = NR } { line[NR] = $0; name[NR] = $1 }
		END { for (i = 1; i <= NR; i++) if (!(name[i] in last) || last[name[i]] == i) print line[i] }' |
		in_tree sh -c "$(kernel_configure_script)" configure "$source" "$out" "${KERNEL_MAKE[@]}" "$@"
}

# kernel_make FLAVOUR OUTDIR LOG TARGETS...: configure and make in the persistent build directory.
# Variables for make may stand among the targets.
kernel_make() {
	local flavour=$1 out=$2 source status=0
	shift 2
	local -a variables=()
	local word
	for word in "$@"; do
		[[ $word != ARCH=* && $word != CROSS_COMPILE=* ]] || variables+=("$word")
	done
	source=$(tree_path "$KERNEL_PREPARED") || return
	if [[ -e $out/.dirty ]]; then
		echo "the last build here was interrupted: starting anew"
		rm -rf --one-file-system -- "$out" || return
	fi
	mkdir -p "$out" && : >"$out/.dirty" || return
	kernel_configure "$flavour" "$source" "$(tree_path "$out")" ${variables[@]+"${variables[@]}"} || return
	in_tree "${KERNEL_MAKE[@]}" -C "$source" O="$(tree_path "$out")" -j"$(jobs_number)" "$@" || status=$?
	# An error of the compiler leaves nothing half-made, only a signal does.
	((status >= 128)) || rm -f "$out/.dirty"
	return "$status"
}

kernel_key() {
	local fragment
	local -a files=()
	for fragment in $(kernel_fragments "$1"); do
		files+=("$KDBUS_ROOT/scripts/config/$fragment.config")
	done
	content_key "$1" "$(kernel_series_key)" "$(tree_package_version linux-source-6.12)" "${KERNEL_MAKE[@]}" \
		"$(declare -f kernel_make)" "$(declare -f kernel_collect)" "$(kernel_configure_script)" "${files[@]}"
}

kernel_collect() {
	local out=$1 result=$2
	cp "$out/arch/x86/boot/bzImage" "$out/System.map" "$out/.config" "$result/" || return
	mv "$result/.config" "$result/config" || return
	! grep -q '^CONFIG_KDBUS=m' "$result/config" || cp "$out/ipc/kdbus/kdbus.ko" "$result/"
}

# kernel_build FLAVOUR: build release, debug or module (kdbus as a module);
# prints the path of the bzImage on the host and sets KERNEL_IMAGE. Beside it: config, System.map,
# and kdbus.ko if it is a module.
kernel_build() {
	local flavour=$1 dir tmp out
	tree_ensure
	dir=$(cache_root)/kernel/$flavour-$(kernel_key "$flavour")
	if ! cache_get "$dir"; then
		kernel_prepared_dir >/dev/null
		# release and module differ in kdbus alone and share a build directory.
		out=$(cache_root)/kernel/build-${flavour/module/release}-${KERNEL_PREPARED##*/prepared-}
		step "Building the $flavour kernel" "kernel-$flavour" kernel_make "$flavour" "$out" bzImage modules ||
			die "the $flavour kernel could not be built."
		tmp=$(cache_begin "$dir")
		kernel_collect "$out" "$tmp" || die "the $flavour kernel was built but cannot be copied from $out."
		cache_commit "$dir"
		cache_prune "$(cache_root)/kernel/$flavour" 3
		cache_unlock kernel
	fi
	KERNEL_IMAGE=$dir/bzImage
	printf '%s\n' "$KERNEL_IMAGE"
}

# ---- checks of ipc/kdbus/ ----------------------------------------------------

# kernel_check_arm64: ipc/kdbus/ alone, cross-built for arm64 from nothing; any warning is a failure.
# W=1 on x86-64 and sparse: every prefix of the series is built with them (check-patches).
kernel_check_arm64() {
	local status=0
	kernel_prepared_dir >/dev/null
	step "Compiling ipc/kdbus for arm64" kernel-check-arm64 kernel_check_arm64_run \
		"$(cache_root)/kernel/build-arm64-${KERNEL_PREPARED##*/prepared-}" || status=$?
	cache_unlock kernel
	return "$status"
}

kernel_check_arm64_run() {
	local out=$1 text warnings
	local -a cross=(ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-)
	rm -rf --one-file-system -- "$out/ipc/kdbus"
	# The configuration and headers first: their warnings are not ours.
	kernel_make arm64 "$out" "${cross[@]}" prepare || return
	text=$(kernel_make arm64 "$out" "${cross[@]}" W=1 ipc/kdbus/ 2>&1) || {
		printf '%s\n' "$text"
		return 1
	}
	printf '%s\n' "$text"
	if ! grep -qE 'CC +([^ ]*/)?ipc/kdbus/' <<<"$text"; then
		echo "nothing of ipc/kdbus/ was compiled"
		return 1
	fi
	warnings=$(grep -cE '(warning|error):' <<<"$text") || true
	echo "$warnings warnings"
	((warnings == 0))
}

# kernel_check_module: a kernel with kdbus as a module; the module is there.
kernel_check_module() {
	kernel_build module >/dev/null
	[[ -s ${KERNEL_IMAGE%/*}/kdbus.ko ]]
}
