# shellcheck shell=bash
# systemd: Debian's source package, our series on top, built with Debian's own configuration.
#
# Debian's rules configure the build (without manual pages and, for speed, without link-time
# optimisation); ninja builds and installs it into a directory that the image lays over the
# packages of the same version.

[[ -z ${KDBUS_SYSTEMD_LOADED:-} ]] || return 0
KDBUS_SYSTEMD_LOADED=1
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/tree.sh"
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/series.sh"

SYSTEMD_PROFILES="nodoc noinsttest"
SYSTEMD_BUILD=obj-x86_64-linux-gnu

systemd_dsc() {
	local -a found=()
	tree_ensure
	found=("$TREE"/usr/src/systemd_257*.dsc)
	[[ ${#found[@]} == 1 && -f ${found[0]} ]] || die "the build tree holds no source package of systemd 257."
	printf '%s\n' "${found[0]##*/}"
}

systemd_unpack() {
	# shellcheck disable=SC2016
	in_tree sh -ec 'dpkg-source --no-check -x "/usr/src/$1" "$2/source" && rm -rf "$2"/*.orig*' \
		unpack "$(systemd_dsc)" "$(tree_path "$1")"
}

# systemd_source_dir: the pristine source (with debian/patches applied) on the host.
# Sets SYSTEMD_SOURCE.
systemd_source_dir() {
	local dsc dir
	dsc=$(systemd_dsc)
	dir=$(cache_root)/${dsc%.dsc}
	if ! cache_get "$dir"; then
		cache_lock systemd-source
		if ! cache_get "$dir"; then
			cache_begin "$dir" >/dev/null
			step "Unpacking Debian's systemd source" systemd-source systemd_unpack "$dir.tmp.$$" ||
				die "Debian's systemd source could not be unpacked."
			cache_commit "$dir"
		fi
		cache_unlock systemd-source
	fi
	SYSTEMD_SOURCE=$dir/source
	printf '%s\n' "$SYSTEMD_SOURCE"
}

# systemd_source: the same path as seen inside the tree. Nobody writes to it.
systemd_source() {
	systemd_source_dir >/dev/null
	tree_path "$SYSTEMD_SOURCE"
}

# systemd_prepared_dir: the source with our series applied, on the host.
# Sets SYSTEMD_PREPARED and leaves the lock "systemd" with the caller.
systemd_prepared_dir() {
	local name
	systemd_source_dir >/dev/null
	name=${SYSTEMD_SOURCE%/source}
	SYSTEMD_PREPARED=$(cache_root)/systemd/prepared-${name##*/}
	cache_lock systemd
	mkdir -p "${SYSTEMD_PREPARED%/*}"
	series_prepare systemd "$SYSTEMD_SOURCE" "$SYSTEMD_PREPARED" systemd-integration/series systemd-integration/patches ||
		die "the systemd series does not apply to Debian's systemd source."
	printf '%s\n' "$SYSTEMD_PREPARED"
}

# systemd_prepared: the same path as seen inside the tree.
systemd_prepared() {
	systemd_prepared_dir >/dev/null
	tree_path "$SYSTEMD_PREPARED"
}

# systemd_make_script: configure (once, and when the options change), build, install.
systemd_make_script() {
	cat <<'SCRIPT'
set -eu
cd "$1"
build=$2 result=$3
shift 3
export DEB_BUILD_OPTIONS="optimize=-lto parallel=$JOBS"
options="$DEB_BUILD_PROFILES $DEB_BUILD_OPTIONS"
if test "$(cat "$build/.configured" 2>/dev/null)" != "$options"; then
	rm -rf "$build"
	debian/rules override_dh_auto_configure
	echo "$options" >"$build/.configured"
fi
# Without targets: what gets installed, so not the hundreds of test programs.
test $# != 0 || set -- $(meson introspect --targets "$build" | python3 -c "
import json, os, sys
for target in json.load(sys.stdin):
    if target['installed']:
        print(*(os.path.relpath(name, '$build') for name in target['filename']))")
# In the environment that Debian's rules make (flags, package notes).
make --no-print-directory -f debian/rules --eval='kdbus-ninja: ; ninja -C $(BUILD) -j $(JOBS) $(TARGETS)' \
	kdbus-ninja BUILD="$build" JOBS="$JOBS" TARGETS="$*"
test -n "$result" || exit 0
DESTDIR=$result meson install -C "$build" --no-rebuild --quiet
debian/extra/make-sysusers-basic >"$result/usr/lib/sysusers.d/basic.conf"
rm -rf "$result/usr/share/doc" "$result/usr/share/locale" "$result/usr/lib/debug"
find "$result" -type f -exec sh -c '
	for file; do
		case $(head -c 4 "$file" | tr -d "\0") in
		?ELF) strip --strip-unneeded "$file" 2>/dev/null || : ;;
		esac
	done' strip {} +
SCRIPT
}

# systemd_make RESULT TARGET...: build in the persistent directory; install to RESULT unless "".
systemd_make() {
	local result=$1 build=$SYSTEMD_PREPARED/$SYSTEMD_BUILD status=0
	shift
	if [[ -e $SYSTEMD_PREPARED/.build-dirty ]]; then
		echo "the last build here was interrupted: starting anew"
		rm -rf --one-file-system -- "$build" || return
	fi
	: >"$SYSTEMD_PREPARED/.build-dirty" || return
	in_tree env DEB_BUILD_PROFILES="$SYSTEMD_PROFILES" sh -c "$(systemd_make_script)" systemd \
		"$(tree_path "$SYSTEMD_PREPARED")" "$SYSTEMD_BUILD" "${result:+$(tree_path "$result")}" "$@" || status=$?
	# An error of the compiler leaves nothing half-made, only a signal does.
	((status >= 128)) || rm -f "$SYSTEMD_PREPARED/.build-dirty"
	return "$status"
}

systemd_key() {
	content_key "$(systemd_dsc)" "$(series_key systemd-integration/series systemd-integration/patches)" \
		"$SYSTEMD_PROFILES" "$(systemd_make_script)"
}

# systemd_build: build systemd with our series; prints the directory with the
# installed files and sets SYSTEMD_INSTALLED.
systemd_build() {
	local dir tmp key
	tree_ensure
	key=$(systemd_key)
	dir=$(cache_root)/systemd/installed-$key
	if ! cache_get "$dir"; then
		systemd_prepared_dir >/dev/null
		tmp=$(cache_begin "$dir")
		if ! step "Building systemd" systemd systemd_make "$tmp"; then
			cache_abort "$dir"
			die "systemd could not be built."
		fi
		cache_commit "$dir"
		cache_prune "$(cache_root)/systemd/installed" 2
		cache_unlock systemd
	fi
	# shellcheck disable=SC2034 # for the image
	SYSTEMD_INSTALLED=$dir
	printf '%s\n' "$dir"
}

systemd_test_run() {
	local name
	systemd_make '' "$@" || return
	for name in "$@"; do
		echo "# running $name"
		# shellcheck disable=SC2016
		in_tree sh -c 'cd "$1" && exec timeout 300 "./$2"' test \
			"$(tree_path "$SYSTEMD_PREPARED")/$SYSTEMD_BUILD" "$name" || return
	done
}

# systemd_test NAME...: build and run test programs of the patched systemd in the tree.
# Status 77 is a skipped test.
systemd_test() {
	local name status=0 result=0
	systemd_build >/dev/null
	systemd_prepared_dir >/dev/null
	for name in "$@"; do
		status=0
		step "Running systemd's $name" "systemd-$name" systemd_test_run "$name" || status=$?
		((status == 0)) || result=$status
	done
	cache_unlock systemd
	return "$result"
}
