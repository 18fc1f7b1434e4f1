#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests of scripts/apply on small copies of the pristine trees. Runs in the build tree as an
# ordinary user. Arguments: pristine kernel source, pristine systemd source. Prints TAP.

set -euo pipefail

kernel=$1 systemd=$2
repository=$(cd "$(dirname "$0")/../../.." && pwd -P)
apply=$repository/scripts/apply
work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
export HOME=$work GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@localhost GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@localhost
count=0 failed=0

# result STATUS NAME [LOG]
result() {
	count=$((count + 1))
	if [[ $1 == 0 ]]; then
		printf 'ok %d - %s\n' "$count" "$2"
		return
	fi
	failed=1
	printf 'not ok %d - %s\n' "$count" "$2"
	[[ -z ${3:-} ]] || sed 's/^/# /' "$3"
}

# holds NAME CMD…
holds() {
	local name=$1 status=0
	shift
	"$@" >"$work/log" 2>&1 || status=1
	result "$status" "$name" "$work/log"
}

# copy NAME KIND: a fresh small tree $work/NAME with the files that the series needs.
copy() {
	local name=$1 source=$kernel patches=$repository/patches marker=ipc/Makefile
	local -a files=(Makefile Kbuild)
	if [[ ${2:-kernel} == systemd ]]; then
		source=$systemd patches=$repository/systemd-integration/patches
		marker=src/libsystemd/meson.build
		files=(meson.version)
	fi
	while IFS= read -r file; do
		[[ ! -e $source/$file ]] || files+=("$file")
	done < <(cat "$patches"/*.patch | sed -n 's|^diff --git a/\([^ ]*\) b/.*|\1|p' | sort -u)
	files+=("$marker")
	mapfile -t files < <(printf '%s\n' "${files[@]}" | sort -u)
	[[ ! -e $work/$name ]] || chmod -R u+w "$work/$name"
	rm -rf "${work:?}/$name"
	mkdir "$work/$name"
	(cd "$source" && cp --parents --preserve=mode -- "${files[@]}" "$work/$name/")
	chmod -R u+w "$work/$name"
}

# refused NAME SENTENCE TREE OPTION…: fails, says so, changes nothing.
refused() {
	local name=$1 sentence=$2 tree=$3 status=0
	shift 3
	cp -a "$tree" "$work/before"
	"$apply" "$@" "$tree" >"$work/log" 2>&1 && status=1
	grep -qF -- "$sentence" "$work/log" || status=1
	result "$status" "refused: $name" "$work/log"
	holds "refused: $name: nothing changed" diff -r "$work/before" "$tree"
	chmod -R u+w "$work/before"
	rm -rf "$work/before"
}

# shellcheck disable=SC2317 # called through holds
# plain_files KIND TREE: do the created files equal the plain ones?
plain_files() {
	local root=$repository path patches=$repository/patches
	[[ $1 == kernel ]] || root=$repository/systemd-integration/overlay patches=$repository/systemd-integration/patches
	while IFS= read -r path; do
		cmp "$root/$path" "$2/$path" || return 1
	done < <(cat "$patches"/*.patch | sed -n 's|^diff --git a/\([^ ]*\) b/.*|\1|;T;N;s|\nnew file mode .*||p')
}

test_kernel() {
	copy tree
	cp -a "$work/tree" "$work/pristine"
	holds "the kernel series: --check says yes" "$apply" --check "$work/tree"
	holds "--check changes nothing" diff -r "$work/pristine" "$work/tree"
	holds "the kernel series applies" "$apply" "$work/tree"
	holds "it gives the plain files" plain_files kernel "$work/tree"
	refused "a tree that is patched" "is patched already" "$work/tree"
	copy tree
	holds "--link applies" "$apply" --link "$work/tree"
	holds "--link makes links" test -L "$work/tree/ipc/kdbus/Kconfig"
	holds "the links lead to the plain files" plain_files kernel "$work/tree"
}

test_links() {
	copy original
	cp -al "$work/original" "$work/hard"
	cp -as "$work/original" "$work/soft"
	cp -a "$work/original" "$work/kept"
	holds "a tree of hard links: applies" "$apply" "$work/hard"
	holds "a tree of symbolic links: applies" "$apply" "$work/soft"
	holds "neither changes the original" diff -r "$work/kept" "$work/original"
}

test_refusals() {
	copy tree
	sed -i 's/^PATCHLEVEL = .*/PATCHLEVEL = 13/' "$work/tree/Makefile"
	refused "another version" "is for Linux 6.12, but" "$work/tree"
	refused "a kernel tree is no systemd tree" "is not a systemd source tree" "$work/tree" --systemd
	mkdir "$work/empty"
	refused "something else" "is not a Linux source tree" "$work/empty"
	copy tree
	sed -i '/^config WATCH_QUEUE/d' "$work/tree/init/Kconfig"
	refused "a tree that a patch does not fit" "does not apply" "$work/tree"
	copy tree
	rm "$work/tree/include/uapi/linux/magic.h"
	refused "a tree without a file" "has no include/uapi/linux/magic.h" "$work/tree"
	copy tree
	chmod a-w "$work/tree"
	refused "a tree that may not be written" "may not write" "$work/tree"
	copy tree
	chmod a-w "$work/tree/tools/testing/selftests"
	refused "a directory that may not be written: all is undone" "is as it was before" "$work/tree"
	holds "a directory that does not exist is refused" \
		bash -c "! '$apply' '$work/none' 2>&1 && '$apply' '$work/none' 2>&1 | grep -q 'there is no directory'"
}

test_git() {
	copy tree
	git -C "$work/tree" init -q
	git -C "$work/tree" add -A
	git -C "$work/tree" commit -qm base
	printf 'change\n' >>"$work/tree/Makefile"
	refused "a git tree with changes" "has changes that are not committed" "$work/tree"
	git -C "$work/tree" checkout -q Makefile
	printf 'new\n' >"$work/tree/new"
	refused "a git tree with a new file" "has changes that are not committed" "$work/tree"
	rm "$work/tree/new"
	holds "a clean git tree: applies" "$apply" "$work/tree"
	refused "a git tree that is patched" "is patched already" "$work/tree"
}

test_systemd() {
	copy tree systemd
	refused "a systemd tree is no kernel tree" "is not a Linux source tree" "$work/tree"
	holds "the systemd series: --check says yes" "$apply" --systemd --check "$work/tree"
	holds "the systemd series applies" "$apply" --systemd "$work/tree"
	holds "it gives systemd's plain files" plain_files systemd "$work/tree"
	refused "a systemd tree that is patched" "is patched already" "$work/tree" --systemd
	copy tree systemd
	printf '258\n' >"$work/tree/meson.version"
	refused "another version of systemd" "is for systemd" "$work/tree" --systemd
}

holds "the tests run without root" test "$(id -u)" != 0
test_kernel
test_links
test_refusals
test_git
test_systemd
printf '1..%d\n' "$count"
exit "$failed"
