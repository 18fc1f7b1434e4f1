#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Compare the manual with the header and with the example
#
#   check-manual.sh [MANUAL [HEADER]]
#
# The manual must name every constant, command and structure of the header, and
# no other name of that form; it must contain kdbus-example.c as it is
# compiled, as an indented block. Exit status 0 only if all of that holds.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../../.." && pwd)
manual=${1:-$root/Documentation/kdbus.txt}
header=${2:-$root/include/uapi/linux/kdbus.h}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Code only: comments of the header may name what they like.
code() {
	sed -e 's://.*$::' -e '/^[[:space:]]*\/\*/,/\*\//d' "$1"
}

constants() {
	grep -owE '_?KDBUS_[A-Z0-9_]*[A-Z0-9]' | sort -u
}

structures() {
	grep -owE '(struct|enum) kdbus_[a-z0-9_]+' | sort -u
}

same() {
	local what=$1

	if ! diff -u --label header --label manual "$work/a" "$work/b"; then
		echo "check-manual: $what differ" >&2
		return 1
	fi
}

example() {
	sed -e '/^\/\/ SPDX/d' "$here/kdbus-example.c" | expand |
		sed -e 's/^./    &/'
}

status=0
code "$header" | constants > "$work/a"
constants < "$manual" > "$work/b"
same "names" || status=1

code "$header" | structures > "$work/a"
structures < "$manual" > "$work/b"
same "structures" || status=1

example > "$work/a"
n=$(wc -l < "$work/a")
start=$(grep -nxF -m 1 '    /*' "$manual" | cut -d: -f1 || true)
if [ -z "$start" ]; then
	echo "check-manual: no example in the manual" >&2
	status=1
else
	sed -n "$start,$((start + n - 1))p" "$manual" > "$work/b"
	same "examples" || status=1
fi
exit "$status"
