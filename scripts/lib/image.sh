# shellcheck shell=bash
# The root image: Debian 13 from its packages, with our systemd laid over Debian's.

[[ -z ${KDBUS_IMAGE_LOADED:-} ]] || return 0
KDBUS_IMAGE_LOADED=1
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/tree.sh"
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/kernel.sh"
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/systemd.sh"

IMAGE_PACKAGES=(
	systemd systemd-sysv udev libpam-systemd dbus dbus-bin
	login passwd util-linux mount procps kmod iproute2 less strace
)
IMAGE_SIZE=${KDBUS_IMAGE_SIZE:-1G}

image_base_make() {
	mmdebstrap_run --variant=minbase --include="$(
		IFS=,
		printf '%s' "${IMAGE_PACKAGES[*]}"
	)" \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/info/*' \
		-- "$1/base.tar"
}

# image_base: the archive of the plain Debian 13 root file system; made when missing.
# Sets IMAGE_BASE.
image_base() {
	local dir tmp
	tree_ensure
	# The tree's key is part of it, so that both hold the same version of systemd.
	dir=$(cache_root)/image-base-$(content_key "$(tree_key)" "${IMAGE_PACKAGES[@]}" "$(declare -f image_base_make)")
	if ! cache_get "$dir"; then
		cache_lock image-base
		if ! cache_get "$dir"; then
			tmp=$(cache_begin "$dir")
			if ! step "Making the Debian 13 root file system" image-base image_base_make "$tmp"; then
				cache_abort "$dir"
				die "the Debian 13 root file system could not be made; without network to a Debian mirror it cannot be."
			fi
			cache_commit "$dir"
			cache_prune "$(cache_root)/image-base" 2
		fi
		cache_unlock image-base
	fi
	IMAGE_BASE=$dir/base.tar
	printf '%s\n' "$IMAGE_BASE"
}

# image_script: runs in the tree: unpack, lay over, set up, pack. Arguments: base archive,
# directory of our systemd ("" for Debian's own), result, size, kernel source.
image_script() {
	cat <<'SCRIPT'
set -eu
base=$1 systemd=$2 out=$3 size=$4 source=$5
files=/kdbus/scripts/lib/image
work=$(mktemp -d)
root=$work/root
mkdir "$root"
tar -C "$root" --xattrs --xattrs-include='*' --exclude='./dev/*' -xf "$base"

if test -n "$systemd"; then
	# A file of ours takes the place of Debian's; files that Debian does not install are left
	# out, except for the new ones of our series.
	(cd "$systemd" && find . -type f -o -type l) | sed 's|^\./||' | LC_ALL=C sort >"$work/ours"
	while read -r file; do
		case $file in
		etc/* | usr/lib/sysusers.d/basic.conf) continue ;;
		*kdbus*) ;;
		*) test -e "$root/$file" || test -h "$root/$file" || continue ;;
		esac
		mkdir -p "$root/${file%/*}"
		cp -a --remove-destination "$systemd/$file" "$root/$file"
		echo "$file"
	done <"$work/ours" >"$work/laid-over"
	echo "laid $(wc -l <"$work/laid-over") files of our systemd over Debian's"
fi

cp -a "$files/." "$root/"
find "$files" -type f | sed "s|^$files||" | while read -r file; do chown root:root "$root$file"; done
tests=/kdbus/tools/testing/selftests/kdbus
if test -e "$tests/kdbus-ping.c"; then
	mkdir "$work/programs"
	make -s -C "$tests" KSRC="$source" OUTPUT="$work/programs" "$work/programs/kdbus-ping"
	install -s "$work/programs/kdbus-ping" "$root/usr/bin/"
fi

echo kdbus >"$root/etc/hostname"
printf '127.0.0.1 localhost kdbus\n::1 localhost kdbus\n' >"$root/etc/hosts"
printf '/dev/vda / ext4 rw 0 1\n' >"$root/etc/fstab"
rm -f "$root/etc/resolv.conf" "$root/etc/machine-id" "$root/var/lib/dbus/machine-id"
rm -rf "$root/var/cache/apt" "$root/var/lib/apt/lists" "$root/var/log/apt" "$root"/var/cache/debconf/*-old
echo 6b6462757364656269616e3133303030 >"$root/etc/machine-id"
ln -sf /etc/machine-id "$root/var/lib/dbus/machine-id"
mkdir -p "$root/var/log/journal" "$root/etc/systemd/system/multi-user.target.wants" \
	"$root/etc/systemd/system/graphical.target.wants"
ln -sf /etc/systemd/system/kdbus-run.service "$root/etc/systemd/system/graphical.target.wants/"
# Nothing here has a network, and timers only disturb tests.
for unit in systemd-networkd.service systemd-networkd-wait-online.service apt-daily.timer \
	apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
	man-db.timer motd-news.timer systemd-timesyncd.service; do
	test ! -e "$root/usr/lib/systemd/system/$unit" || ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
mke2fs -q -t ext4 -E root_owner=0:0 -L kdbus -O ^metadata_csum_seed,^orphan_file -d "$root" "$out/root.img" "$size"
rm -rf "$work"
SCRIPT
}

# image_build [stock]: the root image with our systemd (or, "stock", with Debian's own);
# prints its path and sets IMAGE.
image_build() {
	local dir tmp systemd='' tests=$KDBUS_ROOT/tools/testing/selftests/kdbus
	local kind=${1:-kdbus}
	image_base >/dev/null
	kernel_source_dir >/dev/null
	if [[ $kind != stock ]]; then
		systemd_build >/dev/null
		systemd=$SYSTEMD_INSTALLED
	fi
	dir=$(cache_root)/image-$kind-$(content_key "$(image_script)" "$IMAGE_SIZE" "$KDBUS_ROOT/scripts/lib/image" \
		"${IMAGE_BASE##*/image-base-}" "${systemd##*/}" "$tests/Makefile" "$tests"/kdbus-*.[ch] "$KDBUS_ROOT/include/uapi/linux/kdbus.h")
	if ! cache_get "$dir"; then
		tmp=$(cache_begin "$dir")
		step "Making the root image" image in_tree sh -c "$(image_script)" image "$(tree_path "$IMAGE_BASE")" \
			"${systemd:+$(tree_path "$systemd")}" "$(tree_path "$tmp")" "$IMAGE_SIZE" "$(tree_path "$KERNEL_SOURCE")" ||
			die "the root image could not be made."
		cache_commit "$dir"
		cache_prune "$(cache_root)/image-$kind" 3
	fi
	IMAGE=$dir/root.img
	printf '%s\n' "$IMAGE"
}
