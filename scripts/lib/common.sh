# shellcheck shell=bash
# Shared by every script: messages, long steps with a log, and the content-keyed cache.
#
# Source it first. It sets KDBUS_ROOT (the checkout) and installs the exit traps.
# Messages go to standard error; standard output belongs to the caller's results.
#
# A function that makes something long prints its path and sets a variable as well; inside these
# files the variable is used, so that the long work is done by the main shell, which gets signals.
#
# Cache rules:
#  * a directory below the cache counts only if it holds the file ".complete";
#  * it is made under the name NAME.tmp.PID and renamed when it is whole;
#  * directories that are updated in place (build directories) carry the file
#    ".dirty" from before the first change until after the last one.

set -euo pipefail

[[ -z ${KDBUS_COMMON_LOADED:-} ]] || return 0
KDBUS_COMMON_LOADED=1

# shellcheck disable=SC2034 # for the other files
KDBUS_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
KDBUS_EXIT_COMMANDS=()
declare -A KDBUS_LOCKS=()
export LC_ALL=C.UTF-8

say() { printf '%s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# at_exit CMD...: run CMD when the script ends, however it ends; last one first.
at_exit() { KDBUS_EXIT_COMMANDS=("$(printf '%q ' "$@")" "${KDBUS_EXIT_COMMANDS[@]}"); }

run_exit_commands() {
	local status=$? cmd
	trap '' INT TERM HUP
	for cmd in "${KDBUS_EXIT_COMMANDS[@]}"; do
		eval "$cmd" || true
	done
	return "$status"
}
trap run_exit_commands EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- the cache -------------------------------------------------------------

# cache_root: path of the cache, created when missing.
cache_root() {
	local root=${KDBUS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kdbus}
	[[ $root == /* && $root != / ]] || die "the cache directory '$root' is not an absolute path below /."
	if [[ ! -f $root/.kdbus-cache ]]; then
		mkdir -p "$root" || die "the cache directory $root cannot be created."
		[[ -z $(ls -A "$root") ]] || die "$root holds other things; the cache needs a directory of its own."
		: >"$root/.kdbus-cache"
		mkdir -p "$root/log" "$root/lock"
	fi
	printf '%s\n' "$root"
}

# content_key ARG...: short hash of the arguments; a file or directory counts with its content.
content_key() {
	local arg file
	{
		for arg in "$@"; do
			if [[ -f $arg ]]; then
				printf 'file %s ' "${arg##*/}"
				sha256sum <"$arg"
			elif [[ -d $arg ]]; then
				while IFS= read -r -d '' file; do
					printf 'file %s ' "$file"
					sha256sum <"$arg/$file"
				done < <(cd "$arg" && find . -type f -print0 | LC_ALL=C sort -z)
			else
				printf 'text %s\n' "$arg"
			fi
		done
	} | sha256sum | cut -c1-16
}

# cache_get DIR: does a complete DIR exist?
cache_get() { [[ -f $1/.complete ]]; }

# cache_begin DIR: make and print the empty directory in which DIR is to be built.
cache_begin() {
	local stale
	for stale in "$1".tmp.*; do
		[[ -e $stale ]] || continue
		[[ $stale != "$1.tmp.$$" && -d /proc/${stale##*.} ]] || rm -rf --one-file-system -- "$stale"
	done
	mkdir -p "$1.tmp.$$"
	printf '%s\n' "$1.tmp.$$"
}

# cache_commit DIR: what cache_begin started is whole now; give it its name.
cache_commit() {
	local tmp=$1.tmp.$$
	sync -f "$tmp"
	: >"$tmp/.complete"
	if [[ -e $1 ]]; then
		if cache_get "$1"; then
			rm -rf --one-file-system -- "$tmp"
			return
		fi
		rm -rf --one-file-system -- "$1"
	fi
	mv -T -- "$tmp" "$1"
}

# cache_abort DIR: throw away what cache_begin started.
cache_abort() { rm -rf --one-file-system -- "$1.tmp.$$"; }

# cache_prune PREFIX KEEP: remove finished directories PREFIX-* beyond the KEEP youngest.
cache_prune() {
	local dir
	local -a found=()
	mapfile -t found < <(find "$(dirname "$1")" -maxdepth 1 -type d -name "$(basename "$1")-*" \
		! -name '*.tmp.*' -printf '%T@ %p\n' | sort -rn | cut -d' ' -f2-)
	for dir in "${found[@]:$2}"; do
		rm -rf --one-file-system -- "$dir"
	done
}

# cache_lock NAME: wait until no other run works on NAME; held until cache_unlock or exit.
cache_lock() {
	local fd file
	[[ -z ${KDBUS_LOCKS[$1]:-} ]] || return 0
	file=$(cache_root)/lock/$1
	exec {fd}>>"$file"
	if ! flock -n "$fd"; then
		say "Another run is working on '$1'; waiting for it."
		flock "$fd"
	fi
	KDBUS_LOCKS[$1]=$fd
}

cache_unlock() {
	local fd=${KDBUS_LOCKS[$1]:-}
	[[ -n $fd ]] || return 0
	exec {fd}>&-
	unset "KDBUS_LOCKS[$1]"
}

# cache_clean: remove the cache.
cache_clean() {
	local root lock
	root=$(cache_root)
	if awk -v root="$root/" 'index($2, root) == 1 { found = 1 } END { exit !found }' /proc/mounts; then
		die "something is mounted below $root; unmount it before cleaning."
	fi
	for lock in "$root"/lock/*; do
		[[ ! -e $lock ]] || flock -n "$lock" true || die "another run is working on '${lock##*/}'; end it before cleaning."
	done
	rm -rf --one-file-system -- "${root:?}"
}

# ---- long steps ------------------------------------------------------------

step_kill() {
	[[ -n ${KDBUS_STEP_PID:-} ]] || return 0
	kill -TERM -- "-$KDBUS_STEP_PID" 2>/dev/null || true
	sleep 0.2
	kill -KILL -- "-$KDBUS_STEP_PID" 2>/dev/null || true
	KDBUS_STEP_PID=
}
at_exit step_kill

# step_tick SECONDS LOG: progress; on a terminal one line that changes, else a line a minute.
step_tick() {
	if [[ -t 2 ]]; then
		printf '\r\033[K  %4d s  %s' "$1" "$(tail -n1 "$2" 2>/dev/null | tr -cd '[:print:]' | cut -c1-60)" >&2
	elif (($1 > 0 && $1 % 60 == 0)); then
		say "  ... $1 s"
	fi
}

# step TEXT LOGNAME CMD...: say TEXT, run CMD with its output in the log LOGNAME, show the time
# that passes; on failure show the end of the log. Returns CMD's status. CMD may be a function;
# it runs in a subshell without the errexit option, so it must pass failures on itself.
step() {
	local text=$1 log status=0 start=$SECONDS seen=-1
	log=$(cache_root)/log/$2.log
	shift 2
	if ((BASH_SUBSHELL)); then
		# A subshell has none of the main shell's traps; the step must end with it all the same.
		trap step_kill EXIT
		trap 'exit 129' HUP
		trap 'exit 130' INT
		trap 'exit 143' TERM
	fi
	say "$text (log: $log)"
	set -m
	(
		trap - EXIT INT TERM HUP
		"$@"
	) </dev/null >"$log" 2>&1 &
	KDBUS_STEP_PID=$!
	set +m
	while kill -0 "$KDBUS_STEP_PID" 2>/dev/null; do
		if ((SECONDS - start != seen)); then
			seen=$((SECONDS - start))
			step_tick "$seen" "$log"
		fi
		sleep 0.2
	done
	wait "$KDBUS_STEP_PID" || status=$?
	KDBUS_STEP_PID=
	[[ ! -t 2 ]] || printf '\r\033[K' >&2
	if ((status == 0)); then
		say "  done in $((SECONDS - start)) s"
	else
		say "  FAILED after $((SECONDS - start)) s (status $status); the end of $log:"
		tail -n 20 "$log" | sed 's/^/  | /' >&2
	fi
	return "$status"
}

# jobs_number: how many jobs a build may run at once.
jobs_number() { printf '%s\n' "${KDBUS_JOBS:-$(nproc)}"; }
