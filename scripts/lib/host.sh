# shellcheck shell=bash
# What the host must be and have: root, Debian's apt, mmdebstrap, QEMU, disk, memory.

[[ -z ${KDBUS_HOST_LOADED:-} ]] || return 0
KDBUS_HOST_LOADED=1
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/common.sh"

KDBUS_NEED_DISK_GIB=${KDBUS_NEED_DISK_GIB:-16}
KDBUS_NEED_MEMORY_MIB=${KDBUS_NEED_MEMORY_MIB:-3500}

# host_become_root SCRIPT ARG...: go on as root, through sudo if need be.
host_become_root() {
	((EUID != 0)) || return 0
	command -v sudo >/dev/null || die "this needs root (it builds in a chroot): run it as root, or install sudo."
	say "Building in a chroot needs root: going on through sudo."
	# shellcheck disable=SC2093 # what follows is for when it fails
	exec sudo -- env KDBUS_CACHE="$(cache_root)" KDBUS_JOBS="$(jobs_number)" KDBUS_MIRROR="${KDBUS_MIRROR:-}" "$@"
	die "sudo could not be started."
}

# host_check_system: an amd64 Debian or derivative with apt, able to make mount namespaces.
host_check_system() {
	local name="an unknown distribution"
	if [[ -r /etc/os-release ]]; then
		# shellcheck disable=SC1091
		name=$(. /etc/os-release && printf '%s' "${PRETTY_NAME:-${ID:-unknown}}")
	fi
	if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
		die "this needs Debian 12 or 13 or a derivative with apt, but the host is $name."
	fi
	[[ $(dpkg --print-architecture) == amd64 ]] || die "this needs an amd64 host, but the host is $(dpkg --print-architecture)."
	unshare --mount --pid --fork --net true 2>/dev/null ||
		die "this host does not let root make mount, process and network namespaces (an unprivileged container?)."
}

# host_check_room: enough memory; enough disk for what is not yet in the cache.
host_check_room() {
	local root used=0 free need memory
	root=$(cache_root)
	memory=$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo)
	((memory >= KDBUS_NEED_MEMORY_MIB)) ||
		die "this needs $KDBUS_NEED_MEMORY_MIB MiB of memory, but the host has $memory MiB."
	free=$(df --output=avail -BM "$root" | tail -n1 | tr -dc 0-9)
	((free < KDBUS_NEED_DISK_GIB * 1024)) || return 0
	used=$(du -sm "$root" | cut -f1)
	need=$((KDBUS_NEED_DISK_GIB * 1024 - used))
	((free >= need)) ||
		die "this needs $(((need + 1023) / 1024)) GiB more of disk below $root, but only $((free / 1024)) GiB are free (set KDBUS_CACHE to use another disk)."
}

host_install_packages() {
	apt-get update &&
		DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# host_install: install what the host lacks, saying so first.
host_install() {
	local -a missing=()
	command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
	command -v qemu-system-x86_64 >/dev/null || missing+=(qemu-system-x86)
	[[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || missing+=(debian-archive-keyring)
	((${#missing[@]})) || return 0
	say "The host lacks: ${missing[*]}. Installing with apt-get."
	step "Installing ${missing[*]} on the host" host-install host_install_packages "${missing[@]}" ||
		die "${missing[*]} could not be installed on the host; is the network up and apt configured?"
}

# host_mirror: the Debian mirror that the host's apt uses, or nothing (then mmdebstrap's default).
host_mirror() {
	if [[ -n ${KDBUS_MIRROR:-} ]]; then
		printf '%s\n' "$KDBUS_MIRROR"
		return
	fi
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(ORIGIN) $(LABEL) $(COMPONENT) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		awk '$1 == "Debian" && $2 == "Debian" && $3 == "main" && $4 !~ /-/ { print $5; exit }' || true
}

# host_apt_options: the host's apt settings on proxies and dates, one "Name value" line each.
host_apt_options() {
	apt-config dump 2>/dev/null |
		grep -E '^Acquire::(https?::(Proxy|Verify-|CaInfo)|Check-(Valid-Until|Date))[^ ]* "..*";$' || true
}

# host_prepare SCRIPT ARG...: everything above, in order.
host_prepare() {
	host_check_system
	host_check_room
	host_install
}
