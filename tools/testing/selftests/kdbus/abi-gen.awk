#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0-only
#
# Turn the table of the binary interface (abi.csv) and the header into a list
# of rows for abi_test.c:
#   ROW(name, property, expected, actual)   one for each number of the table
#   TYPE(name, expected type, expression)   one for each type of the table
#   EXTRA(name)                             one for each name of the header that
#                                           the table lacks
# A name of the table that the header lacks does not compile.
#
# usage: awk -f abi-gen.awk abi.csv kdbus.h

function fail(text)
{
	print "abi-gen: " text > "/dev/stderr"
	print "#error " text
	failed = 1
}

function number(v)
{
	return length(v) > 10 ? v "ULL" : v "U"
}

# Names in the header: structures, their members, enumerations, enumerators
# and macros. Comments have been removed from the line.
function header_line(line,    f, name)
{
	if (line ~ /^#define KDBUS_/ || line ~ /^#define _KDBUS_/) {
		split(line, f, /[ \t]+/)
		header(f[2])
		return
	}
	if (line ~ /^(struct|enum) [a-z0-9_]+ \{/) {
		split(line, f, " ")
		block = f[1]
		outer = f[2]
		header(outer)
		return
	}
	if (line ~ /^\}/) {
		block = ""
		return
	}
	if (block == "enum" && match(line, /^\t_?KDBUS_[A-Z0-9_]+/)) {
		header(substr(line, 2, RLENGTH - 1))
	} else if (block == "struct" && line ~ /;/ && line !~ /\}/) {
		name = line
		sub(/\[[0-9]*\];.*/, ";", name)
		sub(/\);.*/, ";", name)
		sub(/;.*/, "", name)
		sub(/.*[ \t]/, "", name)
		header(outer "." name)
	}
}

function header(name)
{
	if (name in table)
		seen[name] = 1
	else if (name != "_UAPI_LINUX_KDBUS_H")
		printf("EXTRA(\"%s\")\n", name)
}

function field(name, list,    part, f, i, p, ptr, type)
{
	split(list, f, ";")
	for (i in f) {
		split(f[i], p, "=")
		part[p[1]] = p[2]
	}
	split(name, p, ".")
	ptr = "((struct " p[1] " *)0)->" p[2]
	type = part["type"]
	printf("ROW(\"%s\", \"offset\", %s, offsetof(struct %s, %s))\n",
	       name, part["offset"], p[1], p[2])
	if (part["size"] != 0) {
		printf("ROW(\"%s\", \"size\", %s, sizeof(%s))\n", name,
		       part["size"], ptr)
	} else {
		# a flexible array has no size: compare the element type
		sub(/\[.*/, "", type)
		ptr = ptr "[0]"
	}
	printf("TYPE(\"%s\", %s, %s)\n", name, type, ptr)
}

function tag(kind, name, list,    f, i, p)
{
	split(list, f, ";")
	for (i in f) {
		split(f[i], p, "=")
		printf("ROW(\"%s\", \"%s\", %s, %s(%s %s))\n", name, p[1],
		       p[2], p[1] == "align" ? "__alignof__" : "sizeof", kind,
		       name)
	}
}

FNR == 1 {
	file++
}

file == 1 && FNR > 1 {
	split($0, col, ",")
	if (col[2] in table)
		fail("twice in the table: " col[2])
	table[col[2]] = 1
	rows++
	if (col[1] == "struct" || col[1] == "enum")
		tag(col[1], col[2], col[3])
	else if (col[1] == "field")
		field(col[2], substr($0, length(col[1] col[2]) + 3))
	else if (col[1] == "const" || col[1] == "ioctl")
		printf("ROW(\"%s\", \"value\", %s, %s)\n", col[2],
		       number(col[3]), col[2])
	else
		fail("unknown kind of row: " col[1])
}

file == 2 {
	line = $0
	if (comment) {
		if (line !~ /\*\//)
			next
		sub(/.*\*\//, "", line)
		comment = 0
	}
	gsub(/\/\*.*\*\//, "", line)
	if (line ~ /\/\*/) {
		sub(/\/\*.*/, "", line)
		comment = 1
	}
	header_line(line)
}

END {
	for (name in table)
		if (!(name in seen))
			fail("in the table, not in the header: " name)
	if (rows < 200)
		fail("the table is not complete")
	exit failed
}
