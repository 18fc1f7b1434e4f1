# shellcheck shell=bash
# Sources with a series of ours on top of them, updated in place.
#
# A prepared source and the build directories that belong to it live on from run to run, so that
# only what changed is built again. One run at a time works on them (the caller holds a lock).
# An update that was interrupted leaves the file ".dirty": a prepared source is then compared
# file by file, a build directory is made anew (ccache has what was compiled).

[[ -z ${KDBUS_SERIES_LOADED:-} ]] || return 0
KDBUS_SERIES_LOADED=1
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/common.sh"
# shellcheck source-path=SCRIPTDIR
. "${BASH_SOURCE[0]%/*}/tree.sh"

# series_script: apply the series to copies of the files that it touches, then bring
# the prepared source to that state; files that do not change keep their times.
series_script() {
	cat <<'SCRIPT'
set -eu
pristine=$1 prepared=$2 series=/kdbus/$3 patches=/kdbus/$4
work=$(mktemp -d)
mkdir "$work/tree"
sed -e 's/[[:space:]]*#.*//' -e '/^[[:space:]]*$/d' -e 's|^patches/||' "$series" >"$work/series"
: >"$work/names"
while read -r name options; do
	test -z "$options" || { echo "series: options after $name are not supported"; exit 1; }
	sed -n -e 's|^--- a/\([^[:space:]]*\).*|\1|p' -e 's|^+++ b/\([^[:space:]]*\).*|\1|p' \
		"$patches/$name" >>"$work/names"
done <"$work/series"
sort -u "$work/names" -o "$work/names"
while read -r file; do
	if test -e "$pristine/$file"; then
		(cd "$pristine" && cp --parents --preserve=mode "$file" "$work/tree")
	fi
done <"$work/names"
while read -r name; do
	echo "applying $name"
	patch -d "$work/tree" -p1 -F0 --batch --no-backup-if-mismatch <"$patches/$name"
done <"$work/series"
(cd "$work/tree" && find . -type f | sed 's|^\./||' | sort) >"$work/result"
if test "$(comm -23 "$work/result" "$work/names")"; then
	echo "the series made files that its headers do not name"
	exit 1
fi

# From here on the prepared source changes.
touch "$prepared/.touched"
sort -u "$prepared/.touched" "$work/names" -o "$work/touched"
: >"$prepared/.dirty"
cp "$work/touched" "$prepared/.touched.new"
mv "$prepared/.touched.new" "$prepared/.touched"
while read -r file; do
	wanted=$pristine/$file
	if grep -qxF "$file" "$work/names"; then wanted=$work/tree/$file; fi
	if test -e "$wanted"; then
		cmp -s "$wanted" "$prepared/$file" && continue
		echo "updating $file"
		mkdir -p "$(dirname "$prepared/$file")"
		cp --preserve=mode "$wanted" "$prepared/$file.kdbus-new"
		mv "$prepared/$file.kdbus-new" "$prepared/$file"
	else
		rm -f "$prepared/$file"
	fi
done <"$work/touched"
cp "$work/names" "$prepared/.touched"
SCRIPT
}

# series_key SERIES PATCHES: key of a series of the repository.
series_key() {
	[[ -f $KDBUS_ROOT/$1 ]] || die "the repository has no file $1; run scripts/gen-patches."
	content_key "$KDBUS_ROOT/$1" "$KDBUS_ROOT/$2" "$(series_script)"
}

series_copy_source() { cp -al "$1/." "$2/" && rm -f "$2/.complete"; }

# series_prepare NAME PRISTINE PREPARED SERIES PATCHES: bring PREPARED to PRISTINE plus the series.
# PRISTINE's files are shared by hard links; nothing may write into a file of PREPARED.
series_prepare() {
	local name=$1 pristine=$2 prepared=$3 key
	key=$(series_key "$4" "$5") || return
	if ! cache_get "$prepared"; then
		step "Copying the $name source" "$name-copy" series_copy_source "$pristine" "$(cache_begin "$prepared")" || return
		cache_commit "$prepared"
	fi
	if [[ ! -e $prepared/.dirty && $(cat "$prepared/.series-key" 2>/dev/null) == "$key" ]]; then
		return 0
	fi
	rm -f "$prepared/.series-key"
	step "Applying the $name series" "$name-series" in_tree sh -c "$(series_script)" series \
		"$(tree_path "$pristine")" "$(tree_path "$prepared")" "$4" "$5" || return
	printf '%s\n' "$key" >"$prepared/.series-key.new"
	mv "$prepared/.series-key.new" "$prepared/.series-key"
	rm -f "$prepared/.dirty"
}
