# shellcheck shell=bash
# The Debian 13 build tree ("the tree"): made by mmdebstrap, read-only once made.
#
# It holds compilers, the build dependencies of the kernel and of systemd, and the two source
# packages as apt fetched them, so that nothing after it needs the network.

[[ -z ${KDBUS_TREE_LOADED:-} ]] || return 0
KDBUS_TREE_LOADED=1
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/common.sh"
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/host.sh"

TREE=

TREE_PACKAGES=(
	# kernel
	bc bison flex libelf-dev libssl-dev openssl cpio rsync kmod xz-utils zstd ccache sparse
	python3 perl linux-source-6.12 gcc-aarch64-linux-gnu libc6-dev-i386 lib32gcc-14-dev
	# series, lint
	quilt git patch diffutils python3-ply python3-git python3-docutils pyflakes3 shellcheck
	# images and guests
	e2fsprogs libarchive13t64 busybox-static iproute2 procps ca-certificates
	# systemd
	meson ninja-build pkgconf gperf
)

tree_key() {
	content_key "${TREE_PACKAGES[@]}" "$(declare -f tree_make)" "$(declare -f tree_customize)"
}

# mmdebstrap_run ARG...: mmdebstrap with the host's mirror and apt settings.
#   Arguments up to "--" are options; the target follows it.
mmdebstrap_run() {
	local line mirror
	local -a options=()
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	while IFS= read -r line; do
		[[ -z $line ]] || options+=("--aptopt=$line")
	done < <(host_apt_options)
	mirror=$(host_mirror)
	local -a target=(trixie "$1")
	[[ -z $mirror ]] || target+=("$mirror")
	# In namespaces of its own, so that no mount and no process of it is left when it is killed.
	unshare --mount --pid --fork --kill-child --mount-proc mmdebstrap --mode=root --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
		"${options[@]}" "${target[@]}"
}

# What happens in the tree after the packages are there (runs in the tree, with network).
tree_customize() {
	cat <<'SCRIPT'
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get build-dep -y --no-install-recommends -P nodoc systemd
cd /usr/src
apt-get source --download-only systemd
mkdir -p /cache /kdbus
ln -s x86_64-linux-gnu/asm /usr/include/asm
printf '[safe]\n\tdirectory = *\n[user]\n\tname = kdbus build\n\temail = kdbus@localhost\n' >/etc/gitconfig
SCRIPT
}

tree_make() {
	local out=$1
	tree_customize >"$out/customize" || return
	# shellcheck disable=SC2016
	mmdebstrap_run --variant=buildd \
		--include="$(IFS=,; printf '%s' "${TREE_PACKAGES[*]}")" \
		--setup-hook='grep -h "^deb .* trixie main" "$1/etc/apt/sources.list" | head -n1 >"$1/etc/apt/main.list" && mv "$1/etc/apt/main.list" "$1/etc/apt/sources.list"' \
		--setup-hook='sed "s/^deb /deb-src /" "$1/etc/apt/sources.list" >"$1/etc/apt/sources.list.d/source.list"' \
		--customize-hook="upload '$out/customize' /tmp/customize" \
		--customize-hook='chroot "$1" sh /tmp/customize' \
		-- "$out/root" || return
	test -f "$out/root/usr/src/linux-source-6.12.tar.xz"
}

# tree_ensure: make the tree or reuse it; sets TREE.
tree_ensure() {
	local dir tmp
	[[ -z $TREE ]] || return 0
	dir=$(cache_root)/tree-$(tree_key)
	if ! cache_get "$dir"; then
		cache_lock tree
		if ! cache_get "$dir"; then
			tmp=$(cache_begin "$dir")
			if ! step "Making the Debian 13 build tree" tree tree_make "$tmp"; then
				cache_abort "$dir"
				die "the Debian 13 build tree could not be made; without network to a Debian mirror it cannot be."
			fi
			cache_commit "$dir"
			cache_prune "$(cache_root)/tree" 1
		fi
		cache_unlock tree
	fi
	TREE=$dir/root
}

# The mounts of a run inside the tree; private to it, gone when it ends.
# Arguments: tree, repository, cache, "net" or "nonet", command...
tree_enter() {
	local inner
	# shellcheck disable=SC2016
	inner='
		set -eu
		tree=$1 repo=$2 cache=$3 net=$4
		shift 4
		mount --bind "$tree" "$tree"
		mount --rbind /dev "$tree/dev"
		mount -t proc proc "$tree/proc"
		mount -t tmpfs -o mode=755 tmpfs "$tree/run"
		mount -t tmpfs -o mode=1777 tmpfs "$tree/tmp"
		mount --bind "$tree/tmp" "$tree/var/tmp"
		mount --bind "$cache" "$tree/cache"
		mount --bind "$repo" "$tree/kdbus"
		mount -o remount,bind,ro "$tree/kdbus"
		if [ "$net" = net ]; then
			if [ -e /etc/resolv.conf ]; then
				cp -L /etc/resolv.conf "$tree/run/resolv.conf"
				mount --bind "$tree/run/resolv.conf" "$tree/etc/resolv.conf" 2>/dev/null || true
			fi
		else
			mount -t sysfs -o ro sysfs "$tree/sys" 2>/dev/null || true
			mount -o remount,bind,ro "$tree"
		fi
		exec chroot "$tree" /bin/sh -c "[ \"\$0\" = net ] || ip link set lo up 2>/dev/null || true; exec \"\$@\"" "$net" "$@"
	'
	local -a namespaces=(--mount --pid --fork --ipc --uts --kill-child)
	[[ $4 == net ]] || namespaces+=(--net)
	env -i PATH=/usr/lib/ccache:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/tmp LANG=C.UTF-8 LC_ALL=C.UTF-8 TERM="${TERM:-dumb}" DEBIAN_FRONTEND=noninteractive \
		CCACHE_DIR=/cache/ccache CCACHE_MAXSIZE=4G JOBS="$(jobs_number)" \
		unshare "${namespaces[@]}" sh -c "$inner" tree "$@"
}

# in_tree CMD...: run CMD in the tree, without network; the repository is at /kdbus (read-only),
# the cache at /cache, the tree itself read-only. ccache stands before the compilers in PATH.
in_tree() {
	tree_ensure
	tree_enter "$TREE" "$KDBUS_ROOT" "$(cache_root)" nonet "$@"
}

# in_tree_net CMD...: the same with network and a writable tree (for apt).
in_tree_net() {
	tree_ensure
	tree_enter "$TREE" "$KDBUS_ROOT" "$(cache_root)" net "$@"
}

# tree_path PATH: a path below the cache as it is called inside the tree.
tree_path() {
	local root
	root=$(cache_root)
	[[ $1 == "$root"/* ]] || die "$1 is not below the cache."
	printf '/cache%s\n' "${1#"$root"}"
}
